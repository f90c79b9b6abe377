/**
 * What the API writes: JSON, errors, ids and timestamps; and how an answer becomes a Response.
 *
 * @module
 */

/** A route's answer, before it becomes a Response. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Text, nothing, or lines that are made one by one while the client reads. */
  readonly body: string | null | (() => Iterable<string>);
}

/** An answer with JSON. */
export function jsonAnswer(value: unknown, status = 200): Answer {
  const headers = { "content-type": "application/json" };
  return { status, headers, body: JSON.stringify(value) };
}

/** The `error.type` that the documentation gives to each status. */
const errorTypes: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  409: "conflict_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  504: "timeout_error",
  529: "overloaded_error",
};

/** The parts of an error that are optional. */
interface RefusalExtras {
  /** `error.type`. @default the documented one of the status */
  readonly type?: string | undefined;
  /** `error.details`. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** An error of the API. Routes throw it, and it becomes an answer. */
export class Refusal extends Error {
  /** The error as the API writes it. The id also stands in the `request-id` header. */
  readonly toAnswer: (requestId: string) => Answer;

  constructor(status: number, message: string, { details, headers, ...more }: RefusalExtras = {}) {
    super(message);
    const other = status >= 500 ? "api_error" : "invalid_request_error";
    const type = more.type ?? errorTypes[status] ?? other;
    const error = { type, message, ...(details && { details }) };
    this.toAnswer = (request_id) => {
      const answer = jsonAnswer({ type: "error", error, request_id }, status);
      return { ...answer, headers: { ...answer.headers, ...headers } };
    };
  }
}

/** A 400. */
export function invalid(message: string, extras?: RefusalExtras): Refusal {
  return new Refusal(400, message, extras);
}

/** The documentation's own example of a 404. */
export function notFound(): Refusal {
  return new Refusal(404, "The requested resource could not be found.");
}

type Bytes = Uint8Array<ArrayBuffer>;

const encode = (text: string): Bytes => new TextEncoder().encode(text);

/**
 * Makes the Response of an answer.
 *
 * @param answer The answer. Its lines are made while the client reads.
 * @param headers All headers of the response.
 * @param truncate Where the body breaks off: after so many bytes, or half-way. The content-length
 *   stays that of the whole.
 */
export function toResponse(
  { status, body }: Answer,
  headers: Headers,
  truncate: boolean | number = false,
): Response {
  if (body === null || [204, 205, 304].includes(status)) {
    return new Response(null, { status, headers });
  }
  if (typeof body !== "string" && truncate === false) {
    return new Response(toStream(inChunks(body())), { status, headers });
  }
  const bytes = encode(typeof body === "string" ? body : [...body()].join(""));
  headers.set("content-length", String(bytes.length));
  const end = truncate === true ? bytes.length / 2 : truncate;
  return new Response(end === false ? bytes : toStream(cut(bytes, end)), {
    status,
    headers,
  });
}

/** Lines as bytes, joined so that a large body is not one chunk a line. */
function* inChunks(lines: Iterable<string>): Generator<Bytes> {
  let joined = "";
  for (const line of lines) {
    joined += line;
    if (joined.length < 64 * 1024) continue;
    yield encode(joined);
    joined = "";
  }
  if (joined !== "") yield encode(joined);
}

/** The first bytes of a body. Then the connection breaks off. */
function* cut(bytes: Bytes, end: number): Generator<Bytes> {
  if (end >= 1) yield bytes.subarray(0, end);
  throw new TypeError("The connection was lost while the body was sent");
}

function toStream(chunks: Generator<Bytes>): ReadableStream<Bytes> {
  return new ReadableStream({
    pull(controller) {
      const { done, value } = chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: () => void chunks.return(undefined),
  }, { highWaterMark: 0 });
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/**
 * Creates a source of ids as the API's look today: a prefix, `_01` and 22 more characters. The
 * second half counts, so that ids are unique even when `random` is a constant.
 *
 * @param random A number from 0 up to 1.
 * @returns A function that makes the next id with a prefix.
 */
export function createIds(random: () => number): (prefix: string) => string {
  let count = 0;
  return (prefix) => {
    let digits = "";
    for (let i = 0; i < 14; i++) digits += base62.charAt(Math.floor(random() * 62));
    return `${prefix}_01${digits}${String(count += 1).padStart(8, "0")}`;
  };
}

/**
 * Writes a time in RFC 3339, in UTC and with microseconds (`2024-08-20T18:37:24.100435Z`).
 *
 * @param time Milliseconds since the epoch; a fraction becomes the microseconds.
 */
export function timestamp(time: number): string {
  const whole = Math.floor(time);
  const micros = Math.min(999, Math.round((time - whole) * 1000));
  return new Date(whole).toISOString().replace("Z", `${String(micros).padStart(3, "0")}Z`);
}
