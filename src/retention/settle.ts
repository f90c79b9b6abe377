/**
 * Settles the intents that a killed process left open in the audit trail.
 *
 * @module
 */
import { appendEntry, type AuditEntry, createOutcome, openAfterMs } from "../core/audit.ts";
import { isBatchId, subjectOf } from "../core/batches.ts";
import type { Settings } from "../core/client.ts";
import { lookForAbsence, messageBatch } from "../core/delete.ts";
import type { Call } from "../core/send.ts";
import { createRun, type RunOptions } from "../purge/engine.ts";
import type { DeletionOutcome } from "../purge/outcome.ts";
import type { Listing, ListingBatch } from "../purge/plan-purge.ts";
import { parseTimestamp } from "../purge/time.ts";

/** How many requests it takes to settle an intent whose batch is not in the list. */
export const looksToSettle = 3;

/**
 * Gives open intents an outcome, as far as it can be known: of deletions, and of cancellations.
 *
 * @param most How many batches it may look for. It needs no request if the list has the batch.
 * @returns How many intents were settled.
 */
export async function settleIntents(
  settings: Settings,
  intents: Iterable<AuditEntry>,
  { batches, unreadable, workspaceId }: Listing,
  most: number,
  options: RunOptions,
): Promise<number> {
  if (settings.auditTrail === undefined) return 0;
  const now = settings.clock.now();
  const open = new Map<string, AuditEntry[]>(); // by batch
  for (const intent of intents) {
    const { phase, resource, objectId, time } = intent;
    if (phase !== "intent" || resource !== "message_batch") continue;
    if (!((parseTimestamp(time) ?? NaN) <= now - openAfterMs) || !isBatchId(objectId)) continue;
    if ((intent.workspaceId ?? workspaceId) !== workspaceId) continue;
    open.set(objectId, [...open.get(objectId) ?? [], intent]);
  }
  const ids = [...open.keys()];
  const entries: AuditEntry[] = [];
  const settle = (id: string, seen: Seen) => {
    for (const intent of open.get(id) ?? []) {
      const facts = outcomeOf(intent, seen);
      if (facts) entries.push(createOutcome(intent, now, { ...facts, settled: true, workspaceId }));
    }
  };
  const listed = (id: string) => batches.has(id) || unreadable.ids.has(id);
  for (const id of ids.filter(listed)) settle(id, { batch: batches.get(id) });
  const unlisted = ids.filter((id) => !listed(id)).slice(0, most);
  const looks = createRun(settings, unlisted, (id) => ({
    id,
    run: (call) => lookFor(call, id),
  }), options);
  for await (const outcome of looks.outcomes()) {
    if (outcome.outcome === "deleted") settle(outcome.id, { gone: outcome.requestId });
    else if (outcome.outcome === "failed" && outcome.error.code === openIntent) {
      settle(outcome.id, {});
    }
  }
  const written = await Promise.allSettled(entries.map((entry) => appendEntry(settings, entry)));
  return written.filter(({ status }) => status === "fulfilled").length;
}

const openIntent = "ERR_OPEN_INTENT";

/** Looks for a batch until it is found, or until its absence is certain. */
async function lookFor(call: Call, id: string): Promise<DeletionOutcome> {
  const look = await lookForAbsence(call, messageBatch, { message_batch_id: id });
  if (look.seen === "unknown") throw look.error;
  if (look.seen === "absent") {
    const { requestId } = look.error;
    return { outcome: "deleted", id, evidence: "absent_after_retry", requestId, attempts: 0 };
  }
  const why = "it is still there";
  return { outcome: "failed", id, error: { code: openIntent, message: why, why } };
}

/** What was seen of a batch: that it is gone, with the id of the request, or that it is there. */
type Seen =
  | { readonly gone: string | undefined }
  | { readonly batch?: ListingBatch | undefined };

/** The outcome of an open intent, if it can be known. */
function outcomeOf(
  { objectId, operation }: AuditEntry,
  seen: Seen,
): Partial<AuditEntry> | undefined {
  const failed = (why: string, outcomeKnown = true): Partial<AuditEntry> => {
    const message = `Cannot ${operation} ${
      subjectOf(objectId)
    }: the call left no outcome, and ${why}`;
    return { outcome: "failed", error: { code: openIntent, message, outcomeKnown } };
  };
  if (operation === "delete") {
    if (!("gone" in seen)) return failed("it is still there");
    return { outcome: "deleted", evidence: "absent_after_retry", requestId: seen.gone };
  }
  if ("gone" in seen) return failed("it is gone", false);
  const { processing_status: status, cancel_initiated_at: canceled = null } = seen.batch ?? {};
  if (status === "canceling" || canceled !== null) return { outcome: "canceled" };
  return status === "in_progress" || status === "ended" ? failed(`it is ${status}`) : undefined;
}
