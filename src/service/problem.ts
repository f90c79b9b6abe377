/**
 * Errors as answers.
 *
 * @module
 * @see [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)
 */
import { isArgumentError } from "../core/check.ts";
import { APIError, APITimeoutError, BatchsweepError, NotEndedError } from "../core/errors.ts";
import { StorageError } from "../storage/mod.ts";

/** What is wrong with a request, or with what it led to. */
export class Problem extends Error {
  readonly status: number;
  readonly members: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  /**
   * @param status The HTTP status.
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
    const body = { type: "about:blank", title: titles[status], status, detail, ...members };
    return new Response(JSON.stringify(body), {
      status,
      headers: { "content-type": "application/problem+json", ...headers },
    });
  }
}

const titles: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/**
 * The problem that any error is to a caller.
 *
 * @param report Tells the owner of the service what the caller may not see.
 */
export function toProblem(error: unknown, report: (error: unknown) => void): Problem {
  if (error instanceof Problem) return error;
  if (isArgumentError(error)) return new Problem(500, error.message); // it names a variable
  if (error instanceof BatchsweepError) return upstreamProblem(error);
  report(error);
  return error instanceof StorageError
    ? new Problem(503, "Cannot delete message batches: the database cannot be used")
    : new Problem(500, "Cannot answer: an unexpected error occurred");
}

function upstreamProblem(error: BatchsweepError): Problem {
  const { name: _, auditError, message, status, type, ...members } = error.toJSON();
  const retryAfter = error instanceof APIError ? error.retryAfter : undefined;
  return new Problem(
    statusOf(error),
    String(message),
    {
      ...members,
      upstreamStatus: status,
      upstreamType: type,
      ...(auditError === undefined ? {} : { auditError: notRecorded }),
    },
    retryAfter === undefined ? {} : { "retry-after": String(Math.ceil(retryAfter / 1000)) },
  );
}

/** What the answers say of an audit trail that failed; the rest is for the owner. */
export const notRecorded = "What became of it could not be recorded";

/** What the API answers to our own key is not what we answer: that is a failure behind the service. */
function statusOf(error: BatchsweepError): number {
  if (error instanceof NotEndedError) return 409;
  if (error instanceof APITimeoutError) return 504;
  if (!(error instanceof APIError)) return 502;
  if (error.status === 404) return 404;
  return error.status === 429 || error.status === 529 ? 503 : 502;
}
