import type { AuditSource } from "../../audit/follow-seals.ts";
import { fileError } from "../input/file-error.ts";
import { untilAborted } from "../input/until-aborted.ts";
import type { Files } from "../host.ts";

/** Where the seals of an audit trail are: beside it. */
export const sealsOf = (path: string): string => `${path}.seals`;

/**
 * An audit trail in a file, and its seals, to be verified or sealed. Reading them fails with a
 * `CommandError` that names the file.
 *
 * @param files The file system.
 * @param path Where the trail is.
 * @param signal Ends the reading.
 */
export function auditSource(
  files: Pick<Files, "read">,
  path: string,
  signal?: AbortSignal,
): AuditSource {
  const read = async function* (file: string, mayLack: boolean): AsyncGenerator<Uint8Array> {
    try {
      yield* untilAborted(files.read(file), signal);
    } catch (error) {
      if (signal?.aborted && error === signal.reason) throw error;
      const nothing = error instanceof Error && "code" in error && error.code === "ENOENT";
      if (!(nothing && mayLack)) throw fileError(`read ${file}`, error);
    }
  };
  return {
    lines: () => read(path, false),
    seals: () => read(sealsOf(path), true),
  };
}
