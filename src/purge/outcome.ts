import { APIError, type BatchsweepError, InvalidResponseError } from "../core/errors.ts";
import type { Evidence } from "../core/resource.ts";
import type { ResultsExport } from "./results/export-to-sink.ts";
import type { KeepCode } from "./decision.ts";
import type { StopReason } from "./stop-reason.ts";

/** What became of one object of a run. Every object ends in exactly one. */
export type DeletionOutcome =
  | {
    readonly outcome: "deleted";
    readonly id: string;
    readonly evidence: Evidence;
    readonly requestId?: string | undefined;
    /** How many deletions were sent for it. */
    readonly attempts: number;
    /** Whether an earlier run did it, by its audit trail: nothing was sent for it now. */
    readonly recorded?: true | undefined;
    /** Its results, where they were stored before. */
    readonly export?: ResultsExport | undefined;
    /** Why the outcome could not be written to the audit trail, if it could not. */
    readonly auditError?: string | undefined;
  }
  | {
    /** It was gone before we came. */
    readonly outcome: "missing";
    readonly id: string;
    /** Whether an earlier run saw that, by its audit trail: nothing was sent for it now. */
    readonly recorded?: true | undefined;
    readonly auditError?: string | undefined;
  }
  | {
    /**
     * It was left alone on purpose. Of a purge: it has not ended, or it is held. Of ids given to the
     * command: why the plan keeps it.
     */
    readonly outcome: "skipped";
    readonly id: string;
    readonly reason: KeepCode;
    readonly auditError?: string | undefined;
  }
  | {
    /** Its results were to be stored first, and could not be. No deletion was sent. */
    readonly outcome: "skipped";
    readonly id: string;
    readonly reason: "export_failed";
    /** Where the store failed, or there are no results to store, its code is `"ERR_EXPORT"`. */
    readonly error: OutcomeError;
  }
  | {
    readonly outcome: "failed";
    readonly id: string;
    readonly error: OutcomeError;
    readonly auditError?: string | undefined;
  }
  | {
    /** The run stopped before it: no deletion of it was sent, or each was turned away at the door. */
    readonly outcome: "unattempted";
    readonly id: string;
    readonly reason: StopReason;
  };

/** An error as data. */
export interface OutcomeError {
  readonly code: string;
  readonly message: string;
  readonly status?: number | undefined;
  readonly type?: string | undefined;
  readonly requestId?: string | undefined;
}

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
