import {
  type GenericSchema,
  getDotPath,
  looseObject,
  optional,
  safeParse,
  string,
} from "../deps.ts";
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
}

/** The id that the API gave the request, to give to its support. */
export function requestIdOf(reply: Reply): string | undefined {
  return header(reply, "request-id");
}

/** The workspace that the API says was hit. */
export function workspaceIdOf(reply: Reply): string | undefined {
  return header(reply, "anthropic-workspace-id");
}

function header({ headers, redact }: Reply, name: string): string | undefined {
  return printable(redact(headers.get(name) ?? ""), 128) || undefined;
}

/**
 * Judges an answer: what the schema accepts is the value, anything else is an error.
 *
 * @throws {NotFoundError | APIError} The API refused.
 * @throws {InvalidResponseError} The answer is not what the API promises.
 */
export function judge<Value>(reply: Reply, schema: GenericSchema<unknown, Value>): Value {
  if (reply.status >= 400) throw refusal(reply);
  if (reply.status >= 300 || reply.status < 200) {
    throw invalid(reply, "it is a redirect, and none is followed", []);
  }
  if (reply.status !== 200) throw invalid(reply, "its status is not 200", []);
  const parsed = parseJson(reply);
  if ("problem" in parsed) throw invalid(reply, `it ${parsed.problem}`, []);
  const result = safeParse(schema, parsed.value);
  if (result.success) return result.output;
  const issues = result.issues.map((issue) => ({
    path: getDotPath(issue) ?? "",
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
      requestId: requestIdOf(reply),
    },
    issues.length > 0 ? issues : [{ path: "", message: why }],
  );
}

const text = optional(string());
const errorBody = looseObject({
  error: looseObject({
    type: text,
    message: text,
    details: optional(looseObject({ error_code: text })),
  }),
});

/** The API's `error` object, as far as the body has one. */
export function errorOf(answer: Answer): {
  readonly type?: string | undefined;
  readonly message?: string | undefined;
  readonly errorCode?: string | undefined;
} {
  const parsed = parseJson(answer);
  const result = safeParse(errorBody, "value" in parsed ? parsed.value : undefined);
  if (!result.success) return {};
  const { type, message, details } = result.output.error;
  return { type, message, errorCode: details?.error_code };
}

function refusal(reply: Reply): APIError {
  const { status, redact } = reply;
  const error = errorOf(reply);
  const clean = (value: string | undefined, most: number) =>
    value === undefined ? undefined : printable(redact(value), most);
  const type = clean(error.type, 64);
  const info: Refusal = {
    status,
    type,
    errorCode: clean(error.errorCode, 64),
    requestId: requestIdOf(reply),
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

/** A server's text, fit for a terminal and a log line: one line, bounded, without control characters. */
function printable(text: string, most: number): string {
  return text.slice(0, most).replace(/[\p{C}\u2028\u2029]+/gu, " ").trim();
}
