import type { Client } from "../core/client.ts";
import { deleteMessageBatch } from "../core/delete.ts";
import type { AuditEntry } from "../core/ports.ts";
import { cancelAndDeleteMessageBatch } from "./cancel-and-delete.ts";
import { deleteOne } from "./delete-one.ts";
import type { DeletionOutcome } from "./outcome.ts";
import { readHistory } from "./purge-history.ts";
import type { PurgeItem, PurgePlan } from "./purge-plan.ts";
import { isOutage, type StopReason, stopReason } from "./stop-reason.ts";

/** How the batches of a run are worked on. */
export interface PurgeRunOptions {
  /** Stops the run. */
  readonly signal?: AbortSignal | undefined;
  /** Ends waits: nobody is interested any more. */
  readonly over: AbortSignal;
  readonly holds: ReadonlySet<string>;
  readonly cancelTimeout?: number | undefined;
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
  { signal, over, holds, cancelTimeout, history: entries = [] }: PurgeRunOptions,
): Promise<PurgeRun> {
  const history = await readHistory(entries, plan);
  const ends = signal === undefined ? over : AbortSignal.any([signal, over]);
  const callerErrors: unknown[] = [];
  let failuresInARow = 0;
  let reason: StopReason | undefined;
  let proven = false;

  const note = (outcome: DeletionOutcome): void => {
    proven = true;
    if (outcome.outcome === "unattempted") reason ??= outcome.reason;
    const outage = outcome.outcome === "failed" && isOutage(outcome.error);
    failuresInARow = outage ? failuresInARow + 1 : 0;
    if (outcome.outcome === "failed") reason ??= stopReason(outcome.error, failuresInARow);
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
      const call = { allowMissing: true, attempted: history.attempted(id) };
      const outcome = await deleteOne(
        client,
        id,
        (seen) =>
          action === "cancel_and_delete"
            ? cancelAndDeleteMessageBatch(seen, id, { ...call, timeout: cancelTimeout })
            : deleteMessageBatch(seen, id, call),
        {
          signal: ends,
          workspaceId: plan.workspaceId,
          onCallerError: (error) => callerErrors.push(error),
        },
      );
      note(outcome);
      return outcome;
    },
    proven: () => proven,
    throwCallerError() {
      if (callerErrors.length > 0) throw callerErrors[0];
    },
  };
}
