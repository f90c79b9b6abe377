import { sha256 } from "../../deps.ts";
import { hex } from "../../core/hex.ts";
import type { Patience } from "../../core/attempt.ts";
import { createResultCounter } from "./count-results.ts";

/** Takes results in, over as many answers as it takes. */
export interface ResultsReceiver {
  /**
   * Takes an answer from its beginning to its end. What came before, in an answer that was cut off,
   * must be the same in this one, and goes to nobody again.
   *
   * @returns Whether the answer is as promised so far, or why it is not. Then the rest is left.
   * @throws What the stream or `write` throws, and `patience.signal.reason`.
   */
  receive(
    stream: ReadableStream<Uint8Array> | null,
    patience: Patience,
  ): Promise<{ readonly problem?: string }>;
  /** How many bytes were written. */
  readonly bytes: number;
  /** The SHA-256 of what was written, in hexadecimal. */
  sha256(): string;
}

/**
 * Begins to take results in.
 *
 * @param results How many there must be.
 * @param write Is given every byte once, in order, and is waited for.
 * @param longestLine The bytes that one line has at most. By default 64 MiB, which no result comes
 *   near: an answer without line ends fills neither the memory nor the sink.
 */
export function createResultsReceiver(
  results: number,
  write: (chunk: Uint8Array) => Promise<void>,
  longestLine = 67_108_864,
): ResultsReceiver {
  const hash = sha256.create();
  const counter = createResultCounter(results, longestLine);
  let bytes = 0;

  async function take(chunk: Uint8Array): Promise<string | undefined> {
    const problem = counter.add(chunk);
    if (problem !== undefined) return problem;
    hash.update(chunk);
    bytes += chunk.length;
    await write(chunk); // last: from here on the bytes are not ours
    return undefined;
  }

  return {
    async receive(stream, patience) {
      const repetition = createRepetition(hash.clone(), bytes);
      for await (const chunk of read(stream, patience)) {
        const fresh = repetition.leaveOut(chunk);
        if (fresh === undefined) return { problem: "it changed while it was asked for again" };
        const problem = fresh.length > 0 ? await take(fresh) : undefined;
        if (problem !== undefined) return { problem };
      }
      if (!repetition.over()) return { problem: "it is shorter than when it was asked for before" };
      const problem = counter.end();
      return problem === undefined ? {} : { problem };
    },
    get bytes() {
      return bytes;
    },
    sha256: () => hex(hash.clone().digest()),
  };
}

/** Leaves out of an answer what came before, if it is the same. */
function createRepetition(before: ReturnType<typeof sha256.create>, length: number) {
  const again = sha256.create();
  const expected = hex(before.digest());
  let left = length;
  return {
    /** What is new of a piece; undefined: what is not new is not the same. */
    leaveOut(chunk: Uint8Array): Uint8Array | undefined {
      if (left === 0) return chunk;
      const repeated = chunk.subarray(0, left);
      again.update(repeated);
      left -= repeated.length;
      if (left === 0 && hex(again.digest()) !== expected) return undefined;
      return chunk.subarray(repeated.length);
    },
    /** Whether all that came before has come again. */
    over: () => left === 0,
  };
}

/** Reads an answer piece by piece. What the reader does with a piece is not the other side's time. */
async function* read(
  stream: ReadableStream<Uint8Array> | null,
  { signal, begin, end }: Patience,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (stream === null) return;
  const reader = stream.getReader();
  // Not awaited: a hostile stream may never say that it has been canceled.
  const cancel = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", cancel);
  try {
    for (;;) {
      signal.throwIfAborted();
      begin();
      const { done, value } = await reader.read();
      end();
      signal.throwIfAborted(); // a stream that was canceled says that it is done
      if (done) return;
      if (!ArrayBuffer.isView(value)) {
        throw new TypeError("Cannot read a stream of anything but bytes");
      }
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    cancel();
  }
}
