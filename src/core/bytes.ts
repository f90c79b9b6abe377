/** Bytes: read, cut into lines, written in hexadecimal. @module */
import type { IdleTimer } from "./send.ts";

/** Bytes as files and answers give them, in pieces of any size. */
export type ByteSource =
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>
  | ReadableStream<Uint8Array>;

/**
 * The bytes of a source. If the iteration ends early, so does the source. Not every runtime has streams
 * that can be iterated.
 *
 * @param timer Measures each wait for the source, and ends the iteration with its signal.
 */
export async function* bytesOf(
  source: ByteSource,
  timer?: IdleTimer,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const bytes of "getReader" in source ? chunksOf(source, timer) : source) {
    if (!ArrayBuffer.isView(bytes)) throw new TypeError("Cannot read: not bytes");
    yield bytes;
  }
}

async function* chunksOf(
  stream: ReadableStream<Uint8Array>,
  timer?: IdleTimer,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
  // Not awaited: a hostile stream may never confirm that it was canceled.
  const cancel = () => void reader.cancel().catch(() => {});
  timer?.signal.addEventListener("abort", cancel);
  try {
    for (;;) {
      timer?.signal.throwIfAborted();
      timer?.restart();
      const { done, value } = await reader.read();
      timer?.stop();
      timer?.signal.throwIfAborted(); // a stream that was canceled says that it is done
      if (done) return;
      yield value;
    }
  } finally {
    timer?.signal.removeEventListener("abort", cancel);
    cancel();
  }
}

/** Reads a stream up to a limit; `undefined` where there is more. */
export async function readBytes(
  stream: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = stream?.getReader();
  while (reader !== undefined) { // bytesOf() would make a call slower by a tenth
    const { done, value } = await reader.read();
    if (done) break;
    length += value.byteLength; // NaN if it is no bytes
    if (!(length <= maxBytes)) return void reader.cancel().catch(() => {});
    chunks.push(value);
  }
  const [first = new Uint8Array(), ...others] = chunks;
  if (others.length === 0) return first;
  return new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}

/** A line with its newline, or a piece of one that is longer than the bound. */
export interface LinePiece {
  /** Valid until the next piece. */
  readonly bytes: Uint8Array;
  /** Whether the line ends here. */
  readonly ends: boolean;
}

/** Cuts bytes into lines. It holds one line, up to a bound. */
export interface LineSplitter {
  /** Takes bytes, and gives the lines that end in them, and pieces of lines that are too long. */
  split(chunk: Uint8Array): Generator<LinePiece, void, undefined>;
  /** The line that has not ended. */
  rest(): Uint8Array;
}

const newline = 0x0a;

const maxBytesKept = 1_048_576; // memory that stays reserved after a long line

/** Begins to cut bytes into lines of at most so many bytes, newline included. */
export function createLineSplitter(maxBytes: number): LineSplitter {
  let memory = new Uint8Array();
  let length = 0;
  const rest = () => memory.subarray(0, length);
  /** Adds bytes to the rest. It grows by doubling, so that a byte is copied twice on average. */
  const append = (part: Uint8Array) => {
    if (length + part.length > memory.length) {
      const before = rest();
      memory = new Uint8Array(Math.max(length + part.length, 2 * memory.length, 1_024));
      memory.set(before);
    }
    memory.set(part, length);
    length += part.length;
  };
  return {
    *split(chunk) {
      for (let start = 0; start < chunk.length;) {
        const within = chunk.subarray(start, start + maxBytes - length);
        const at = within.indexOf(newline);
        const ends = at !== -1;
        const part = ends ? within.subarray(0, at + 1) : within;
        start += part.length;
        if (length === 0 && ends) {
          yield { bytes: part, ends };
          continue;
        }
        append(part);
        if (!ends && length < maxBytes) continue;
        yield { bytes: rest(), ends };
        length = 0;
        if (memory.length > maxBytesKept) memory = new Uint8Array();
      }
    },
    rest,
  };
}

/** Whether there is nothing but white space. */
export function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === newline || byte === 0x0d || byte === 0x20 || byte === 0x09);
}

/** Writes bytes in hexadecimal, in small letters. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
