import type { OutcomeError } from "./outcome.ts";

/**
 * Why a run stops before its end. `"caller_failed"`: the audit trail or the function of the secret
 * failed. `"other_workspace"`: the answers come from another workspace than the plan's.
 */
export type StopReason =
  | "interrupted"
  | "credentials_refused"
  | "blocked"
  | "billing"
  | "rate_limited"
  | "unreachable"
  | "caller_failed"
  | "other_workspace";

/** How many failures in a row, of the connection or of the server, are enough. */
const mostFailuresInARow = 10;

/**
 * Why nothing that comes after this failure can end better: the rest is then left alone.
 *
 * @param error What one deletion failed with, retries included.
 * @param failuresInARow How many have failed without an answer or with a 5xx, this one included.
 */
export function stopReason(
  { code, status, type }: OutcomeError,
  failuresInARow: number,
): StopReason | undefined {
  if (code === "ERR_CALLER") return "caller_failed";
  if (code === "ERR_PURGE_REFUSED") return "other_workspace";
  if (code === "ERR_ABORTED") return "interrupted";
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
