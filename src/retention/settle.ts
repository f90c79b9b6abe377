/** Settles the intents that a killed process left open in the audit trail. @module */
import {
  appendEntry,
  type AuditEntry,
  createOutcome,
  keyFingerprint,
  openAfterMs,
} from "../core/audit.ts";
import { isBatchId, subjectOf } from "../core/batches.ts";
import type { Settings } from "../core/client.ts";
import { NotFoundError } from "../core/errors.ts";
import { createRun, type RunOptions } from "../purge/engine.ts";
import type { ListedBatch } from "../purge/filter.ts";
import type { Listing } from "../purge/plan.ts";
import { parseTimestamp } from "../purge/time.ts";
import { lookFor } from "../purge/wait.ts";

/** How many requests it takes to settle an intent whose batch is not in the list. */
export const looksToSettle = 3;

/**
 * Gives open intents an outcome, as far as it can be known: of deletions, and of cancellations.
 *
 * @param most How many batches it may look for. It needs no request if the list has the batch.
 */
export async function settleIntents(
  settings: Settings,
  intents: Iterable<AuditEntry>,
  { batches, unreadable, workspaceId }: Listing,
  most: number,
  options: RunOptions,
): Promise<number> {
  const { auditTrail } = settings;
  if (auditTrail === undefined) return 0;
  const now = settings.clock.now();
  const key = await keyFingerprint(settings);
  const open = new Map<string, AuditEntry[]>(); // by batch
  for (const intent of intents) {
    const { phase, resource, objectId, time } = intent;
    if (phase !== "intent" || resource !== "message_batch") continue;
    const age = Math.abs(now - Number(parseTimestamp(time)));
    if (!(age >= openAfterMs) || !isBatchId(objectId)) continue;
    if ((intent.workspaceId ?? workspaceId) !== workspaceId) continue;
    // Where no answer names the workspace, another key may be one of another workspace.
    if (workspaceId === undefined && (intent.keyFingerprint ?? key) !== key) continue;
    open.set(objectId, [...open.get(objectId) ?? [], intent]);
  }
  const entries: AuditEntry[] = [];
  const settle = (intents: readonly AuditEntry[], seen: Seen) => {
    for (const intent of intents) {
      const facts = outcomeOf(intent, seen);
      if (facts) entries.push(createOutcome(intent, now, { ...facts, settled: true, workspaceId }));
    }
  };
  const isListed = (id: string) => batches.has(id) || unreadable.ids.has(id);
  for (const [id, intents] of open) if (isListed(id)) settle(intents, batches.get(id));
  const unlisted = [...open].filter(([id]) => !isListed(id)).slice(0, most);
  const found = new Map<string, Seen>();
  const looks = createRun(settings, unlisted, ([id]) => ({
    id,
    async run(call) {
      found.set(id, await lookFor(call, id));
      return { outcome: "missing", id }; // or found: all that counts is that the API said which
    },
  }), options);
  for await (const { outcome, id } of looks.outcomes()) if (outcome !== "missing") found.delete(id);
  for (const [id, intents] of unlisted) if (found.has(id)) settle(intents, found.get(id));
  const written = await Promise.allSettled(
    entries.map((entry) => appendEntry(auditTrail, settings, entry)),
  );
  return written.filter(({ status }) => status === "fulfilled").length;
}

/** A batch, or that it is gone; undefined: it is there, and cannot be read. */
type Seen = ListedBatch | NotFoundError | undefined;

/** The outcome of an open intent, if it can be known. */
function outcomeOf(intent: AuditEntry, seen: Seen): Partial<AuditEntry> | undefined {
  const { objectId, operation } = intent;
  const failed = (why: string, outcomeKnown = true): Partial<AuditEntry> => {
    const what = `Cannot ${operation} ${subjectOf(objectId)}`;
    const message = `${what}: the call left no outcome, and ${why}`;
    return { outcome: "failed", error: { code: "ERR_OPEN_INTENT", message, outcomeKnown } };
  };
  if (seen instanceof NotFoundError) {
    if (operation !== "delete") return failed("it is gone", false);
    return { outcome: "deleted", evidence: "absent_after_retry", requestId: seen.requestId };
  }
  if (operation === "delete") return failed("it is still there");
  const { processing_status: status, cancel_initiated_at: canceled = null } = seen ?? {};
  if (status === "canceling" || canceled !== null) return { outcome: "canceled" };
  return status === "in_progress" || status === "ended" ? failed(`it is ${status}`) : undefined;
}
