/**
 * Errors as answers.
 *
 * @module
 * @see [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)
 */
import { isArgumentError } from "../core/check.ts";
import {
  APIError,
  APITimeoutError,
  BatchsweepError,
  NotEndedError,
  NotFoundError,
} from "../core/errors.ts";
import { redact } from "../core/response.ts";
import { StorageError } from "../storage/mod.ts";
import type { Line } from "./context.ts";

/** What is wrong with a request, or with what it led to. */
export class Problem extends Error {
  readonly status: number;
  readonly members: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  /**
   * @param detail What is wrong, for a person. It never holds a secret.
   * @param members More members, for a program.
   * @param headers More headers of the answer.
   */
  constructor(
    status: number,
    detail: string,
    members: Readonly<Record<string, unknown>> = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.status = status;
    this.members = members;
    this.headers = headers;
  }

  toResponse(): Response {
    const { status, message: detail, members, headers } = this;
    const title = statuses[status]?.[0];
    const body = { type: "about:blank", title, status, detail, ...members };
    return new Response(JSON.stringify(body), {
      status,
      headers: { "content-type": "application/problem+json", ...headers },
    });
  }
}

/** The statuses of answers: the title in a problem, and the type of an error in the API's shape. */
export const statuses: Readonly<Record<number, readonly [title: string, type?: string]>> = {
  400: ["Bad Request", "invalid_request_error"],
  401: ["Unauthorized", "authentication_error"],
  403: ["Forbidden", "permission_error"],
  404: ["Not Found"],
  405: ["Method Not Allowed"],
  408: ["Request Timeout"],
  409: ["Conflict"],
  413: ["Content Too Large"],
  415: ["Unsupported Media Type"],
  429: ["Too Many Requests", "rate_limit_error"],
  500: ["Internal Server Error"],
  501: ["Not Implemented"],
  502: ["Bad Gateway"],
  503: ["Service Unavailable"],
  504: ["Gateway Timeout", "timeout_error"],
};

/** Notes an error, or the text of one, unless there is none. */
export function noteError(line: Line, error: unknown): void {
  if (error === undefined) return;
  const { code, message } = error as Error & { readonly code?: unknown };
  if (typeof error === "string") line.error = { code: "ERR_AUDIT_TRAIL", message: error };
  else if (error instanceof Problem || isArgumentError(error)) {
    line.error = { code: "ERR_CONFIGURATION", message };
  } else if (error instanceof BatchsweepError || error instanceof StorageError) {
    line.error = { code: String(code), message: redact(message) };
  } else {
    const text = error instanceof Error ? error.stack ?? message : String(error);
    line.error = { code: "ERR_UNEXPECTED", message: redact(text) };
  }
}

/**
 * The problem that any error is to a caller. What the API answers to our own key is not what we answer:
 * that is a failure behind the service.
 *
 * @param line Takes what the caller may not see.
 */
export function toProblem(error: unknown, line: Line): Problem {
  if (error instanceof Problem) return error;
  if (isArgumentError(error)) return new Problem(500, error.message); // it names a variable
  if (!(error instanceof BatchsweepError)) {
    const isLate = error instanceof DOMException && error.name === "TimeoutError"; // of the trail
    noteError(line, isLate ? error.message : error);
    return isLate || error instanceof StorageError
      ? new Problem(503, "Cannot answer: the database cannot be used")
      : new Problem(500, "Cannot answer: an unexpected error occurred");
  }
  const { name: _, auditError, message, status, type, ...members } = error.toJSON();
  const { retryAfter } = error as Partial<APIError>;
  return new Problem(
    statusOf(error),
    String(message),
    {
      ...members,
      ...{ upstreamStatus: status, upstreamType: type },
      ...(auditError === undefined ? {} : { auditError: notRecorded }),
    },
    retryAfter === undefined ? {} : { "retry-after": String(Math.ceil(retryAfter / 1000)) },
  );
}

/** The problem of a caller that may not do something. */
export const forbidden = (detail: string): Problem =>
  new Problem(403, detail, { code: "ERR_FORBIDDEN" });

/** What the answers say of an audit trail that failed; the rest is for the owner. */
export const notRecorded = "What became of it could not be recorded";

function statusOf(error: BatchsweepError): number {
  if (error instanceof NotEndedError) return 409;
  if (error instanceof APITimeoutError) return 504;
  if (error instanceof NotFoundError) return 404;
  return error instanceof APIError && isLimit(error.status) ? 503 : 502;
}

/** Whether a status of the API says that nothing was done, and that it can be repeated later. */
export const isLimit = (status: number): boolean => status === 429 || status === 529;
