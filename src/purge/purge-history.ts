import { cannotUse } from "../core/cannot-use.ts";
import type { AuditEntry } from "../core/ports.ts";
import type { Evidence } from "../core/resource.ts";
import type { DeletionOutcome } from "./outcome.ts";
import type { PurgePlan } from "./plan.ts";
import { parseTimestamp } from "./time.ts";

/** What a trail says of one batch of a plan. */
interface PastOf {
  /** Intents without an outcome. */
  open: number;
  /** Whether an earlier deletion may have been done, though nobody saw it. */
  unknown: boolean;
  settled?: DeletionOutcome;
}

/** What earlier runs of a plan did, as far as it was recorded. */
export interface PurgeHistory {
  /** The outcome of a batch that is gone by the record; undefined: it is still to be deleted. */
  settled(id: string): DeletionOutcome | undefined;
  /** Whether a deletion of the batch may have been done, though nobody saw it. */
  attempted(id: string): boolean;
}

const evidences: readonly (string | undefined)[] = [
  "receipt",
  "absent_after_retry",
] satisfies readonly Evidence[];

/**
 * Reads what earlier runs of a plan recorded. What is older than the plan says nothing: the plan saw
 * the batch later. Neither does an outcome in another workspace.
 *
 * @throws {TypeError} It holds what is no entry, such as the lines of a file.
 */
export async function readHistory(
  entries: Iterable<AuditEntry> | AsyncIterable<AuditEntry>,
  { createdAt, workspaceId, items }: PurgePlan,
): Promise<PurgeHistory> {
  const since = parseTimestamp(createdAt) ?? Infinity;
  const past = new Map<string, PastOf>();
  let ids: ReadonlySet<string> | undefined;
  for await (const entry of entries) {
    if (typeof entry !== "object" || entry === null) {
      throw cannotUse("history", "one of it is not an entry");
    }
    ids ??= new Set(items.map(({ id }) => id));
    const ours = entry.operation === "delete" && entry.resource === "message_batch";
    if (!ids.has(entry.id) || !ours || !((parseTimestamp(entry.time) ?? NaN) >= since)) continue;
    const one = past.get(entry.id) ?? { open: 0, unknown: false };
    past.set(entry.id, one);
    if (entry.phase === "intent") one.open += 1;
    else add(one, entry, workspaceId);
  }
  return {
    settled: (id) => past.get(id)?.settled,
    attempted: (id) => {
      const { open = 0, unknown = false } = past.get(id) ?? {};
      return open > 0 || unknown;
    },
  };
}

function add(past: PastOf, entry: AuditEntry, workspaceId: string | undefined): void {
  const { id, evidence, requestId, attempts = 1 } = entry;
  past.open = Math.max(0, past.open - 1);
  if (entry.outcome === "failed") past.unknown ||= entry.error?.outcomeKnown !== true;
  const here = workspaceId === undefined || (entry.workspaceId ?? workspaceId) === workspaceId;
  if (!here || past.settled?.outcome === "deleted") return;
  if (entry.outcome === "missing") past.settled = { outcome: "missing", id, recorded: true };
  if (entry.outcome === "deleted" && evidences.includes(evidence)) {
    const known = evidence === "receipt" ? evidence : "absent_after_retry";
    const request = requestId === undefined ? {} : { requestId };
    past.settled = {
      outcome: "deleted",
      id,
      evidence: known,
      ...request,
      attempts,
      recorded: true,
    };
  }
}
