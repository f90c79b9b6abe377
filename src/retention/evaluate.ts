import type { ListedBatch } from "../purge/listed-batch.ts";
import { checkNow } from "../purge/check-now.ts";
import { type DatedBatch, datedBatch } from "./dated-batch.ts";
import { parseIsoDuration } from "./iso-duration.ts";
import { parseRetentionPolicy, type RetentionPolicy } from "./policy.ts";
import { ruleKind } from "./rule-kind.ts";

/** What a retention policy means for a batch, and why. */
export interface RetentionDecision {
  readonly action: "delete" | "keep";
  /** A sentence for people, without a word of the server. */
  readonly reason: string;
}

/**
 * Decides for each batch what a retention policy means for it. It asks nobody, and what it is given
 * decides alone; neither the order of the batches nor their ids do.
 *
 * A batch goes only if all of this is so, and is otherwise kept for the first that is not: it is not
 * held; it has ended; it was created and it ended at times that can be read and are not in the
 * future; it has reached the minimum age; every rule lets it go, in the order of the policy. The
 * reason of a deletion names every rule.
 *
 * @param policy What is kept how long.
 * @param batches All there are: `keep_last` counts those that it is not given as gone. Of two with
 *   the same id, the later counts.
 * @param now The time to judge by, in milliseconds since the epoch.
 * @returns A decision for each id.
 * @throws {InvalidPolicyError} The policy cannot be used.
 * @throws {RangeError} `now` is no time.
 *
 * @example Try a policy before it is used
 * ```ts
 * import { evaluateRetention, listMessageBatches, type MessageBatch } from "batchsweep";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * sandbox.seed({ created_at: "2026-01-01T00:00:00Z" });
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch };
 *
 * const batches: MessageBatch[] = [];
 * for await (const batch of listMessageBatches(client)) batches.push(batch);
 * const policy = {
 *   version: 1,
 *   rules: [{ type: "delete_after", days: 30, since: "ended" }],
 *   holds: [],
 * } as const;
 * for (const [id, decision] of evaluateRetention(policy, batches, Date.now())) {
 *   console.log(id, decision.action, decision.reason);
 * }
 * ```
 */
export function evaluateRetention(
  policy: RetentionPolicy,
  batches: Iterable<ListedBatch>,
  now: number,
): ReadonlyMap<string, RetentionDecision> {
  const { rules, holds, minimumAge = "PT1H" } = parseRetentionPolicy(policy);
  checkNow(now);
  const held = new Set(holds);
  const youngest = now - (parseIsoDuration(minimumAge) ?? Infinity);
  const last = new Map<string, ListedBatch>();
  for (const batch of batches) last.set(batch.id, batch);
  const dated = Array.from(last.values(), (batch) => datedBatch(batch, now));
  const judges = rules.map((rule) => ruleKind(rule.type).judge(rule, dated, now));

  const decide = (batch: DatedBatch): RetentionDecision => {
    const { status } = batch;
    const keep = (why: string) => ({ action: "keep", reason: `It ${why}` }) as const;
    if (held.has(batch.id)) return keep("is held");
    if (status === "in_progress" || status === "canceling") {
      return keep(`is ${status}: only an ended batch can be deleted`);
    }
    if (status !== "ended") return keep("is in a state that is not known here");
    if (batch.createdAt === undefined) {
      return keep("was created at a time that cannot be read, or in the future");
    }
    if (batch.endedAt === undefined) {
      return keep("ended at a time that cannot be read, or in the future");
    }
    if (!(batch.endedAt <= youngest)) {
      return keep(`ended too recently: the minimum age is ${minimumAge}`);
    }
    const verdicts = judges.map((judge) => judge(batch));
    const against = verdicts.find(({ letsGo }) => !letsGo);
    if (against !== undefined) return keep(against.why);
    return { action: "delete", reason: `It ${verdicts.map(({ why }) => why).join(", and ")}` };
  };
  return new Map(dated.map((batch) => [batch.id, decide(batch)]));
}
