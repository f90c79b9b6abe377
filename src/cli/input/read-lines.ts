import { CommandError } from "../exit-code.ts";
import { untilAborted } from "./until-aborted.ts";

const longestLine = 1_024;

/**
 * The lines of an input, trimmed, without those that are blank. Memory is bounded, whatever comes.
 *
 * @param chunks The bytes.
 * @param signal Ends the reading at once.
 * @throws {CommandError} A line is too long, or not UTF-8 text.
 * @throws `signal.reason` where it is aborted.
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let number = 0;
  const lineOf = (bytes: Uint8Array): string => {
    number += 1;
    if (bytes.length > longestLine) {
      throw new CommandError(`Cannot read line ${number}: it is longer than ${longestLine} bytes`);
    }
    try {
      return decoder.decode(bytes).trim();
    } catch {
      throw new CommandError(`Cannot read line ${number}: it is not UTF-8 text`);
    }
  };

  let rest = new Uint8Array();
  for await (const chunk of untilAborted(chunks, signal)) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      const line = lineOf(join(rest, chunk.subarray(start, end)));
      if (line !== "") yield line;
      rest = new Uint8Array();
      start = end + 1;
    }
    rest = join(rest, chunk.subarray(start));
    if (rest.length > longestLine) lineOf(rest);
  }
  const last = lineOf(rest);
  if (last !== "") yield last;
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
