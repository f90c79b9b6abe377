/**
 * Deletes a batch once its results are stored, and only then.
 *
 * @module
 */
import { isAbort } from "../core/abort.ts";
import { withAuditTrail } from "../core/audit.ts";
import { type MessageBatch, subjectOf } from "../core/batches.ts";
import { deleteBatch, type DeletionFacts, messageBatch } from "../core/delete.ts";
import { CallError, NotFoundError, WaitTimeoutError } from "../core/errors.ts";
import { type Call, endOfWait, pause } from "../core/send.ts";
import {
  ExportFailure,
  exportFailure,
  type ResultsExport,
  type ResultStore,
  storeResults,
} from "./export.ts";
import { outcomeError } from "./outcome.ts";
import { stepsOf } from "./steps.ts";
import { cancelUntilEnded, lookFor } from "./wait.ts";

/** How a batch is deleted whose results are to be kept. */
interface ExportThenDeleteOptions {
  readonly store: ResultStore;
  /** Whether a batch that has not ended is canceled, rather than skipped. */
  readonly cancel: boolean;
  /** How long to wait for it then, in milliseconds. */
  readonly waitTimeout?: number | undefined;
  /** What to do if its results are gone. */
  readonly archived: "keep" | "delete";
  /** Whether an earlier call may have deleted it. */
  readonly mayBeDeletedAlready: boolean;
}

/**
 * Deletes a batch once its results are stored. If they cannot be stored, no deletion is sent, even if
 * the batch seems to be gone: that counts after three looks in a row, whatever the deletion said.
 *
 * @throws {ExportFailure} The results could not be stored.
 * @throws {WaitTimeoutError} The batch has not ended.
 * @throws {NotFoundError} Deletions do not find it, and looks do.
 * @throws As `deleteMessageBatch()`.
 */
export async function exportThenDelete(
  call: Call,
  id: string,
  options: ExportThenDeleteOptions,
): Promise<DeletionFacts & { readonly export?: ResultsExport; readonly archived?: true }> {
  // A stop ends looks and the export at once, but no deletion.
  const stoppable: Call = { ...call, signal: endOfWait(call) };
  const found = await find(call, stoppable, id, options);
  if (found instanceof NotFoundError) return await recordAbsence(call, id, found, options);
  if (found.archived_at !== null) {
    if (options.archived === "delete") return { ...await deleteBatch(call, id), archived: true };
    const why = "its results are gone: they were archived, 29 days after its creation";
    throw exportFailure(found, why, "ERR_ARCHIVED");
  }
  let stored: ResultsExport | undefined;
  let recorded = call; // with the hash of the results, once they are stored
  for (let tries = 1;; tries += 1) {
    try {
      stored ??= await storeResults(stoppable, found, options.store);
      stoppable.signal?.throwIfAborted();
      recorded = { ...call, audit: { ...call.audit, exportHash: stored.sha256 } };
      return { ...await deleteBatch(recorded, id), export: stored };
    } catch (error) {
      // The batch, or its results, are not found: it may just have been deleted.
      if (!isNotFound(error)) throw error;
      const now = await lookOrFail(stoppable, id);
      if (now instanceof NotFoundError) return await recordAbsence(recorded, id, now, options);
      if (stored === undefined || tries === 3) throw error;
      await pause(stoppable, 500 + 500 * tries);
    }
  }
}

const isNotFound = (error: unknown) =>
  error instanceof NotFoundError ||
  (error instanceof ExportFailure && error.failure.code === "ERR_NOT_FOUND");

/** Looks; if the API does not show the batch, the results cannot be stored. */
async function lookOrFail(call: Call, id: string): Promise<MessageBatch | NotFoundError> {
  try {
    return await lookFor(call, id);
  } catch (error) {
    if (!(error instanceof CallError) || isAbort(error, call.signal)) throw error;
    throw new ExportFailure(outcomeError(error));
  }
}

/** The batch, ended; or the API's word that there is none. */
async function find(
  call: Call,
  stoppable: Call,
  id: string,
  { cancel, waitTimeout }: ExportThenDeleteOptions,
): Promise<MessageBatch | NotFoundError> {
  if (cancel) {
    try {
      return await cancelUntilEnded(call, id, stepsOf(call, undefined), waitTimeout);
    } catch (error) {
      if (error instanceof NotFoundError) return error;
      throw error;
    }
  }
  const found = await lookOrFail(stoppable, id);
  if (found instanceof NotFoundError || found.processing_status === "ended") return found;
  const why = "it has not ended";
  const facts = { operation: "delete", subject: subjectOf(id), why, lastStatus: undefined };
  throw new WaitTimeoutError({ ...facts, canceled: false });
}

/** Records that a batch is gone, as a deletion that found nothing. */
async function recordAbsence(
  call: Call,
  id: string,
  { requestId, workspaceId }: NotFoundError,
  { mayBeDeletedAlready }: ExportThenDeleteOptions,
): Promise<DeletionFacts> {
  const evidence = mayBeDeletedAlready ? "absent_after_retry" : "missing";
  const attempts = call.facts.deletions;
  const facts: DeletionFacts = { evidence, requestId, attempts, workspaceId };
  return await withAuditTrail(call, messageBatch.name, id, () => Promise.resolve(facts));
}
