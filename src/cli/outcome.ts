import { APIError, type BatchsweepError, InvalidResponseError } from "../core/errors.ts";
import type { Evidence } from "../core/resource.ts";

/** What became of one object. */
export type DeletionOutcome =
  | {
    readonly outcome: "deleted";
    readonly id: string;
    readonly evidence: Evidence;
    readonly requestId?: string | undefined;
    /** How many deletions were sent for it. */
    readonly attempts: number;
  }
  | { readonly outcome: "missing"; readonly id: string }
  | { readonly outcome: "failed"; readonly id: string; readonly error: OutcomeError }
  | { readonly outcome: "unattempted"; readonly id: string; readonly reason: StopReason };

/** An error as data. */
export interface OutcomeError {
  readonly code: string;
  readonly message: string;
  readonly status?: number | undefined;
  readonly type?: string | undefined;
  readonly requestId?: string | undefined;
}

/** Why a run stops before its end. */
export type StopReason =
  | "interrupted"
  | "credentials_refused"
  | "blocked"
  | "billing"
  | "rate_limited"
  | "unreachable";

/** An error of the library as data that can be printed and stored. */
export function outcomeError(error: BatchsweepError): OutcomeError {
  const { code, message } = error;
  if (error instanceof APIError) {
    const { status, type, requestId } = error;
    return { code, message, status, type, requestId };
  }
  if (!(error instanceof InvalidResponseError)) return { code, message };
  const { status, requestId } = error;
  return { code, message, status, requestId };
}

/** How many failures in a row, of the connection or of the server, are enough. */
const mostFailuresInARow = 10;

/**
 * Why nothing that comes after this failure can end better: the rest is then left alone.
 *
 * @param error What one deletion failed with, retries included.
 * @param failuresInARow How many have failed without an answer or with a 5xx, this one included.
 */
export function stopReason(
  { status, type }: OutcomeError,
  failuresInARow: number,
): StopReason | undefined {
  if (status === 401 || (status === 403 && type === "permission_error")) {
    return "credentials_refused";
  }
  if (status === 403) return "blocked";
  if (status === 402) return "billing";
  if (status === 429) return "rate_limited";
  return failuresInARow >= mostFailuresInARow ? "unreachable" : undefined;
}

/** Whether a failure counts towards those in a row: no answer came, or the server failed. */
export function isOutage({ code, status }: OutcomeError): boolean {
  return code === "ERR_CONNECTION" || code === "ERR_TIMEOUT" ||
    (status !== undefined && status >= 500);
}
