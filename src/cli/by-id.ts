/** `delete`, `cancel` and `export`: what is done about objects by their ids. */
import { keyFingerprint, withAuditTrail } from "../core/audit.ts";
import { cancelBatch, type MessageBatch, retrieveBatch, subjectOf } from "../core/batches.ts";
import { defined } from "../core/check.ts";
import { checkClient } from "../core/client.ts";
import {
  type DeletableResource,
  deleteResource,
  mayMeanNotEnded,
  messageBatch,
} from "../core/delete.ts";
import { NotFoundError, WaitTimeoutError } from "../core/errors.ts";
import { type Call, endOfWait } from "../core/send.ts";
import { type PurgeHistory, readHistory } from "../purge/apply.ts";
import { createRun, type RunOutcome, type Task } from "../purge/engine.ts";
import { type ResultStore, storeResults } from "../purge/export.ts";
import { deleteOne as deleteBatchOfRun } from "../purge/export-then-delete.ts";
import { type DeletionOutcome, deletionOutcome, type OutcomeError } from "../purge/outcome.ts";
import { lookFor, waitUntilEnded } from "../purge/wait.ts";
import { createClient } from "./client.ts";
import { CommandError, exitCode } from "./errors.ts";
import { checkArchived, readHolds } from "./selection.ts";
import { parseId, readIds } from "./ids.ts";
import { openResults } from "./input.ts";
import { type Action, type Flags, longestWait } from "./options.ts";
import type { Context } from "./output.ts";
import { describeOutcome, reportRun } from "./report.ts";
import { withTrail } from "./trail.ts";

/** How objects are worked on. */
interface Settings extends Pick<Flags, "cancel" | "archived" | "allowMissing"> {
  readonly resource: DeletableResource;
  /** How long the end of a batch is waited for, in milliseconds; `undefined`: not at all. */
  readonly waitTimeout: number | undefined;
  /** Where results are stored. */
  readonly store: ResultStore | undefined;
  readonly past: PurgeHistory;
}

/** What is done about one object. */
const operations = { delete: deleteOne, cancel: cancelOne, export: exportOne };
type Operation = "delete" | "cancel" | "export";

/** Makes the action of a command that works on ids. */
export function byId(operation: Operation, resource: DeletableResource = messageBatch): Action {
  return async (args, flags, context) => {
    const { host } = context;
    const { timeout, cancel, wait } = flags;
    if (timeout !== undefined && !cancel && !wait) {
      const waits = operation === "delete" ? "--cancel or --wait" : "--wait";
      throw new CommandError(
        `Cannot use --timeout without ${waits}; the time for one request is --request-timeout`,
      );
    }
    checkArchived(flags);
    const waitTimeout = cancel || wait ? timeout ?? longestWait : undefined;
    const client = createClient(context, flags, resource);
    const ids = await readIds(args, resource, flags, context, operation);
    if (ids.length === 0) return exitCode.done;
    const holds = await readHolds(flags, host);
    if (flags.dryRun) {
      const what = cancel ? "cancel and delete" : operation;
      return await showIds(ids, what, flags.json, context, holds);
    }
    const directory = operation === "export" ? flags.to ?? "results" : flags.export;
    const store = await openResults(directory, host.files);
    return await withTrail(flags.audit, client, ids, context, async (trail) => {
      const { json, concurrency = 32 } = flags;
      const { name: kind } = resource;
      const checked = checkClient({ ...client, auditTrail: trail });
      const key = await keyFingerprint(checked);
      const past = await readHistory(trail?.history ?? [], { ids, kind });
      const settings = { ...flags, resource, waitTimeout, store, past };
      const waits = waitTimeout !== undefined;
      const taskOf = (id: string): Task<RunOutcome> => ({
        id,
        waits,
        known: holds.has(id) ? heldOutcome(id) : undefined,
        otherKey: past.outcome(id) === undefined && past.isOfOtherKey(id, key),
        run: (call) => operations[operation](call, id, settings),
      });
      const waited = new Set(waits ? ids : []);
      const { baseUrl } = checked;
      const hint = "If it may be gone already, say --allow-missing";
      const notFound = operation === "export" ? undefined : hint;
      return await reportRun(
        context,
        { json, kind, baseUrl, waitTimeout, total: ids.length, waited, notFound },
        (signal) => createRun(checked, ids, taskOf, { concurrency, operation, signal }).outcomes(),
      );
    });
  };
}

const heldOutcome = (id: string) => ({ outcome: "skipped", id, reason: "held" }) as const;

/** Shows what would be done about ids. Nothing is sent. */
async function showIds(
  ids: readonly string[],
  what: string,
  json: boolean | undefined,
  { output }: Context,
  holds: ReadonlySet<string>,
): Promise<number> {
  for (const id of ids) {
    const isHeld = holds.has(id);
    if (json) await output.json(isHeld ? heldOutcome(id) : { dryRun: true, id });
    else if (isHeld) await output.note(`${describeOutcome(heldOutcome(id))}\n`);
    else await output.result(`would ${what} ${id}\n`);
  }
  await output.note("Dry run: nothing was sent\n", "strong");
  return exitCode.done;
}

/** The outcome of an object that was failed here, not by an error. */
export function failedOutcome(
  verb: Operation,
  id: string,
  why: string,
  error: Pick<OutcomeError, "code" | "outcomeKnown">,
): DeletionOutcome {
  const message = `Cannot ${verb} ${subjectOf(id)}: ${why}`;
  return { outcome: "failed", id, error: { message, why, ...error } };
}

/** Why a batch that is not found is failed. */
export const notThere = "it is not in the workspace";

async function deleteOne(
  call: Call,
  id: string,
  { resource, cancel = false, waitTimeout, store, archived = "keep", past, ...flags }: Settings,
): Promise<DeletionOutcome> {
  const mayBeDeletedAlready = past.isUncertain(id);
  const allowMissing = flags.allowMissing === true || past.outcome(id) !== undefined;
  const absence = { allowMissing, mayBeDeletedAlready };
  if (resource !== messageBatch) {
    const deletion = await deleteResource(call, resource, parseId(resource, id), absence);
    return deletionOutcome(id, deletion);
  }
  if (waitTimeout !== undefined && !cancel) {
    await waitUntilEnded(call, id, { waitTimeout }).catch((error) => {
      // The deletion says how the absence is known.
      if (!(error instanceof NotFoundError && (allowMissing || mayBeDeletedAlready))) throw error;
    });
  }
  return await deleteBatchOfRun(call, id, { ...absence, store, cancel, waitTimeout, archived });
}

/** Cancels a batch, and waits for its end if there is a time to wait. */
async function cancelOne(
  call: Call,
  id: string,
  { waitTimeout, allowMissing }: Settings,
): Promise<RunOutcome> {
  try {
    const { batch, auditError } = await withAuditTrail(
      call,
      messageBatch.name,
      id,
      async () => ({ batch: await cancelOrLook(call, id, allowMissing), attempts: 1 }),
      "cancel",
    );
    const outcome = defined({ id, batch, auditError });
    if (batch.processing_status === "ended") return { outcome: "ended", ...outcome };
    if (waitTimeout === undefined) return { outcome: "canceling", ...outcome };
    try {
      const ended = await waitUntilEnded(call, id, { waitTimeout });
      return { outcome: "ended", ...outcome, batch: ended };
    } catch (error) {
      const isLate = error instanceof WaitTimeoutError;
      if (!isLate && !endOfWait(call)?.aborted) throw error;
      return { outcome: "canceling", ...outcome, waitEnded: isLate ? "timed_out" : "interrupted" };
    }
  } catch (error) {
    const isGone = error instanceof NotFoundError && !call.facts.wasThere;
    if (isGone && allowMissing) return { outcome: "missing", id };
    if (call.facts.canceled !== "unknown" || !endOfWait(call)?.aborted) throw error;
    const why = "the run was interrupted; it may have been canceled";
    return failedOutcome("cancel", id, why, { code: "ERR_ABORTED", outcomeKnown: false });
  }
}

/**
 * The batch after its cancellation. How the API refuses to cancel a batch that has ended is published
 * nowhere, so a look at the batch decides. If the look fails, the refusal stands. A batch that may be
 * missing is looked for, and canceled once more if it is there.
 */
async function cancelOrLook(
  call: Call,
  id: string,
  allowMissing: boolean | undefined,
): Promise<MessageBatch> {
  try {
    return await cancelBatch(call, id);
  } catch (error) {
    if (error instanceof NotFoundError && allowMissing) {
      const found = await lookFor(call, id);
      if (found instanceof NotFoundError) throw error;
      return await cancelOrLook(call, id, false);
    }
    if (!mayMeanNotEnded(error)) throw error;
    const batch = await retrieveBatch(call, id).catch(() => undefined);
    if (batch === undefined || batch.processing_status === "in_progress") throw error;
    return batch;
  }
}

async function exportOne(
  call: Call,
  id: string,
  { waitTimeout, store }: Settings,
): Promise<RunOutcome> {
  const batch = waitTimeout === undefined
    ? await retrieveBatch(call, id)
    : await waitUntilEnded(call, id, { waitTimeout });
  if (batch.processing_status !== "ended" || store === undefined) {
    return { outcome: "skipped", id, reason: "not_ended" };
  }
  const stoppable = { ...call, signal: endOfWait(call) };
  return { outcome: "exported", id, export: await storeResults(stoppable, batch, store) };
}
