import type { AuditEntry } from "../core/ports.ts";

/** Bytes as files and answers give them, in pieces of any size. */
export type ByteSource =
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>
  | ReadableStream<Uint8Array>;

/** The lines of an audit trail: the bytes of JSON lines, or entries, each of which is its JSON. */
export type AuditLines = ByteSource | AsyncIterable<AuditEntry> | Iterable<AuditEntry>;

/** The bytes of the lines of a trail. Who ends the iteration early ends the source. */
export async function* bytesOf(lines: AuditLines): AsyncGenerator<Uint8Array, void, undefined> {
  const encoder = new TextEncoder();
  for await (const value of "getReader" in lines ? read(lines) : lines) {
    if (ArrayBuffer.isView(value)) yield value;
    else if (typeof value === "object") yield encoder.encode(`${JSON.stringify(value)}\n`);
    else throw new TypeError("Cannot read an audit trail of anything but bytes or entries");
  }
}

/** Not every runtime has streams that can be iterated. */
async function* read(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {}); // a stream that failed has said so
  }
}
