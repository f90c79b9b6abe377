import { CommandError } from "../exit-code.ts";
import { fileError } from "./file-error.ts";
import type { Files } from "../host.ts";
import { untilAborted } from "./until-aborted.ts";

/**
 * The text of a file that is read as a whole.
 *
 * @param files The file system.
 * @param path Where it is.
 * @param limit What it can be: how many bytes at most, and what it is then too large for.
 * @param signal Ends the reading at once.
 * @throws {CommandError} It cannot be read, or is too large.
 * @throws `signal.reason` where it is aborted.
 */
export async function readText(
  files: Pick<Files, "read">,
  path: string,
  limit: { readonly bytes: number; readonly what: string },
  signal?: AbortSignal,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  try {
    for await (const chunk of untilAborted(files.read(path), signal)) {
      size += chunk.length;
      if (size > limit.bytes) break;
      text += decoder.decode(chunk, { stream: true });
    }
  } catch (error) {
    if (signal?.aborted && error === signal.reason) throw error;
    throw fileError(`read ${path}`, error);
  }
  if (size > limit.bytes) {
    throw new CommandError(`Cannot use ${path}: it is too large to be ${limit.what}`);
  }
  return text + decoder.decode();
}
