/**
 * Reads an answer of the API, and turns it into a value or an error.
 *
 * @module
 */
import { type GenericSchema, safeParse } from "../deps.ts";
import { readBytes } from "./bytes.ts";
import {
  APIError,
  type Exchange,
  type Failed,
  InvalidResponseError,
  type Issue,
  NotFoundError,
} from "./errors.ts";
import { retryAfter } from "./retry.ts";

/** A complete answer of the API, not yet parsed. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The body, or why it is not text. */
  readonly body: { readonly text: string } | { readonly problem: string };
}

/** An answer, and how it came about. */
export interface Reply extends Answer, Exchange, Omit<Failed, "why"> {
  /** When the answer came, in milliseconds since the epoch. */
  readonly receivedAt: number;
  /** Takes the secrets of the request out of a text of the server. */
  readonly redact: (text: string) => string;
  /** The id that the API gave the request, to give to its support. */
  readonly requestId?: string | undefined;
}

const decoder = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads an answer up to a limit. It rejects only where the connection does. */
export async function readAnswer(response: Response, maxBytes = 1_048_576): Promise<Answer> {
  const { status, headers } = response;
  // Where the length is known, the runtime reads faster by itself.
  const isShort = !headers.has("content-encoding") &&
    Number(headers.get("content-length") ?? Infinity) <= maxBytes;
  const bytes = isShort
    ? new Uint8Array(await response.arrayBuffer())
    : await readBytes(response.body, maxBytes);
  const body = bytes === undefined
    ? { problem: `is longer than ${maxBytes} bytes` }
    : decode(bytes);
  return { status, headers, body };
}

function decode(bytes: Uint8Array): Answer["body"] {
  try {
    return { text: decoder.decode(bytes) };
  } catch {
    return { problem: "is not UTF-8 text" };
  }
}

/**
 * Parses an answer.
 *
 * @param reply The answer.
 * @param schema What the API promises.
 * @param defaults Members that the API may leave out.
 * @throws {NotFoundError | APIError} The API refused.
 * @throws {InvalidResponseError} The answer is not what the API promises.
 */
export function parseResponse<Value>(
  reply: Reply,
  schema: GenericSchema<unknown, Value>,
  defaults?: object,
): Value {
  if (reply.status >= 400) throw refusal(reply);
  if (reply.status >= 300 || reply.status < 200) {
    throw invalidResponse(reply, "it is a redirect, and none is followed");
  }
  if (reply.status !== 200) throw invalidResponse(reply, "its status is not 200");
  const parsed = parseJson(reply);
  if ("problem" in parsed) throw invalidResponse(reply, `it ${parsed.problem}`);
  const value = defaults ? Object.assign({ ...defaults }, parsed.value) : parsed.value;
  const result = safeParse(schema, value);
  if (result.success) return result.output;
  const issues = result.issues.map((issue) => ({
    path: issue.path?.map(({ key }) => String(key)).join(".") ?? "",
    message: `Expected ${issue.expected ?? "something else"}`, // valibot's text quotes the value
  }));
  const named = issues.map(({ path, message }) => `${path || "body"}: ${message}`).join("; ");
  throw invalidResponse(reply, named, issues);
}

/** The error for an answer that is not what the API promises. */
export function invalidResponse(
  { operation, subject, attempts, status, requestId, workspaceId, outcomeKnown }: Reply,
  problem: string,
  issues: readonly Issue[] = [{ path: "", message: problem }],
): InvalidResponseError {
  return new InvalidResponseError({
    operation,
    subject,
    why: `the answer (${status}) is not what the API promises: ${problem}`,
    attempts,
    outcomeKnown: outcomeKnown && status >= 300,
    status,
    requestId,
    workspaceId,
    issues,
  });
}

/** The API's `error` object, as far as an answer has one. */
export function readErrorBody(answer: Answer): {
  readonly type?: string | undefined;
  readonly message?: string | undefined;
  readonly errorCode?: string | undefined;
} {
  if (answer.status < 400) return {};
  const parsed = parseJson(answer);
  const text = (value: unknown) => typeof value === "string" ? value : undefined;
  // Object() of anything but an object is empty.
  const { type, message, details } = Object(Object("value" in parsed && parsed.value).error);
  return { type: text(type), message: text(message), errorCode: text(Object(details).error_code) };
}

function refusal(reply: Reply): APIError {
  const { status, redact, operation, subject, requestId, workspaceId } = reply;
  const body = readErrorBody(reply);
  const clean = (value: string | undefined, maxLength: number) =>
    value === undefined ? undefined : printable(value, maxLength, redact);
  const type = clean(body.type, 64);
  const said = clean(body.message, 500);
  const foreign = type === undefined || type === "forbidden";
  const facts = {
    operation,
    subject,
    why: [
      [status, type].filter(Boolean).join(" "),
      foreign
        ? `it was answered by ${status === 403 ? edge : "something else than the API"}`
        : said,
    ].filter(Boolean).join(": "),
    status,
    type,
    errorCode: clean(body.errorCode, 64),
    requestId,
    retryAfter: retryAfter(reply.headers, reply.receivedAt),
    attempts: reply.attempts,
    outcomeKnown: reply.outcomeKnown,
    workspaceId,
  };
  // A 404 is evidence of absence, so only the API's own counts.
  return status === 404 && type === "not_found_error"
    ? new NotFoundError(facts)
    : new APIError(facts);
}

const edge = "the edge, which blocks regions";

function parseJson({ body }: Answer): { readonly value: unknown } | { readonly problem: string } {
  if ("problem" in body) return body;
  if (body.text === "") return { problem: "is empty" };
  try {
    return { value: JSON.parse(body.text) };
  } catch {
    return { problem: "is not JSON" };
  }
}

/** A header that is an id, fit to be shown. */
export function readIdHeader(
  headers: Headers,
  name: "request-id" | "anthropic-workspace-id",
  redact: (text: string) => string,
): string | undefined {
  return printable(headers.get(name) ?? "", 128, redact) || undefined;
}

/** A server's text, fit for a terminal and a log line: one line, bounded, and without secrets. */
export function printable(
  text: string,
  maxLength: number,
  redact: (text: string) => string,
): string {
  const plain = /^[\x20-\x7e]*$/.test(text);
  const line = plain ? text : text.replace(/\p{Cf}/gu, "").replace(/[\p{C}\u2028\u2029]+/gu, " ");
  return redact(line).slice(0, maxLength).trim();
}

/**
 * Makes a function that takes secrets out of a text of a server, which may echo what it was sent: as
 * it is, encoded, or in another case.
 *
 * @param secrets The secrets. Those shorter than eight characters stay: every text would have them.
 */
export function redactor(secrets: readonly string[]): (text: string) => string {
  return (text) => {
    const forms = secrets.filter(({ length }) => length >= 8)
      .flatMap((secret) => [secret, encodeURIComponent(secret), btoa(secret).replace(/=+$/, "")]);
    const all = text.toLowerCase();
    // A part of a key still begins as all keys do.
    if (![...forms, "sk-ant-"].some((form) => all.includes(form.toLowerCase()))) return text;
    const patterns = forms.sort((one, other) => other.length - one.length)
      .map((form) => form.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
    return text.replace(new RegExp([...patterns, "sk-ant-[\\w-]+"].join("|"), "gi"), "[redacted]");
  };
}
