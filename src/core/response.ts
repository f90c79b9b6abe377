import { type GenericSchema, safeParse } from "../deps.ts";
import type { Answer } from "./answer.ts";
import {
  APIError,
  type Exchange,
  InvalidResponseError,
  type Issue,
  NotFoundError,
  type Refusal,
} from "./errors.ts";
import { retryAfter } from "./retry.ts";

/** An answer, and how it came about. */
export interface Reply extends Answer, Exchange {
  /** What the request was for: `delete message batch "msgbatch_1"`. */
  readonly action: string;
  /** When the answer came, in milliseconds since the epoch. */
  readonly receivedAt: number;
  /** Takes the secrets of the request out of a text of the server. */
  readonly redact: (text: string) => string;
  /** The id that the API gave the request, to give to its support. */
  readonly requestId?: string | undefined;
}

/** A header that is an id, fit to be shown. */
export function idIn(
  { headers, redact }: Pick<Reply, "headers" | "redact">,
  name: "request-id" | "anthropic-workspace-id",
): string | undefined {
  return printable(headers.get(name) ?? "", 128, redact) || undefined;
}

/**
 * Judges an answer: what the schema accepts is the value, anything else is an error.
 *
 * @param reply The answer.
 * @param schema What the API promises.
 * @param leftOut What the API may leave out.
 * @throws {NotFoundError | APIError} The API refused.
 * @throws {InvalidResponseError} The answer is not what the API promises.
 */
export function judge<Value>(
  reply: Reply,
  schema: GenericSchema<unknown, Value>,
  leftOut?: object,
): Value {
  if (reply.status >= 400) throw refusal(reply);
  if (reply.status >= 300 || reply.status < 200) {
    throw invalid(reply, "it is a redirect, and none is followed", []);
  }
  if (reply.status !== 200) throw invalid(reply, "its status is not 200", []);
  const parsed = parseJson(reply);
  if ("problem" in parsed) throw invalid(reply, `it ${parsed.problem}`, []);
  const value = leftOut ? Object.assign({ ...leftOut }, parsed.value) : parsed.value;
  const result = safeParse(schema, value);
  if (result.success) return result.output;
  const issues = result.issues.map((issue) => ({
    path: issue.path?.map(({ key }) => String(key)).join(".") ?? "",
    message: `Expected ${issue.expected ?? "something else"}`, // valibot's text quotes the value
  }));
  const named = issues.map(({ path, message }) => `${path || "body"}: ${message}`).join("; ");
  throw invalid(reply, named, issues);
}

/** The error that an answer is which is not what the API promises. */
export function invalid(reply: Reply, why: string, issues: readonly Issue[]): InvalidResponseError {
  return new InvalidResponseError(
    `Cannot ${reply.action}: the answer (${reply.status}) is not what the API promises: ${why}`,
    {
      attempts: reply.attempts,
      outcomeKnown: reply.outcomeKnown && reply.status >= 300,
      status: reply.status,
      requestId: reply.requestId,
    },
    issues.length > 0 ? issues : [{ path: "", message: why }],
  );
}

/** The API's `error` object, as far as a refusal has one. */
export function errorOf(answer: Answer): {
  readonly type?: string | undefined;
  readonly message?: string | undefined;
  readonly errorCode?: string | undefined;
} {
  if (answer.status < 400) return {};
  const parsed = parseJson(answer);
  const text = (value: unknown) => typeof value === "string" ? value : undefined;
  // Object() of what is no object is an empty one.
  const { type, message, details } = Object(Object("value" in parsed && parsed.value).error);
  return { type: text(type), message: text(message), errorCode: text(Object(details).error_code) };
}

function refusal(reply: Reply): APIError {
  const { status, redact } = reply;
  const error = errorOf(reply);
  const clean = (value: string | undefined, most: number) =>
    value === undefined ? undefined : printable(value, most, redact);
  const type = clean(error.type, 64);
  const info: Refusal = {
    status,
    type,
    errorCode: clean(error.errorCode, 64),
    requestId: reply.requestId,
    retryAfter: retryAfter(reply.headers, reply.receivedAt),
    attempts: reply.attempts,
    outcomeKnown: reply.outcomeKnown,
  };
  const begin = `Cannot ${reply.action}: ${[status, type].filter(Boolean).join(" ")}`;
  if (type === undefined || type === "forbidden") {
    const what = status === 403 ? "the edge, which blocks regions" : "something else than the API";
    return new APIError(`${begin}: it was answered by ${what}`, info);
  }
  const said = clean(error.message, 500);
  const message = said ? `${begin}: ${said}` : begin;
  // A 404 is evidence of absence, so nothing but the API's own is taken for one.
  return status === 404 && type === "not_found_error"
    ? new NotFoundError(message, info)
    : new APIError(message, info);
}

function parseJson({ body }: Answer): { readonly value: unknown } | { readonly problem: string } {
  if ("problem" in body) return body;
  if (body.text === "") return { problem: "is empty" };
  try {
    return { value: JSON.parse(body.text) };
  } catch {
    return { problem: "is not JSON" };
  }
}

/** A server's text, fit for a terminal and a log line: one line, bounded, and without secrets. */
export function printable(text: string, most: number, redact: (text: string) => string): string {
  const plain = /^[\x20-\x7e]*$/.test(text);
  const line = plain ? text : text.replace(/\p{Cf}/gu, "").replace(/[\p{C}\u2028\u2029]+/gu, " ");
  return redact(line).slice(0, most).trim();
}
