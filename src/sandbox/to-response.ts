import type { Answer } from "./answer.ts";

const CHUNK_SIZE = 64 * 1024;
const NULL_BODY_STATUSES: readonly number[] = [204, 205, 304];

/**
 * Makes the Response of an answer.
 *
 * @param answer What is answered.
 * @param headers Headers for every answer; the answer's own come first.
 * @param truncate Where the body breaks off: after so many bytes, or half-way. The length in the
 *   headers stays that of the whole.
 * @returns The response. Lines are made while it is read.
 */
export function toResponse(
  answer: Answer,
  headers: Readonly<Record<string, string>>,
  truncate: boolean | number = false,
): Response {
  const init = { status: answer.status, headers: new Headers({ ...headers, ...answer.headers }) };
  if (answer.body === null || NULL_BODY_STATUSES.includes(answer.status)) {
    return new Response(null, init);
  }
  const text = answer.body;
  const lines = typeof text === "string" ? () => [text] : text;
  if (typeof text === "string" || truncate !== false) {
    const size = count(lines());
    init.headers.set("content-length", String(size));
    if (truncate !== false) {
      const end = truncate === true ? Math.floor(size / 2) : Math.min(truncate, size);
      return new Response(stream(cut(chunks(lines()), end)), init);
    }
  }
  return new Response(typeof text === "string" ? text : stream(chunks(lines())), init);
}

/** Lines as bytes, joined so that a large body is not one chunk a line. */
function* chunks(lines: Iterable<string>): Generator<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  let joined = "";
  for (const line of lines) {
    joined += line;
    if (joined.length >= CHUNK_SIZE) {
      yield encoder.encode(joined);
      joined = "";
    }
  }
  if (joined !== "") yield encoder.encode(joined);
}

/** The first bytes of a body, and then a connection that breaks off. */
function* cut(
  whole: Iterable<Uint8Array<ArrayBuffer>>,
  end: number,
): Generator<Uint8Array<ArrayBuffer>> {
  let left = end;
  for (const chunk of whole) {
    if (left > 0) yield chunk.subarray(0, left);
    left -= chunk.byteLength;
    if (left <= 0) break;
  }
  throw new TypeError("The connection was lost while the body was sent");
}

function stream(
  source: Generator<Uint8Array<ArrayBuffer>>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    pull(controller) {
      const { done, value } = source.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel() {
      source.return(undefined);
    },
  }, { highWaterMark: 0 });
}

function count(lines: Iterable<string>): number {
  let size = 0;
  for (const chunk of chunks(lines)) size += chunk.byteLength;
  return size;
}
