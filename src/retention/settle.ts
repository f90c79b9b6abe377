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
import type { Listing } from "../purge/plan-purge.ts";
import { parseTimestamp } from "../purge/time.ts";

/** How many requests it takes to settle an intent whose batch is not in the list. */
export const looksToSettle = 3;

/**
 * Gives open intents an outcome, as far as it can be known.
 *
 * @param most How many batches it may look for. It needs no request if the list has the batch.
 * @returns How many intents were settled.
 */
export async function settleIntents(
  settings: Settings,
  intents: Iterable<AuditEntry>,
  { batches, workspaceId }: Listing,
  most: number,
  options: RunOptions,
): Promise<number> {
  if (settings.auditTrail === undefined) return 0;
  const now = settings.clock.now();
  const open = new Map<string, AuditEntry[]>(); // by batch
  for (const intent of intents) {
    const { phase, operation, resource, objectId, time } = intent;
    if (phase !== "intent" || operation !== "delete" || resource !== "message_batch") continue;
    if (!((parseTimestamp(time) ?? NaN) <= now - openAfterMs) || !isBatchId(objectId)) continue;
    if ((intent.workspaceId ?? workspaceId) !== workspaceId) continue;
    open.set(objectId, [...open.get(objectId) ?? [], intent]);
  }
  const ids = [...open.keys()];
  const entries: AuditEntry[] = [];
  const settle = (id: string, facts: Partial<AuditEntry>) => {
    for (const intent of open.get(id) ?? []) {
      entries.push(createOutcome(intent, now, { ...facts, settled: true, workspaceId }));
    }
  };
  for (const id of ids.filter((one) => batches.has(one))) settle(id, stillThere(id));
  const unlisted = ids.filter((one) => !batches.has(one)).slice(0, most);
  const looks = createRun(settings, unlisted, (id) => ({
    id,
    run: (call) => lookFor(call, id),
  }), options);
  for await (const outcome of looks.outcomes()) {
    if (outcome.outcome === "deleted") {
      const { evidence, requestId } = outcome;
      settle(outcome.id, { outcome: "deleted", evidence, requestId });
    } else if (outcome.outcome === "failed" && outcome.error.code === openIntent) {
      settle(outcome.id, stillThere(outcome.id));
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

/** The outcome of an intent whose batch is still there. */
function stillThere(id: string): Partial<AuditEntry> {
  const message = `Cannot delete ${subjectOf(id)}: the call left no outcome, and it is still there`;
  return { outcome: "failed", error: { code: openIntent, message, outcomeKnown: true } };
}
