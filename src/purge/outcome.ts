/** What became of the objects of a run, as data. @module */
import type { MessageBatch } from "../core/batches.ts";
import { defined } from "../core/check.ts";
import type { DeletionFacts } from "../core/delete.ts";
import type { ConnectionFailure } from "../core/connection.ts";
import type { APIConnectionError, BatchsweepError, Refusal } from "../core/errors.ts";
import type { ResultsExport } from "./export.ts";

/** What became of one object of a run. Every object has exactly one outcome. */
export type DeletionOutcome =
  & {
    readonly id: string;
    /** Whether this run canceled the batch, which cannot be undone; absent where it did not. */
    readonly canceled?: true | "unknown" | undefined;
    /** Why the audit trail has no entry of this outcome; absent where it has one. */
    readonly auditError?: string | undefined;
  }
  & (
    | DeletionFacts & {
      readonly outcome: "deleted";
      /** Whether an earlier run did it, by its audit trail: nothing was sent for it now. */
      readonly recorded?: true | undefined;
      /** Its results, where they were stored before. */
      readonly export?: ResultsExport | undefined;
      /** Whether its results were to be stored, and were gone already. */
      readonly archived?: true | undefined;
    }
    | {
      /** It was gone before this run. */
      readonly outcome: "missing";
    }
    | {
      /**
       * It was not deleted, on purpose. `"canceled"`: the run stopped after it had canceled the
       * batch, and before it could delete it. `"archived"`: its results were to be stored, and are gone.
       */
      readonly outcome: "skipped";
      readonly reason: "not_ended" | "held" | "canceled" | "archived";
    }
    | {
      /** Its results could not be stored before. No deletion was sent. */
      readonly outcome: "skipped";
      readonly reason: "export_failed";
      /** The code is `"ERR_EXPORT"` where the store failed, or there are no results to store. */
      readonly error: OutcomeError;
    }
    | { readonly outcome: "failed"; readonly error: OutcomeError }
    | {
      /** The run stopped before it: no deletion was sent, or each was refused without effect. */
      readonly outcome: "unattempted";
      readonly reason: StopReason;
    }
  );

/** What became of a batch that was to be canceled, where that succeeded. */
export type CancelOutcome =
  & {
    readonly id: string;
    /** The batch as it was seen last. */
    readonly batch: MessageBatch;
    /** Why the audit trail has no entry of this outcome; absent where it has one. */
    readonly auditError?: string | undefined;
  }
  & (
    | {
      /** Its cancellation is requested; it has not ended. */
      readonly outcome: "canceling";
      /** Why its end was not waited for any longer; absent where it was not waited for. */
      readonly waitEnded?: "timed_out" | "interrupted" | undefined;
    }
    /** It has ended: by its cancellation, or before it. */
    | { readonly outcome: "ended" }
  );

/** What became of a batch whose results were to be exported, where that succeeded. */
export interface ExportOutcome {
  readonly outcome: "exported";
  readonly id: string;
  readonly export: ResultsExport;
}

/** An error as data. */
export interface OutcomeError {
  readonly code: string;
  readonly message: string;
  /** The message without the object it is about, which is the same for many objects. */
  readonly why: string;
  readonly status?: number | undefined;
  readonly type?: string | undefined;
  readonly requestId?: string | undefined;
  /** Why there was no answer. */
  readonly reason?: ConnectionFailure | undefined;
  /** `false`: it may have been done; absent: nothing was done. */
  readonly outcomeKnown?: false | undefined;
}

/** An error of the library as data that can be printed and stored. */
export function outcomeError(
  error: BatchsweepError & Partial<Refusal & Pick<APIConnectionError, "reason">>,
): OutcomeError {
  const { code, message, why, status, type, requestId, reason } = error;
  const outcomeKnown = error.outcomeKnown === false ? false : undefined;
  return { code, message, why, status, type, requestId, reason, outcomeKnown };
}

/** The outcome of a deletion that succeeded. */
export function deletionOutcome(
  id: string,
  deletion: DeletionFacts & Pick<Extract<DeletionOutcome, DeletionFacts>, "export" | "archived">,
): DeletionOutcome {
  const { evidence, requestId, attempts, workspaceId, auditError, archived } = deletion;
  if (evidence === "missing") return defined({ outcome: evidence, id, auditError });
  const saved = { export: deletion.export, archived };
  const facts = { evidence, requestId, attempts, workspaceId, ...saved, auditError };
  return defined({ outcome: "deleted", id, ...facts });
}

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

/** How many in a row stop a run: outages, and refusals (403). */
const maxInARow = { outages: 10, refusals: 3 };

/**
 * Why no later object can do better than this failure, so that the run stops. A 403 alone is about the
 * object.
 *
 * @param inARow How many objects in a row failed alike, this one included.
 */
export function stopReason(
  { code, status, type }: OutcomeError,
  inARow: typeof maxInARow,
): StopReason | undefined {
  if (code === "ERR_CALLER") return "caller_failed";
  if (code === "ERR_ABORTED") return "interrupted";
  if (status === 401) return "credentials_refused";
  if (status === 403 && type !== "permission_error") return "blocked";
  if (status === 403 && inARow.refusals >= maxInARow.refusals) return "credentials_refused";
  if (status === 402) return "billing";
  if (status === 429) return "rate_limited";
  return inARow.outages >= maxInARow.outages ? "unreachable" : undefined;
}

/** Whether a failure is an outage: no answer came, the server failed, or it is not the API. */
export function isOutage({ code, status = 0, type }: OutcomeError): boolean {
  // The API's own 404 has another code.
  const isForeign = code === "ERR_API" && (type === undefined || status === 404);
  const isNoAnswer = ["ERR_CONNECTION", "ERR_TIMEOUT", "ERR_INVALID_RESPONSE"].includes(code);
  return isNoAnswer || isForeign || status >= 500;
}
