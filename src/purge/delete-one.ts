import type { Client } from "../core/client.ts";
import { BatchsweepError, NotEndedError, WaitTimeoutError } from "../core/errors.ts";
import type { AuditTrail } from "../core/ports.ts";
import type { Evidence } from "../core/resource.ts";
import { ExportFailure } from "./results/export-failure.ts";
import type { ResultsExport } from "./results/export-to-sink.ts";
import { observe } from "./observe.ts";
import { type DeletionOutcome, outcomeError } from "./outcome.ts";

/** What every deletion resolves with, of whatever kind. */
export interface Deleted {
  readonly evidence: Evidence;
  readonly requestId?: string | undefined;
  readonly auditError?: string | undefined;
  /** Its results, where they were stored before. */
  readonly export?: ResultsExport | undefined;
}

/** How one deletion of a run behaves. */
export interface DeleteOneOptions {
  /** Ends the waits between attempts; an attempt under way comes to its end. */
  readonly signal?: AbortSignal | undefined;
  /** Ends them too, as long as it is certain that nothing was deleted. */
  readonly early?: AbortSignal | undefined;
  /** The only workspace whose answers are believed. */
  readonly workspaceId?: string | undefined;
  /** Is told where an answer came from another one, whatever the outcome is. */
  readonly onOtherWorkspace?: (() => void) | undefined;
  /** Is given what the caller's own trail or secret failed with. */
  readonly onCallerError?: ((error: unknown) => void) | undefined;
}

/**
 * Makes one deletion of a run, and says what became of it. It never rejects.
 *
 * @param client Who calls, and how.
 * @param id ID of the object.
 * @param run Makes the deletion with the client that it is given.
 * @param options How it behaves.
 */
export async function deleteOne(
  client: Client,
  id: string,
  run: (client: Client) => Promise<Deleted>,
  { signal, early, workspaceId, onOtherWorkspace, onCallerError }: DeleteOneOptions = {},
): Promise<DeletionOutcome> {
  const seen = observe(client, signal, early);
  const trail = watchTrail(client);
  const outcome = await run({ ...seen.client, auditTrail: trail.auditTrail }).then(
    (deletion): DeletionOutcome => {
      const { evidence, requestId, auditError } = deletion;
      const audit = auditError === undefined ? {} : { auditError };
      if (evidence === "missing") return { outcome: "missing", id, ...audit };
      const request = requestId === undefined ? {} : { requestId };
      const stored = deletion.export === undefined ? {} : { export: deletion.export };
      const attempts = seen.deletions();
      return { outcome: "deleted", id, evidence, ...request, attempts, ...stored, ...audit };
    },
    (error: unknown): DeletionOutcome => {
      if ([signal, early].some((end) => end?.aborted && error === end.reason)) {
        if (seen.nothingDone()) return { outcome: "unattempted", id, reason: "interrupted" };
        const message = "The run was interrupted; it may have been deleted all the same";
        return { outcome: "failed", id, error: { code: "ERR_ABORTED", message } };
      }
      if (error instanceof ExportFailure) {
        return { outcome: "skipped", id, reason: "export_failed", error: error.failure };
      }
      if (error instanceof BatchsweepError) {
        const { auditError } = error;
        const audit = auditError === undefined ? {} : { auditError };
        if (error instanceof NotEndedError || error instanceof WaitTimeoutError) {
          return { outcome: "skipped", id, reason: "not_ended", ...audit };
        }
        return { outcome: "failed", id, error: outcomeError(error), ...audit };
      }
      onCallerError?.(error);
      const what = trail.failure(error) ?? "The audit trail or the function of the secret failed";
      const message = seen.nothingDone() ? `${what}; nothing was deleted` : what;
      return { outcome: "failed", id, error: { code: "ERR_CALLER", message } };
    },
  );
  const elsewhere = workspaceId !== undefined &&
    [...seen.workspaces].some((workspace) => workspace !== workspaceId);
  if (elsewhere) onOtherWorkspace?.();
  if (!elsewhere || !restsOnAbsence(outcome)) return outcome;
  const message = "The answer came from another workspace than the plan was made for";
  return { outcome: "failed", id, error: { code: "ERR_PURGE_REFUSED", message } };
}

/** Tells a failure of the caller's trail from others of the caller. */
function watchTrail({ auditTrail }: Client) {
  let waiting = false; // time may end the wait, with an error that is not the trail's
  let failed: unknown;
  const watched: AuditTrail | undefined = auditTrail && {
    async append(entry) {
      if (entry.phase !== "intent") return await auditTrail.append(entry);
      waiting = true;
      try {
        await auditTrail.append(entry);
      } catch (error) {
        failed = error;
        throw error;
      } finally {
        waiting = false;
      }
    },
  };
  return {
    auditTrail: watched,
    /** What the trail says of it, in its own words; undefined: it was not the trail. */
    failure: (error: unknown): string | undefined =>
      (waiting || error === failed) && error instanceof Error
        ? `The audit trail failed: ${error.message.replace(/^The audit trail /, "it ")}`
        : undefined,
  };
}

/** A 404 of another workspace says nothing of this batch. A receipt does, whoever gave it. */
function restsOnAbsence(outcome: DeletionOutcome): boolean {
  return outcome.outcome === "missing" ||
    (outcome.outcome === "deleted" && outcome.evidence !== "receipt");
}
