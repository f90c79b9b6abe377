/**
 * The errors of this library. A class exists where a caller does something different about it;
 * branch on `code` and `type`, never on `message`. None of them holds a key, a token, a request or
 * an error of another library, so each can be logged as it is.
 *
 * @module
 */

import type { ConnectionFailure } from "./connection.ts";

/**
 * The base of all errors of this library.
 *
 * @typeParam Facts The members that the error has beyond those of every error.
 */
export abstract class BatchsweepError<Facts = unknown> extends Error {
  abstract override readonly name: string;
  /** Which error this is. Stable: made to be branched on. */
  abstract readonly code: string;
  /** A verb: `delete`. */
  declare readonly operation: string;
  /** What the operation was about: `message batch "msgbatch_1"`. */
  declare readonly subject: string;
  /** Why it failed, with what is known of its outcome. */
  declare readonly why: string;
  /** Why the audit trail has no entry of this outcome; absent where it has one. */
  declare auditError?: string | undefined;

  constructor(facts: Failed & Facts) {
    super(`Cannot ${facts.operation} ${facts.subject}: ${facts.why}`);
    Object.assign(this, facts);
  }

  /** The error as plain data, safe to print: every property but the stack. */
  toJSON(): Record<string, unknown> {
    return { name: this.name, message: this.message, ...Object(this) };
  }
}

/** What could not be done, in words for people: `Cannot ${operation} ${subject}: ${why}`. */
export type Failed = Pick<BatchsweepError, "operation" | "subject" | "why">;

/** A call was made, and failed. */
export abstract class CallError<Facts = unknown> extends BatchsweepError<Exchange & Facts> {
  /** How many times the request was sent. */
  declare readonly attempts: number;
  /**
   * Whether it is certain that what was asked for was not done. `false` where an answer was lost, was
   * a 408 or a 5xx other than 529, or was a success that is not what the API promises, and where
   * `mayBeDeletedAlready` was set: the deletion may have happened, and the call can be repeated.
   */
  declare readonly outcomeKnown: boolean;
  /** The workspace that the API says it answered for. */
  declare readonly workspaceId?: string | undefined;
}

/** What is known of the exchange that ended in an error. */
export type Exchange = Pick<CallError, "attempts" | "outcomeKnown" | "workspaceId">;

/** The API refused the request. */
export class APIError<Facts = unknown> extends CallError<Refusal & Facts> {
  override readonly name: "APIError" | "NotFoundError" | "NotEndedError" = "APIError";
  override readonly code: "ERR_API" | "ERR_NOT_FOUND" | "ERR_NOT_ENDED" = "ERR_API";
  /** The HTTP status. */
  declare readonly status: number;
  /** The API's `error.type`, such as `"permission_error"`; absent where the body has none. */
  declare readonly type?: string | undefined;
  /** The API's `error.details.error_code`, where it gives one. */
  declare readonly errorCode?: string | undefined;
  /** The API's id of the request, to give to its support. */
  declare readonly requestId?: string | undefined;
  /** How long the API asks to wait, in milliseconds. */
  declare readonly retryAfter?: number | undefined;
}

/** A refusal by the API. */
export type Refusal =
  & Exchange
  & Pick<APIError, "status" | "type" | "errorCode" | "requestId" | "retryAfter">;

/**
 * There is no such object in the workspace of the key, or no longer.
 *
 * Deno, Bun and workerd repeat a request unseen when a connection that was used before breaks. If the
 * deletion was done just then, the repetition is answered 404, and this error cannot tell.
 */
export class NotFoundError extends APIError {
  override readonly name = "NotFoundError";
  override readonly code = "ERR_NOT_FOUND";
}

/** The batch has not ended, and only an ended one can be deleted. */
export class NotEndedError extends APIError<Pick<NotEndedError, "processingStatus">> {
  override readonly name = "NotEndedError";
  override readonly code = "ERR_NOT_ENDED";
  /** The status of the batch after the refusal: `"in_progress"` or `"canceling"`. */
  declare readonly processingStatus: string;
}

/** No answer came: there was no connection, or it was lost before the answer was complete. */
export class APIConnectionError extends CallError<Pick<APIConnectionError, "reason" | "sent">> {
  override readonly name = "APIConnectionError";
  override readonly code = "ERR_CONNECTION";
  /** Why the last attempt failed, as far as the runtime tells. */
  declare readonly reason: ConnectionFailure;
  /** Whether something may have been sent. `false`: nothing left the machine, so nothing was done. */
  declare readonly sent: boolean;
}

/** No complete answer came in time. */
export class APITimeoutError extends CallError<Pick<APITimeoutError, "timeout">> {
  override readonly name = "APITimeoutError";
  override readonly code = "ERR_TIMEOUT";
  /** The time that one attempt had, in milliseconds. */
  declare readonly timeout: number;
}

/** One way in which data is wrong; never with the value received. */
export interface Issue {
  /** Where: `""` is the whole, `"request_counts.succeeded"` a member. */
  readonly path: string;
  readonly message: string;
}

/** The answer is not what the API promises: nothing is concluded from it. */
export class InvalidResponseError
  extends CallError<Pick<InvalidResponseError, "status" | "requestId" | "issues">> {
  override readonly name = "InvalidResponseError";
  override readonly code = "ERR_INVALID_RESPONSE";
  declare readonly status: number;
  declare readonly requestId?: string | undefined;
  declare readonly issues: readonly Issue[];
}

/** A wait ended before the batch had ended. The batch was not deleted. */
export class WaitTimeoutError
  extends BatchsweepError<Pick<WaitTimeoutError, "lastStatus" | "canceled">> {
  override readonly name = "WaitTimeoutError";
  override readonly code = "ERR_WAIT_TIMEOUT";
  /** The last status that was seen; undefined where none was, or one unknown to this library. */
  declare readonly lastStatus: "in_progress" | "canceling" | undefined;
  /** Whether the batch is being canceled by now. A cancellation is not taken back. */
  declare readonly canceled: Canceled;
}

/** Whether a batch was canceled; `"unknown"` where the answer to the cancellation was lost. */
export type Canceled = boolean | "unknown";

/** A purge that must not go on: its plan is not one, or not for this API or workspace. */
export class PurgeRefusedError extends BatchsweepError {
  override readonly name = "PurgeRefusedError";
  override readonly code = "ERR_PURGE_REFUSED";

  constructor(operation: "plan" | "apply", why: string) {
    super({ operation, subject: operation === "plan" ? "a purge" : "the purge plan", why });
  }
}

/** A retention policy that cannot be used. Nothing is planned by it. */
export class InvalidPolicyError extends BatchsweepError<Pick<InvalidPolicyError, "issues">> {
  override readonly name = "InvalidPolicyError";
  override readonly code = "ERR_INVALID_POLICY";
  /** Everything that is wrong with it. */
  declare readonly issues: readonly Issue[];

  constructor(why: string, issues: readonly Issue[]) {
    super({ operation: "use", subject: "the retention policy", why, issues });
  }
}

/** Every error of this library: a `switch` over its `code` is exhaustive at compile time. */
export type AnyBatchsweepError =
  | (APIError & { readonly code: "ERR_API" })
  | NotFoundError
  | NotEndedError
  | APIConnectionError
  | APITimeoutError
  | InvalidResponseError
  | WaitTimeoutError
  | PurgeRefusedError
  | InvalidPolicyError;
