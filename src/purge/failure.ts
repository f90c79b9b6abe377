import {
  APIConnectionError,
  APIError,
  APITimeoutError,
  CallError,
  InvalidResponseError,
  type Issue,
  NotEndedError,
  NotFoundError,
} from "../core/errors.ts";

/** An error of a call as data that JSON can hold: what survives a step. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly attempts: number;
  readonly outcomeKnown: boolean;
  readonly status?: number | undefined;
  readonly type?: string | undefined;
  readonly errorCode?: string | undefined;
  readonly requestId?: string | undefined;
  readonly retryAfter?: number | undefined;
  readonly processingStatus?: string | undefined;
  readonly timeout?: number | undefined;
  readonly issues?: readonly Issue[] | undefined;
  readonly auditError?: string | undefined;
}

/** What became of a call, as data. */
export type Settled<Value> = { readonly value: Value } | { readonly failure: Failure };

/**
 * Makes a call whose errors become data. What is the caller's own is thrown: an abort, even one whose
 * reason is an error of this library, and a key or a trail that cannot be had.
 */
export async function settle<Value>(
  call: () => Promise<Value>,
  signal: AbortSignal | undefined,
): Promise<Settled<Value>> {
  try {
    return { value: await call() };
  } catch (error) {
    if (!(error instanceof CallError) || (signal?.aborted && error === signal.reason)) throw error;
    const { code, message, attempts, outcomeKnown } = error;
    return { failure: { ...error.toJSON(), code, message, attempts, outcomeKnown } };
  }
}

/** Whether a failure may be over soon: no whole answer, too many requests, a 5xx. */
export function isPassing({ code, status = 0, errorCode }: Failure): boolean {
  if (errorCode === "enforced_spend_limit_reached") return false; // a spent limit stays spent
  if (code === "ERR_CONNECTION" || code === "ERR_TIMEOUT") return true;
  return status === 408 || status === 429 || status >= 500;
}

/** The error that a failure was. */
export function errorOf(failure: Failure): CallError {
  const error = withoutAudit(failure);
  if (failure.auditError !== undefined) error.auditError = failure.auditError;
  return error;
}

function withoutAudit(failure: Failure): CallError {
  const { code, message, status = 0 } = failure;
  const answer = { ...failure, status };
  switch (code) {
    case "ERR_CONNECTION":
      return new APIConnectionError(message, failure);
    case "ERR_TIMEOUT":
      return new APITimeoutError(message, failure, failure.timeout ?? 0);
    case "ERR_INVALID_RESPONSE":
      return new InvalidResponseError(message, answer, failure.issues ?? []);
    case "ERR_NOT_FOUND":
      return new NotFoundError(message, answer);
    case "ERR_NOT_ENDED":
      return new NotEndedError(message, answer, failure.processingStatus ?? "");
    default:
      return new APIError(message, answer);
  }
}
