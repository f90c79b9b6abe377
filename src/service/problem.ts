import { APIError, APITimeoutError, BatchsweepError, NotEndedError } from "../core/errors.ts";

/**
 * What is wrong with a request, or with what it led to, as an answer.
 *
 * @see [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)
 */
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

/** What a caller is told of a trail that could not be written; the rest is for the owner. */
export const notRecorded = "What became of it could not be recorded";

/** The problem that an error of a call is to the one who asked for it. */
export function problemOf(error: BatchsweepError): Problem {
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

/** What the API answers to our own key is not what we answer: that is a failure behind the service. */
function statusOf(error: BatchsweepError): number {
  if (error instanceof NotEndedError) return 409;
  if (error instanceof APITimeoutError) return 504;
  if (!(error instanceof APIError)) return 502;
  if (error.status === 404) return 404;
  return error.status === 429 || error.status === 529 ? 503 : 502;
}
