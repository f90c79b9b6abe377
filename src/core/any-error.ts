import type { AuditTrailError } from "./audit-trail-error.ts";
import {
  type APIConnectionError,
  type APIError,
  type APITimeoutError,
  BatchsweepError,
  type InvalidPolicyError,
  type InvalidResponseError,
  type NotEndedError,
  type NotFoundError,
  type PurgeRefusedError,
  type WaitTimeoutError,
} from "./errors.ts";

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
  | InvalidPolicyError
  | AuditTrailError;

/** Whether something caught is an error of this library; then a `switch` over its `code` can follow. */
export function isBatchsweepError(error: unknown): error is AnyBatchsweepError {
  return error instanceof BatchsweepError;
}
