/** Deletes one batch of a run; once its results are stored, if that is asked for. @module */
import { isAbort } from "../core/abort.ts";
import { withAuditTrail } from "../core/audit.ts";
import { subjectOf } from "../core/batches.ts";
import { deleteBatch, type DeletionFacts, messageBatch } from "../core/delete.ts";
import { CallError, NotFoundError, WaitTimeoutError } from "../core/errors.ts";
import { type Call, endOfWait } from "../core/send.ts";
import {
  ExportFailure,
  exportFailure,
  type ResultsExport,
  type ResultStore,
  storeResults,
} from "./export.ts";
import { type DeletionOutcome, deletionOutcome, outcomeError } from "./outcome.ts";
import { isArchived } from "./time.ts";
import { cancelAndDelete, lookFor, waitUntilEnded } from "./wait.ts";

/** How one batch is deleted. */
interface DeletionSettings {
  /** Where its results are stored before. */
  readonly store?: ResultStore | undefined;
  /** Whether a batch that has not ended is canceled, rather than skipped. */
  readonly cancel: boolean;
  /** How long to wait for it then, in milliseconds. */
  readonly waitTimeout?: number | undefined;
  /** What to do if its results are gone. */
  readonly archived: "keep" | "delete";
  readonly allowMissing: boolean;
  readonly mayBeDeletedAlready: boolean;
  readonly missingAtOnce?: boolean;
}

/** Deletes one batch: cancels it, or stores its results before, if that is asked for. */
export async function deleteOne(
  call: Call,
  id: string,
  { store, ...settings }: DeletionSettings,
): Promise<DeletionOutcome> {
  const deletion = store !== undefined
    ? await exportThenDelete(call, id, { ...settings, store })
    : settings.cancel
    ? await cancelAndDelete(call, id, settings)
    : await deleteBatch(call, id, settings);
  return deletionOutcome(id, deletion);
}

/**
 * Deletes a batch once its results are stored. If they cannot be stored, no deletion is sent, even if
 * the batch seems to be gone: that counts after three looks in a row.
 *
 * @throws {ExportFailure} The results could not be stored.
 * @throws {WaitTimeoutError} The batch has not ended.
 * @throws As `deleteMessageBatch()`.
 */
async function exportThenDelete(
  call: Call,
  id: string,
  settings: DeletionSettings & { readonly store: ResultStore },
): Promise<DeletionFacts & { readonly export?: ResultsExport; readonly archived?: true }> {
  const { store, cancel, waitTimeout, archived, allowMissing, mayBeDeletedAlready } = settings;
  // A stop ends looks and the export at once, but no deletion.
  const stoppable: Call = { ...call, signal: endOfWait(call) };
  const absence = { allowMissing, mayBeDeletedAlready };
  const look = () =>
    lookFor(stoppable, id).catch((error) => {
      const isUnclear = error instanceof CallError && !isAbort(error, stoppable.signal);
      throw isUnclear ? new ExportFailure(outcomeError(error)) : error;
    });
  /** Records that it is gone, as a deletion that found nothing. */
  const recordAbsence = (error: NotFoundError) =>
    withAuditTrail(call, messageBatch.name, id, async (): Promise<DeletionFacts> => {
      if (!allowMissing && !mayBeDeletedAlready) throw error;
      const { requestId, workspaceId } = error;
      const evidence = mayBeDeletedAlready ? "absent_after_retry" : "missing";
      return await Promise.resolve({ evidence, requestId, attempts: 0, workspaceId });
    });

  const found = cancel
    ? await waitUntilEnded(call, id, { waitTimeout, cancel }).catch((error) => {
      if (error instanceof NotFoundError) return error;
      throw error;
    })
    : await look();
  if (found instanceof NotFoundError) return await recordAbsence(found);
  if (found.processing_status !== "ended") {
    const why = "it has not ended";
    const facts = { operation: "delete", subject: subjectOf(id), why, lastStatus: undefined };
    throw new WaitTimeoutError({ ...facts, canceled: false });
  }
  if (isArchived(found, call.settings.clock.now())) {
    if (archived === "delete") return { ...await deleteBatch(call, id, absence), archived: true };
    const why = "its results are gone: they were archived, 29 days after its creation";
    throw exportFailure(found, why, "ERR_ARCHIVED");
  }
  let stored: ResultsExport;
  try {
    stored = await storeResults(stoppable, found, store);
  } catch (error) {
    const isNotFound = error instanceof ExportFailure && error.failure.code === "ERR_NOT_FOUND";
    const now = isNotFound && await look();
    if (now instanceof NotFoundError) return await recordAbsence(now);
    throw error;
  }
  const recorded = { ...call, audit: { ...call.audit, exportHash: stored.sha256 } };
  return { ...await deleteBatch(recorded, id, absence), export: stored };
}
