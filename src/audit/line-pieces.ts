import { createByteBuffer } from "../core/byte-buffer.ts";
import { type AuditLines, bytesOf } from "./bytes.ts";

/** A line with its newline, or a piece of one that is longer than {@link longestLine}. */
export interface LinePiece {
  readonly bytes: Uint8Array;
  /** Whether the line ends here. The last line of a file does not where it was cut off. */
  readonly ends: boolean;
}

/** How many bytes of a line are held at a time, and how long an entry can be. */
export const longestLine = 1_048_576;

const newline = 0x0a;

/** Cuts bytes into lines, in bounded memory whatever comes. */
export async function* linePieces(lines: AuditLines): AsyncGenerator<LinePiece, void, undefined> {
  const line = createByteBuffer(); // a copy: the source may fill its buffer anew
  const take = (ends: boolean): LinePiece => {
    const bytes = line.bytes().slice();
    line.clear();
    return { bytes, ends };
  };
  for await (const chunk of bytesOf(lines)) {
    for (let start = 0; start < chunk.length;) {
      const within = chunk.subarray(start, start + longestLine - line.length);
      const at = within.indexOf(newline);
      const part = at === -1 ? within : within.subarray(0, at + 1);
      line.append(part);
      start += part.length;
      if (at !== -1 || line.length === longestLine) yield take(at !== -1);
    }
  }
  if (line.length > 0) yield take(false);
}
