/**
 * Receives the results of a batch, checks that they are complete, and hashes them.
 *
 * @module
 */
import { createLineSplitter, hex, isBlank } from "../core/bytes.ts";
import type { IdleTimer } from "../core/send.ts";
import { sha256 } from "../deps.ts";

/** Receives results, over as many answers as it takes. */
export interface ResultsReceiver {
  /**
   * Receives an answer from its beginning to its end. Bytes that came in an earlier answer, which was
   * cut off, must be the same in this one, and are not written again.
   *
   * @returns Why the answer is not what the API promises; nothing where it is. The rest is not read.
   * @throws {SlowAnswer} It comes too slowly.
   * @throws What the stream or `write` throws, and `idleTimer.signal.reason`.
   */
  receive(
    stream: ReadableStream<Uint8Array> | null,
    idleTimer: IdleTimer,
  ): Promise<string | undefined>;
  /** How many bytes were written. */
  readonly bytes: number;
  /** The SHA-256 of what was written, in hexadecimal. */
  sha256(): string;
}

/** The answer drips: no silence is too long, but it would take for ever. */
export class SlowAnswer extends Error {}

/** What bounds an answer. */
export interface ReceiverLimits {
  /** The bytes of one line, with the blank lines before it. @default 67_108_864 */
  readonly maxLineBytes?: number | undefined;
  /**
   * Whether an answer of so many bytes may take so long, in milliseconds. The time that `write` takes
   * is left out. @default it may
   */
  readonly mayTake?: ((bytes: number, duration: number) => boolean) | undefined;
  /** The time, in milliseconds. @default 0 */
  readonly now?: (() => number) | undefined;
}

/**
 * Begins to receive results.
 *
 * @param results How many there must be.
 * @param write Gets every byte once, in order, and is awaited.
 */
export function createResultsReceiver(
  results: number,
  write: (chunk: Uint8Array) => Promise<void>,
  { maxLineBytes = 67_108_864, mayTake = () => true, now = () => 0 }: ReceiverLimits = {},
): ResultsReceiver {
  const hash = sha256.create();
  const counter = createResultCounter(results, maxLineBytes);
  let bytes = 0;
  const digest = () => hex(hash.clone().digest());
  return {
    async receive(stream, idleTimer) {
      const before = digest();
      const repeated = sha256.create();
      let left = bytes; // of those that come again
      for await (const chunk of read(stream, idleTimer, now, mayTake)) {
        const again = chunk.subarray(0, left);
        const fresh = chunk.subarray(again.length);
        if (left > 0) {
          repeated.update(again);
          left -= again.length;
          if (left === 0 && hex(repeated.digest()) !== before) {
            return "it changed while it was asked for again";
          }
        }
        if (fresh.length === 0) continue;
        const problem = counter.add(fresh);
        if (problem !== undefined) return problem;
        hash.update(fresh);
        bytes += fresh.length;
        await write(fresh); // last: the sink may change the bytes
      }
      return left > 0 ? "it is shorter than when it was asked for before" : counter.end();
    },
    get bytes() {
      return bytes;
    },
    sha256: digest,
  };
}

/** Reads an answer piece by piece. The time that the sink takes is not the server's. */
async function* read(
  stream: ReadableStream<Uint8Array> | null,
  { signal, restart, stop }: IdleTimer,
  now: () => number,
  mayTake: (bytes: number, duration: number) => boolean,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (stream === null) return;
  const reader = stream.getReader();
  // Not awaited: a hostile stream may never confirm that it was canceled.
  const cancel = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", cancel);
  let bytes = 0;
  let duration = 0;
  try {
    for (;;) {
      signal.throwIfAborted();
      restart();
      const askedAt = now();
      const { done, value } = await reader.read();
      stop();
      signal.throwIfAborted(); // a stream that was canceled says that it is done
      if (done) return;
      if (!ArrayBuffer.isView(value)) {
        throw new TypeError("Cannot read a stream of anything but bytes");
      }
      bytes += value.length;
      duration += Math.max(0, now() - askedAt); // a clock may be set back
      if (!mayTake(bytes, duration)) throw new SlowAnswer();
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    cancel();
  }
}

const maxIdLength = 256; // characters; the API documents 64, and every id is held

/** Checks and counts results, JSON lines, as they come. It holds one line, and the ids. */
function createResultCounter(expected: number, maxLineBytes: number) {
  const ids = new Set<string>();
  const splitter = createLineSplitter(maxLineBytes + 1);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let sinceResult = 0; // bytes of complete lines

  function count(line: Uint8Array, otherwise: string): string | undefined {
    if (isBlank(line)) return undefined;
    const id = customIdOf(line, decoder);
    if (id === undefined) return otherwise;
    if (ids.size === expected) return `it has more lines than the batch has results, ${expected}`;
    if (ids.has(id)) return `its line ${ids.size + 1} has the custom_id of one before it`;
    ids.add(id);
    sinceResult = 0;
    return undefined;
  }

  return {
    /** Takes bytes, and says why they cannot be the results; undefined: they can. */
    add(chunk: Uint8Array): string | undefined {
      const tooLong = `it has a line of more than ${maxLineBytes} bytes`;
      for (const { bytes, ends } of splitter.split(chunk)) {
        sinceResult += bytes.length;
        if (!ends || sinceResult > maxLineBytes) return tooLong;
        const problem = count(bytes, `its line ${ids.size + 1} is not a result`);
        if (problem !== undefined) return problem;
      }
      return sinceResult + splitter.rest().length > maxLineBytes ? tooLong : undefined;
    },
    /** Ends the text. A last line without its newline counts if it is a whole result. */
    end(): string | undefined {
      const cut = `it breaks off: its line ${ids.size + 1} is not a whole result`;
      const problem = count(splitter.rest(), cut);
      if (problem !== undefined || ids.size === expected) return problem;
      return `it has ${ids.size} lines, and the batch ${expected} results`;
    },
  };
}

/** The `custom_id` of a line that is a result; a line that is cut off is none. */
function customIdOf(bytes: Uint8Array, decoder: TextDecoder): string | undefined {
  try {
    // Object() of anything but an object has neither.
    const { custom_id, result } = Object(JSON.parse(decoder.decode(bytes)));
    if (typeof result !== "object" || result === null || Array.isArray(result)) return undefined;
    return typeof custom_id === "string" && custom_id.length <= maxIdLength ? custom_id : undefined;
  } catch {
    return undefined;
  }
}
