import { type AuditSealing, sealAuditTrail } from "../../audit/seal.ts";
import { AuditTrailError } from "../../core/audit-trail-error.ts";
import { auditSource, sealsOf } from "./audit-source.ts";
import { inFile } from "./describe-trail.ts";
import { CommandError, exitCode } from "../exit-code.ts";
import { fileError } from "../input/file-error.ts";
import type { Files, OpenFile } from "../host.ts";

/**
 * Seals what is not sealed of an audit trail in a file. Where there is nothing to seal, nothing is
 * written.
 *
 * @param files The file system. What is added to it is not waited for any longer once that has failed.
 * @param path Where the trail is.
 * @param signal Ends the reading.
 * @throws {CommandError} It cannot be read or written, or is not as it was sealed.
 */
export async function sealTrail(
  files: Pick<Files, "read" | "appendTo">,
  path: string,
  signal?: AbortSignal,
): Promise<AuditSealing> {
  const seals = sealsOf(path);
  const failed = (action: string) => (error: unknown) => {
    throw fileError(`${action} ${seals}`, error);
  };
  let file: OpenFile | undefined;
  const append = async (lines: string) => {
    file ??= await files.appendTo(seals).catch(failed("open"));
    await file.append(lines).catch(failed("write"));
  };
  try {
    const sealing = await sealAuditTrail(auditSource(files, path, signal), { append });
    await file?.close().catch(failed("close"));
    return sealing;
  } catch (error) {
    file?.close().catch(() => {}); // not waited for: what is being added may never be
    if (!(error instanceof AuditTrailError)) throw error;
    throw new CommandError(inFile(error.message, path), exitCode.failed);
  }
}
