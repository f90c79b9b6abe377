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
 * @param files The file system.
 * @param path Where the trail is.
 * @param signal Ends the reading.
 * @throws {CommandError} It cannot be read or written, or is not as it was sealed.
 */
export async function sealTrail(
  files: Files,
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
    return await sealAuditTrail(auditSource(files, path, signal), { append });
  } catch (error) {
    if (!(error instanceof AuditTrailError)) throw error;
    throw new CommandError(inFile(error.message, path), exitCode.failed);
  } finally {
    await file?.close();
  }
}
