import type { Client } from "../core/client.ts";
import { deleteMessageBatch } from "../core/delete.ts";
import type { AuditEntry, ResultStore } from "../core/ports.ts";
import { cancelAndDeleteMessageBatch } from "./cancel-and-delete.ts";
import { type Deleted, deleteOne } from "./delete-one.ts";
import { exportThenDelete } from "./results/export-then-delete.ts";
import type { DeletionOutcome } from "./outcome.ts";
import { readHistory } from "./purge-history.ts";
import type { PurgeItem, PurgePlan } from "./plan.ts";
import { isOutage, type StopReason, stopReason } from "./stop-reason.ts";

/** How the batches of a run are worked on. */
export interface PurgeRunOptions {
  /** Stops the run. */
  readonly signal?: AbortSignal | undefined;
  /** Ends waits: nobody is interested any more. */
  readonly over: AbortSignal;
  readonly holds: ReadonlySet<string>;
  readonly cancelTimeout?: number | undefined;
  readonly exportTo?: ResultStore | undefined;
  readonly history?: Iterable<AuditEntry> | AsyncIterable<AuditEntry> | undefined;
}

/** The batches of a plan one by one, and what their outcomes mean for those that come after. */
export interface PurgeRun {
  /** The outcome of a batch that is known without a request. */
  known(item: PurgeItem): DeletionOutcome | undefined;
  /** Deletes a batch. It never rejects. */
  act(item: PurgeItem): Promise<DeletionOutcome>;
  /** Whether a deletion has come to an end. */
  proven(): boolean;
  /** Throws what the caller's own trail or secret failed with, if it did. */
  throwCallerError(): void;
}

/** Begins a run of a plan. */
export async function createPurgeRun(
  client: Client,
  plan: PurgePlan,
  { signal, over, holds, cancelTimeout, exportTo: store, history: entries = [] }: PurgeRunOptions,
): Promise<PurgeRun> {
  const history = await readHistory(entries, plan);
  const ends = signal === undefined ? over : AbortSignal.any([signal, over]);
  const stopped = new AbortController();
  const early = AbortSignal.any([ends, stopped.signal]);
  const callerErrors: unknown[] = [];
  let failuresInARow = 0;
  let reason: StopReason | undefined;
  let proven = false;

  const note = (outcome: DeletionOutcome): void => {
    proven = true;
    if (outcome.outcome === "unattempted") reason ??= outcome.reason;
    const error = "error" in outcome ? outcome.error : undefined;
    failuresInARow = error && isOutage(error) ? failuresInARow + 1 : 0;
    if (error) reason ??= stopReason(error, failuresInARow);
    if (reason) stopped.abort();
  };

  return {
    known({ id }) {
      if (signal?.aborted) reason ??= "interrupted";
      const settled = history.settled(id);
      if (settled !== undefined) return settled;
      if (holds.has(id)) return { outcome: "skipped", id, reason: "held" };
      return reason && { outcome: "unattempted", id, reason };
    },
    async act({ id, action }) {
      const cancel = action === "cancel_and_delete";
      const call = { allowMissing: true, attempted: history.attempted(id) };
      const remove = (seen: Client): Promise<Deleted> => {
        if (store) {
          return exportThenDelete(seen, id, {
            ...call,
            store,
            signal: early,
            cancel,
            cancelTimeout,
          });
        }
        return cancel
          ? cancelAndDeleteMessageBatch(seen, id, { ...call, timeout: cancelTimeout })
          : deleteMessageBatch(seen, id, call);
      };
      const outcome = await deleteOne(client, id, remove, {
        signal: ends,
        early,
        workspaceId: plan.workspaceId,
        onOtherWorkspace: () => void (reason ??= "other_workspace"),
        onCallerError: (error) => callerErrors.push(error),
      });
      note(outcome);
      return outcome.outcome === "unattempted" && reason ? { ...outcome, reason } : outcome;
    },
    proven: () => proven,
    throwCallerError() {
      if (callerErrors.length > 0) throw callerErrors[0];
    },
  };
}
