import type { Client } from "../core/client.ts";
import { BatchsweepError, NotEndedError, WaitTimeoutError } from "../core/errors.ts";
import type { Evidence } from "../core/resource.ts";
import { observe } from "./observe.ts";
import { type DeletionOutcome, outcomeError } from "./outcome.ts";

/** What every deletion resolves with, of whatever kind. */
export interface Deleted {
  readonly evidence: Evidence;
  readonly requestId?: string | undefined;
  readonly auditError?: string | undefined;
}

/** How one deletion of a run behaves. */
export interface DeleteOneOptions {
  /** Ends the waits between attempts; an attempt under way comes to its end. */
  readonly signal?: AbortSignal | undefined;
  /** The only workspace whose answers are believed. */
  readonly workspaceId?: string | undefined;
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
  { signal, workspaceId, onCallerError }: DeleteOneOptions = {},
): Promise<DeletionOutcome> {
  const seen = observe(client, signal);
  const outcome = await run(seen.client).then(
    (deletion): DeletionOutcome => {
      const { evidence, requestId, auditError } = deletion;
      const audit = auditError === undefined ? {} : { auditError };
      if (evidence === "missing") return { outcome: "missing", id, ...audit };
      const request = requestId === undefined ? {} : { requestId };
      return { outcome: "deleted", id, evidence, ...request, attempts: seen.deletions(), ...audit };
    },
    (error: unknown): DeletionOutcome => {
      if (signal?.aborted && error === signal.reason) {
        if (seen.nothingDone()) return { outcome: "unattempted", id, reason: "interrupted" };
        const message = "The run was interrupted; it may have been deleted all the same";
        return { outcome: "failed", id, error: { code: "ERR_ABORTED", message } };
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
      const message = "The audit trail or the function of the secret failed";
      return { outcome: "failed", id, error: { code: "ERR_CALLER", message } };
    },
  );
  const elsewhere = workspaceId !== undefined &&
    [...seen.workspaces].some((workspace) => workspace !== workspaceId);
  if (!elsewhere || !restsOnAbsence(outcome)) return outcome;
  const message = "The answer came from another workspace than the plan was made for";
  return { outcome: "failed", id, error: { code: "ERR_PURGE_REFUSED", message } };
}

/** A 404 of another workspace says nothing of this batch. A receipt does, whoever gave it. */
function restsOnAbsence(outcome: DeletionOutcome): boolean {
  return outcome.outcome === "missing" ||
    (outcome.outcome === "deleted" && outcome.evidence !== "receipt");
}
