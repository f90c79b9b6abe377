/** Reads an answer of the API, and turns it into a value or an error. @module */
import * as v from "../deps.ts";
import { readBytes } from "./bytes.ts";
import {
  APIError,
  type Exchange,
  type Failed,
  InvalidResponseError,
  type Issue,
  NotFoundError,
  type Refusal,
} from "./errors.ts";
import { retryAfter } from "./retry.ts";

/** A complete answer of the API, not yet parsed. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The body, parsed as JSON, or why it is none. */
  readonly body: { readonly value: unknown } | { readonly problem: string };
}

/** An answer, and how it came about. */
export interface Reply extends Answer {
  /** What its error has, if it is one. */
  readonly exchange: Omit<Failed, "why"> & Exchange & Pick<Refusal, "status" | "requestId">;
  /** The API's error, as far as the answer has one. */
  readonly said: ErrorBody;
  /** When the answer came, in milliseconds since the epoch. */
  readonly receivedAt: number;
  /** A text of the server, fit to be shown and without secrets; undefined where it is none. */
  readonly clean: (value: unknown, maxLength: number) => string | undefined;
}

const decoder = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true });

/** Reads an answer up to a limit. It rejects only where the connection does. */
export async function readAnswer(response: Response, maxBytes = 1_048_576): Promise<Answer> {
  const { status, headers } = response;
  // Where the length is known, the runtime reads faster by itself.
  const isShort = !headers.has("content-encoding") &&
    Number(headers.get("content-length") ?? Infinity) <= maxBytes;
  const bytes = isShort
    ? new Uint8Array(await response.arrayBuffer())
    : await readBytes(response.body, maxBytes);
  const none = (problem: string): Answer => ({ status, headers, body: { problem } });
  if (bytes === undefined) return none(`it is longer than ${maxBytes} bytes`);
  try {
    return { status, headers, body: { value: JSON.parse(decoder.decode(bytes)) } };
  } catch {
    return none(bytes.length === 0 ? "it is empty" : "it is not JSON");
  }
}

/** The JSON of an answer that is a success. All else it throws as an error. */
export function readSuccess(reply: Reply): unknown {
  const { status, body } = reply;
  if (status >= 400) throw refusal(reply);
  if (status >= 300) throw invalidResponse(reply, "it is a redirect, and none is followed");
  if (status !== 200) throw invalidResponse(reply, "its status is not 200");
  if ("problem" in body) throw invalidResponse(reply, body.problem);
  return body.value;
}

/** Parses an answer that is a success. */
export function parseResponse<Value>(reply: Reply, schema: v.GenericSchema<unknown, Value>): Value {
  const result = v.safeParse(schema, readSuccess(reply));
  if (result.success) return result.output;
  throw invalidResponse(reply, issuesOf(result.issues));
}

/** What is wrong with a value, without the value: valibot's own texts quote it. */
export function issuesOf(issues: readonly v.BaseIssue<unknown>[]): readonly Issue[] {
  return issues.map(({ path, expected }) => ({
    path: path?.map(({ key }) => String(key)).join(".") ?? "",
    message: `Expected ${expected ?? "something else"}`,
  }));
}

/** The error for an answer that is not what the API promises. */
export function invalidResponse(
  { exchange }: Reply,
  problem: string | readonly Issue[],
): InvalidResponseError {
  const issues = typeof problem === "string" ? [{ path: "", message: problem }] : problem;
  const named = issues.map(({ path, message }) => path === "" ? message : `${path}: ${message}`);
  return new InvalidResponseError({
    ...exchange,
    why: `the answer (${exchange.status}) is not what the API promises: ${named.join("; ")}`,
    issues,
  });
}

/** The members of an error of the API, as they came. */
export type ErrorBody = Partial<
  Record<"type" | "message" | "errorCode" | "requestId", unknown>
>;

/** Reads an error of the API. */
export function readErrorBody({ status, body }: Answer): ErrorBody {
  if (status < 400) return {};
  // Object() of anything but an object is empty.
  const { error, request_id: requestId } = Object("value" in body && body.value);
  const { type, message, details } = Object(error);
  return { type, message, errorCode: Object(details).error_code, requestId };
}

function refusal({ status, said, clean, exchange, headers, receivedAt }: Reply): APIError {
  const type = clean(said.type, 64);
  // A 404 is evidence of absence, so only the API's own counts. Gateways have 404s of their own.
  const isAbsence = type === "not_found_error" && exchange.requestId !== undefined;
  const isForeign = type === undefined || type === "forbidden" || (status === 404 && !isAbsence);
  const other = status === 403 ? "the edge, which blocks regions" : "something else than the API";
  const message = isForeign ? `it was answered by ${other}` : clean(said.message, 500);
  const facts = {
    ...exchange,
    why: [[status, type].filter(Boolean).join(" "), message].filter(Boolean).join(": "),
    type,
    errorCode: clean(said.errorCode, 64),
    retryAfter: retryAfter(headers, receivedAt),
  };
  return status === 404 && isAbsence ? new NotFoundError(facts) : new APIError(facts);
}

/** A server's text, fit for a terminal and a log line: one line, bounded, and without secrets. */
export function printable(text: string, maxLength: number, secrets: readonly string[]): string {
  const line = text.replace(/\p{Cf}/gu, "").replace(/[\p{C}\u2028\u2029]+/gu, " ");
  return redact(line, secrets).slice(0, maxLength).trim();
}

/**
 * Takes secrets out of a text of a server, which may echo what it was sent: as it is, encoded, or in
 * another case. What looks like a key is taken out in any case.
 *
 * @param secrets The secrets. Those shorter than eight characters stay: every text would have them.
 */
export function redact(text: string, secrets: readonly string[] = []): string {
  const forms = secrets.filter(({ length }) => length >= 8 && length <= text.length)
    .flatMap((secret) => [secret, encodeURIComponent(secret), btoa(secret).replace(/=+$/, "")]);
  const all = text.toLowerCase();
  // A part of a key still begins as all keys do.
  if (![...forms, "sk-ant-"].some((form) => all.includes(form.toLowerCase()))) return text;
  const patterns = forms.sort((one, other) => other.length - one.length)
    .map((form) => form.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
  return text.replace(new RegExp([...patterns, "sk-ant-[\\w-]+"].join("|"), "gi"), "[redacted]");
}
