import type { PurgeDecision } from "./decision.ts";
import {
  type DatedBatch,
  datedBatch,
  keptByCreation,
  keptByStatus,
  type ListedBatch,
} from "./filter.ts";
import { parseRetentionPolicy, type RetentionPolicy, ruleKind } from "./policy.ts";
import { checkNow, parseIsoDuration } from "./time.ts";

/** How long ago a batch must have ended if its policy does not say. */
export const defaultMinimumAge = "PT1H";

// Each decision is made once, since a list may have 100,000 batches.
const held: PurgeDecision = { action: "keep", code: "held" };
const endedUnknown: PurgeDecision = { action: "keep", code: "ended_unknown" };
const tooYoung: PurgeDecision = { action: "keep", code: "too_young" };
const expired: PurgeDecision = { action: "delete", code: "matches" };

/**
 * Decides for each batch what a retention policy means for it. Pure: the result depends on the
 * arguments only, not on the order of the batches, and not on their ids unless they are held.
 *
 * A batch is kept for the first of these reasons: it is held; it has not ended; it was created or it
 * ended at a time that cannot be read or is in the future; it is younger than the minimum age; a rule
 * keeps it, in the order of the policy. Otherwise it is deleted.
 *
 * @param policy How long batches stay.
 * @param batches All batches there are: `keep_last` takes a batch that is not among them as gone. If two
 *   have the same id, the later one counts.
 * @param now The time to judge by, in milliseconds since the epoch.
 * @returns A decision for each id; {@link describeDecision} puts it into words.
 * @throws {InvalidPolicyError} The policy cannot be used.
 * @throws {RangeError} `now` is no time.
 *
 * @example Try a policy before it is used
 * ```ts
 * import { listMessageBatches, type MessageBatch } from "batchsweep";
 * import { describeDecision } from "batchsweep/purge";
 * import { evaluateRetention, parseRetentionPolicy } from "batchsweep/retention";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * sandbox.seed({ created_at: "2026-01-01T00:00:00Z" });
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch };
 *
 * const batches: MessageBatch[] = [];
 * for await (const batch of listMessageBatches(client)) batches.push(batch);
 * const policy = parseRetentionPolicy({
 *   version: 1,
 *   rules: [{ type: "delete_after", days: 30, since: "ended" }],
 *   holds: [],
 * });
 * for (const [id, decision] of evaluateRetention(policy, batches, Date.now())) {
 *   console.log(id, decision.action, describeDecision(decision, { policy }));
 * }
 * ```
 */
export function evaluateRetention(
  policy: RetentionPolicy,
  batches: Iterable<ListedBatch>,
  now: number,
): ReadonlyMap<string, PurgeDecision> {
  const { rules, holds, minimumAge = defaultMinimumAge } = parseRetentionPolicy(policy);
  checkNow(now);
  const heldIds = new Set(holds);
  const youngest = now - (parseIsoDuration(minimumAge) ?? Infinity);
  const dated = new Map<string, DatedBatch>();
  for (const batch of batches) dated.set(batch.id, datedBatch(batch));
  const all = [...dated.values()];
  const judges = rules.map((rule, index) => ({
    hasExpired: ruleKind(rule.type).decide(rule, all, now),
    decision: { action: "keep", code: "rule", rule: index } as const,
  }));

  const decide = (batch: DatedBatch): PurgeDecision => {
    if (heldIds.has(batch.id)) return held;
    const kept = keptByStatus(batch.status) ?? keptByCreation(batch.createdAt, now);
    if (kept !== undefined) return kept;
    if (!(batch.endedAt <= now)) return endedUnknown;
    if (!(batch.endedAt <= youngest)) return tooYoung;
    return judges.find(({ hasExpired }) => !hasExpired(batch))?.decision ?? expired;
  };
  return new Map(all.map((batch) => [batch.id, decide(batch)]));
}
