/**
 * The errors of this library. A class exists where a caller does something different about it;
 * branch on `code` and `type`, never on `message`. None of them holds a key, a token, a request or
 * an error of another library, so each can be logged as it is.
 *
 * @module
 */

/** The base of all errors of this library. */
export abstract class BatchsweepError extends Error {
  abstract override readonly name: string;
  /** Which error this is. Stable: made to be branched on. */
  abstract readonly code: string;
  /** Why what is said here could not be written to the audit trail, if it could not. */
  declare auditError?: string | undefined;

  /** The error as plain data, safe to print: every property but the stack. */
  toJSON(): Record<string, unknown> {
    const { name, code, message } = this;
    return { name, code, message, ...Object.fromEntries(Object.entries(this)) };
  }
}

/** What is known of the exchange that ended in an error. */
export interface Exchange {
  /** How many times the request was made. */
  readonly attempts: number;
  /**
   * Whether it is certain that the call changed nothing. It is not when an answer was lost, was a
   * 408 or a 5xx other than 529, or was a success that is not what the API promises: then the deletion
   * may have happened, and the call can be repeated.
   */
  readonly outcomeKnown: boolean;
}

/** A call was made, and did not end well. */
export abstract class CallError extends BatchsweepError implements Exchange {
  readonly attempts: number;
  readonly outcomeKnown: boolean;

  constructor(message: string, { attempts, outcomeKnown }: Exchange) {
    super(message);
    this.attempts = attempts;
    this.outcomeKnown = outcomeKnown;
  }
}

/** What an answer of the API says of a refusal. */
export interface Refusal extends Exchange {
  /** The HTTP status. */
  readonly status: number;
  /** The API's `error.type`, such as `"permission_error"`; absent where the body has none. */
  readonly type?: string | undefined;
  /** The API's `error.details.error_code`, where it gives one. */
  readonly errorCode?: string | undefined;
  /** The API's id of the request, to give to its support. */
  readonly requestId?: string | undefined;
  /** How long the API asks to wait, in milliseconds. */
  readonly retryAfter?: number | undefined;
}

/** The API refused the request. */
export class APIError extends CallError implements Refusal {
  override readonly name: "APIError" | "NotFoundError" | "NotEndedError" = "APIError";
  override readonly code: "ERR_API" | "ERR_NOT_FOUND" | "ERR_NOT_ENDED" = "ERR_API";
  readonly status: number;
  readonly type?: string | undefined;
  readonly errorCode?: string | undefined;
  readonly requestId?: string | undefined;
  readonly retryAfter?: number | undefined;

  constructor(message: string, refusal: Refusal) {
    super(message, refusal);
    this.status = refusal.status;
    this.type = refusal.type;
    this.errorCode = refusal.errorCode;
    this.requestId = refusal.requestId;
    this.retryAfter = refusal.retryAfter;
  }
}

/**
 * There is no such object in the workspace of the key, or no longer.
 *
 * One case cannot be told apart: Deno, Bun and workerd repeat a request by themselves, unseen, when
 * a connection that was used before breaks under it. A deletion that was done just then is answered
 * 404 to the repetition.
 */
export class NotFoundError extends APIError {
  override readonly name = "NotFoundError";
  override readonly code = "ERR_NOT_FOUND";
}

/** The batch has not ended, and only an ended one can be deleted. */
export class NotEndedError extends APIError {
  override readonly name = "NotEndedError";
  override readonly code = "ERR_NOT_ENDED";
  /** The status the batch had when it was looked at: `"in_progress"` or `"canceling"`. */
  readonly processingStatus: string;

  constructor(message: string, refusal: Refusal, processingStatus: string) {
    super(message, refusal);
    this.processingStatus = processingStatus;
  }
}

/** No answer came: no connection, or it was lost before the answer was whole. */
export class APIConnectionError extends CallError {
  override readonly name = "APIConnectionError";
  override readonly code = "ERR_CONNECTION";
}

/** No whole answer came in time. */
export class APITimeoutError extends CallError {
  override readonly name = "APITimeoutError";
  override readonly code = "ERR_TIMEOUT";
  /** The time that one attempt had, in milliseconds. */
  readonly timeout: number;

  constructor(message: string, exchange: Exchange, timeout: number) {
    super(message, exchange);
    this.timeout = timeout;
  }
}

/** One way in which data is not what it has to be; never with the value received. */
export interface Issue {
  /** Where: `""` is the whole, `"request_counts.succeeded"` a member. */
  readonly path: string;
  readonly message: string;
}

/** The answer is not what the API promises: nothing is concluded from it. */
export class InvalidResponseError extends CallError {
  override readonly name = "InvalidResponseError";
  override readonly code = "ERR_INVALID_RESPONSE";
  readonly status: number;
  readonly requestId?: string | undefined;
  readonly issues: readonly Issue[];

  constructor(
    message: string,
    answer: Exchange & { readonly status: number; readonly requestId?: string | undefined },
    issues: readonly Issue[],
  ) {
    super(message, answer);
    this.status = answer.status;
    this.requestId = answer.requestId;
    this.issues = issues;
  }
}

/** A wait was over before the batch had ended. Nothing was deleted. */
export class WaitTimeoutError extends BatchsweepError {
  override readonly name = "WaitTimeoutError";
  override readonly code = "ERR_WAIT_TIMEOUT";
  /** The last status that was seen; undefined where no look saw one that this library knows. */
  readonly lastStatus: "in_progress" | "canceling" | undefined;

  constructor(message: string, lastStatus: "in_progress" | "canceling" | undefined) {
    super(message);
    this.lastStatus = lastStatus;
  }
}

/** A purge that must not go on: its plan is not one, or not for this API or workspace. */
export class PurgeRefusedError extends BatchsweepError {
  override readonly name = "PurgeRefusedError";
  override readonly code = "ERR_PURGE_REFUSED";
}

/** A retention policy that cannot be used. Nothing is planned by it. */
export class InvalidPolicyError extends BatchsweepError {
  override readonly name = "InvalidPolicyError";
  override readonly code = "ERR_INVALID_POLICY";
  /** All that is wrong with it. */
  readonly issues: readonly Issue[];

  constructor(message: string, issues: readonly Issue[]) {
    super(message);
    this.issues = issues;
  }
}
