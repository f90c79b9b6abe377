/** What an audit trail says, counted for an auditor. @module */
import type { AuditEntry } from "../core/audit.ts";
import type { ByteSource } from "../core/bytes.ts";
import { checkOptions } from "../core/check.ts";
import {
  type AuditVerification,
  verifyAuditTrail,
  type VerifyAuditTrailOptions,
  verifyChecks,
} from "./head.ts";

/** How many deletions and cancellations were asked for, and what became of them: the rest adds up to `asked`. */
export interface AuditCounts {
  readonly asked: number;
  /** Deleted: the API confirmed it. */
  readonly receipt: number;
  /** Deleted: an answer was lost, and then the API said that the object is gone. */
  readonly absentAfterRetry: number;
  /** Gone before it was asked for. */
  readonly missing: number;
  readonly canceled: number;
  /** Not done. */
  readonly failed: number;
  /** Failed in a way that it may have been done. */
  readonly unknown: number;
  /** The outcome was never recorded. */
  readonly open: number;
  /** The outcome is not recorded yet. */
  readonly inFlight: number;
}

/** What was asked for alike: by whom, why, and under which plan and policy, as far as the entries say it. */
export interface AuditGroup extends
  Pick<
    AuditEntry,
    "operation" | "resource" | "actor" | "reason" | "plan" | "changedPlan" | "policy"
  > {
  /** Whether webhooks asked for it. */
  readonly webhook: boolean;
  readonly counts: AuditCounts;
}

/** What an audit trail says. */
export interface AuditReport extends AuditVerification {
  /** The times of the first and the last entry. Absent if there is none. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly total: AuditCounts;
  /** The same in parts, in the order of their first entries. */
  readonly groups: readonly AuditGroup[];
  /** The outcomes that failed or are unknown, of objects that no later outcome shows as gone or canceled. */
  readonly failures: readonly AuditEntry[];
  /** How many outcomes are not counted, since their intent is in an earlier part, or has one already. */
  readonly withoutIntent: number;
}

/**
 * Counts what an audit trail says, and verifies it as `verifyAuditTrail()` does. Each deletion counts
 * once, with its intent. Objects that were never asked for, such as held batches, are not in a trail.
 *
 * @param source The bytes of the trail. They are read once.
 * @returns The counts. It keeps in memory what is open or failed, and one group for each actor, reason,
 *   plan and policy.
 * @throws As `verifyAuditTrail()`.
 *
 * @example Count what was deleted
 * ```ts
 * import { reportAuditTrail } from "batchsweep/audit";
 *
 * const bytes = new Response("").body ?? []; // the bytes of the trail's file
 * const { total, failures } = await reportAuditTrail(bytes);
 * console.log(total.receipt, total.absentAfterRetry, failures.length);
 * ```
 */
export async function reportAuditTrail(
  source: ByteSource,
  options: VerifyAuditTrailOptions = {},
): Promise<AuditReport> {
  const { onEntry, ...checked } = checkOptions(options, verifyChecks);
  const total = noCounts();
  const groups = new Map<string, Omit<AuditGroup, "counts"> & { readonly counts: Tally }>();
  const waiting = new Map<string, AuditEntry>();
  const settled = new Map<string, { readonly asked: AuditEntry; readonly fate: Fate }>();
  const failures = new Map<string, AuditEntry>();
  let withoutIntent = 0;
  let since: string | undefined;
  let until: string | undefined;

  const count = (entry: AuditEntry, fate: keyof AuditCounts, by = 1) => {
    const { operation, resource, actor, reason, plan, changedPlan, policy } = entry;
    const webhook = entry.webhookId !== undefined;
    const members = { operation, resource, actor, reason, plan, changedPlan, policy, webhook };
    const key = JSON.stringify(members);
    const group = groups.get(key) ?? { ...members, counts: noCounts() };
    groups.set(key, group);
    group.counts[fate] += by;
    total[fate] += by;
  };
  const take = (entry: AuditEntry) => {
    onEntry?.(entry);
    const { id, intent = "", phase, time } = entry;
    if (since === undefined || time < since) since = time;
    if (until === undefined || time > until) until = time;
    if (phase === "intent") {
      const before = waiting.get(id);
      if (JSON.stringify(before) === JSON.stringify(entry)) return; // its write was repeated
      if (before !== undefined) count(before, "open"); // another has taken its id
      waiting.set(id, entry);
      return count(entry, "asked");
    }
    const earlier = entry.settled ? undefined : settled.get(intent);
    const asked = earlier?.asked ?? waiting.get(intent);
    if (asked === undefined) return void (withoutIntent += 1);
    // Of a deletion that was settled, its own outcome counts.
    if (earlier !== undefined) count(asked, earlier.fate, -1);
    else waiting.delete(intent);
    settled.delete(intent);
    const fate = fateOf(entry);
    if (entry.settled) settled.set(intent, { asked, fate });
    count(asked, fate);
    const object = JSON.stringify([asked.operation, asked.resource, asked.objectId]);
    failures.delete(object);
    if (fate === "failed" || fate === "unknown") failures.set(object, entry);
  };
  const found = await verifyAuditTrail(source, { ...checked, onEntry: take });
  const open = new Set(found.openIntents.map(({ id }) => id));
  for (const [id, intent] of waiting) count(intent, open.has(id) ? "open" : "inFlight");
  return {
    ...found,
    ...(since === undefined ? {} : { since, until }),
    total,
    groups: [...groups.values()],
    failures: [...failures.values()],
    withoutIntent,
  };
}

type Fate = Exclude<keyof AuditCounts, "asked" | "open" | "inFlight">;

type Tally = { -readonly [Name in keyof AuditCounts]: number };

const noCounts = (): Tally => ({
  asked: 0,
  receipt: 0,
  absentAfterRetry: 0,
  missing: 0,
  canceled: 0,
  failed: 0,
  unknown: 0,
  open: 0,
  inFlight: 0,
});

/** What an outcome says. */
function fateOf({ outcome, evidence, error }: AuditEntry): Fate {
  if (outcome === "deleted") return evidence === "receipt" ? evidence : "absentAfterRetry";
  if (outcome === "missing" || outcome === "canceled") return outcome;
  return error?.outcomeKnown === false ? "unknown" : "failed";
}
