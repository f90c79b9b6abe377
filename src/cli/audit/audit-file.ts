import { createJsonlAuditTrail, readAuditTrail } from "../../audit/jsonl.ts";
import { verifyAuditTrail } from "../../audit/verify.ts";
import type { AuditEntry, AuditTrail } from "../../core/ports.ts";
import { CommandError, exitCode } from "../exit-code.ts";
import { fileError } from "../input/file-error.ts";
import { inTime } from "../input/in-time.ts";
import { untilAborted } from "../input/until-aborted.ts";
import type { Files } from "../host.ts";
import type { CommandOutput } from "../terminal/output.ts";
import { auditSource, sealsOf } from "./audit-source.ts";
import { inFile } from "./describe-trail.ts";
import { surveyTrail } from "./survey-trail.ts";

/** An audit trail in a file that is open. */
export interface AuditFile extends AuditTrail {
  readonly path: string;
  /** The entries that were there when it was opened, and those since. */
  history(): AsyncGenerator<AuditEntry>;
  /** Whether an entry of those that were there is about the deletion of a batch. */
  mentions(id: string): boolean;
  /**
   * Waits for what is being written, and closes it.
   *
   * @param limit How long to wait, in milliseconds.
   * @throws {CommandError} It cannot be closed in time, or at all.
   */
  close(limit: number): Promise<void>;
}

/** How an audit trail is opened. */
export interface AuditFileOptions {
  /** The batches that {@link AuditFile.mentions} is asked about. */
  readonly ids: Iterable<string>;
  /** Is told of lines that are no entries. */
  readonly output: Pick<CommandOutput, "note">;
  /** Ends the reading at once. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens an audit trail, and reads it whole: a file that is something else is no place for entries, nor
 * is one that could not be sealed afterwards.
 *
 * @param files The file system.
 * @param path Where it is; it is made where there is none.
 * @throws {CommandError} It or its seals cannot be opened or read, or it is no audit trail, or not as it
 *   was sealed.
 */
export async function openAuditFile(
  files: Files,
  path: string,
  { ids, output, signal }: AuditFileOptions,
): Promise<AuditFile> {
  const asked = new Set(ids);
  const mentioned = new Set<string>();
  const onEntry = ({ resource, id }: AuditEntry) => {
    if (resource === "message_batch" && asked.has(id)) mentioned.add(id);
  };
  const file = await files.appendTo(path).catch((error) => {
    throw fileError(`open ${path}`, error);
  });
  try {
    const { unreadable, foreign } = await surveyTrail(files, path, { onEntry, signal });
    if (foreign !== undefined) throw foreign;
    if (unreadable > 0) {
      const what = unreadable === 1 ? "1 line is no entry" : `${unreadable} lines are no entries`;
      await output.note(`${path}: ${what}, and passed over\n`);
    }
    await checkSeals(files, path, signal);
  } catch (error) {
    await file.close();
    throw error;
  }
  const trail = createJsonlAuditTrail(file);
  return {
    path,
    async append(entry) {
      try {
        await trail.append(entry);
      } catch (error) {
        throw fileError(`write ${path}`, error, exitCode.failed);
      }
    },
    async *history() {
      try {
        yield* readAuditTrail(untilAborted(files.read(path), signal));
      } catch (error) {
        if (signal?.aborted && error === signal.reason) throw error;
        throw fileError(`read ${path}`, error);
      }
    },
    mentions: (id) => mentioned.has(id),
    async close(limit) {
      await inTime(file.close(), limit).catch((error) => {
        throw fileError(`close ${path}`, error, exitCode.failed);
      });
    },
  };
}

async function checkSeals(files: Files, path: string, signal?: AbortSignal): Promise<void> {
  const { problem } = await verifyAuditTrail(auditSource(files, path, signal));
  if (problem !== undefined) throw new CommandError(inFile(problem.message, path));
  const seals = sealsOf(path);
  const file = await files.appendTo(seals).catch((error) => {
    throw fileError(`open ${seals}`, error);
  });
  await file.close();
}
