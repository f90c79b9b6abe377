/** The `error.type` that the documentation gives to each status. */
const TYPES: Readonly<Record<number, string>> = {
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

/** What few refusals have. */
export interface RefusalExtras {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/** An answer that is an error of the API. Handlers throw it; it never leaves the sandbox. */
export class Refusal extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** `error.details`. */
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(status: number, message: string, { headers = {}, details }: RefusalExtras = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
    this.details = details;
  }

  /** The documented type of a status: other 4xx are invalid requests, other 5xx are API errors. */
  static typeOf(status: number): string {
    return TYPES[status] ?? (status >= 500 ? "api_error" : "invalid_request_error");
  }
}

/** The documentation's own example of a 404. */
export function notFound(): Refusal {
  return new Refusal(404, "The requested resource could not be found.");
}
