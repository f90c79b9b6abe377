import { cannotUse, checkOptions, type Checks, isBoolean } from "../core/check.ts";
import {
  conditionOf,
  type DatedBatch,
  datedBatch,
  type ListedBatch,
  type MessageBatchFilter,
  namesOf,
  parseMessageBatchFilter,
} from "./filter.ts";
import type { PurgePlan } from "./plan.ts";
import { isHolds, parseRetentionPolicy, type RetentionPolicy, ruleKind } from "./policy.ts";
import { parseIsoDuration } from "./time.ts";

/**
 * What happens to a batch, and why, as data. {@link describeDecision} puts it into words.
 *
 * Deleted with the code `matches`: all conditions of the filter hold, or the batch has expired by every
 * rule of the policy. Kept: the code says why, and of a filter the first condition that does not hold,
 * of a policy the index of the first rule that keeps the batch.
 */
export type PurgeDecision =
  | { readonly action: "delete" | "cancel_and_delete"; readonly code: "matches" }
  | { readonly action: "keep"; readonly code: keyof typeof reasons }
  | {
    readonly action: "keep";
    readonly code: "condition";
    readonly condition: keyof MessageBatchFilter;
  }
  | { readonly action: "keep"; readonly code: "rule"; readonly rule: number };

/** The code of a decision to keep a batch. */
export type KeepCode = Extract<PurgeDecision, { readonly action: "keep" }>["code"];

/** What a decision was made by: a filter or a policy. A plan has one of them. */
export type DecisionSource = Pick<PurgePlan, "filter" | "policy">;

/** Why a batch is kept, if that needs no condition and no rule, and how it reads. */
const reasons = {
  held: "It is held",
  unreadable: "The API described it in a way that cannot be read",
  not_ended: "It has not ended: only an ended batch can be deleted",
  unknown_status: "It has a status that this version does not know",
  created_later: "It was created after planning began",
  created_unknown: "It was created at a time that cannot be read or believed",
  ended_unknown: "It ended at a time that cannot be read or believed",
  too_young: "It ended too recently",
  archived: "Its results are gone: the API archives them 29 days after the creation",
  not_among_oldest: "It is not among the oldest",
} as const;

/** The codes of {@link reasons}. */
export const keepCodes = Object.keys(reasons) as readonly (keyof typeof reasons)[];

// Each decision is made once: a list may have 100,000 batches.
const kept = Object.fromEntries(
  keepCodes.map((code) => [code, { action: "keep", code }]),
) as Readonly<Record<keyof typeof reasons, PurgeDecision>>;
const deletes: PurgeDecision = { action: "delete", code: "matches" };
const cancels: PurgeDecision = { action: "cancel_and_delete", code: "matches" };

/** Options of {@link evaluateFilter}. */
export interface EvaluateFilterOptions {
  /** Whether batches that have not ended may be canceled and deleted. @default false */
  readonly cancelInProgress?: boolean | undefined;
  /** Ids that are kept whatever the filter says, and do not count for its `oldest`. */
  readonly holds?: Iterable<string> | undefined;
  /**
   * What to do with batches whose results are gone. Those that are kept do not count for `oldest`.
   * @default "delete"
   */
  readonly archived?: "keep" | "delete" | undefined;
}

/** The check of what to do with batches whose results are gone. */
export function isKeepOrDelete(value: unknown, name: string): "keep" | "delete" {
  if (value === "keep" || value === "delete") return value;
  throw cannotUse(name, 'it is neither "keep" nor "delete"');
}

const retentionChecks = { holds: isHolds, archived: isKeepOrDelete };

/** The checks of {@link EvaluateFilterOptions}. */
export const evaluateChecks: Checks<EvaluateFilterOptions> = {
  ...retentionChecks,
  cancelInProgress: isBoolean,
};

/**
 * Decides for each batch.
 *
 * @param reasonOf Why a batch is kept, but for holds and for results that are gone.
 */
function evaluate(
  batches: readonly DatedBatch[],
  now: number,
  { holds, archived, cancelInProgress = false }: EvaluateFilterOptions,
  reasonOf: (batch: DatedBatch) => PurgeDecision | undefined,
): Map<string, PurgeDecision> {
  // At an infinite time, every batch would be old.
  if (!Number.isFinite(now)) {
    throw cannotUse("now", "it is not a number of milliseconds since the epoch", RangeError);
  }
  const held = new Set(holds);
  const decide = (batch: DatedBatch): PurgeDecision => {
    if (held.has(batch.id)) return kept.held;
    const isLost = archived === "keep" && batch.archivedAt <= now;
    const reason = reasonOf(batch) ?? (isLost ? kept.archived : deletes);
    return reason === kept.not_ended && cancelInProgress ? cancels : reason;
  };
  return new Map(batches.map((batch) => [batch.id, decide(batch)]));
}

/** Reads the times of batches. If two have the same id, the later one counts. */
function datedBatches(batches: Iterable<ListedBatch>): readonly DatedBatch[] {
  const dated = new Map<string, DatedBatch>();
  for (const batch of batches) dated.set(batch.id, datedBatch(batch));
  return [...dated.values()];
}

/** Keeps a batch that may have been created after the request, as far as both clocks agree. */
function keptByCreation({ createdAt }: DatedBatch, now: number): PurgeDecision | undefined {
  if (Number.isNaN(createdAt)) return kept.created_unknown;
  return createdAt > now ? kept.created_later : undefined;
}

function keptByStatus({ status }: DatedBatch): PurgeDecision | undefined {
  if (status === "ended") return undefined;
  return status === "in_progress" || status === "canceling" ? kept.not_ended : kept.unknown_status;
}

/**
 * Decides for each batch what a filter means for it. Pure: the result depends on the arguments only.
 *
 * A batch that has not ended is kept, unless `cancelInProgress` is set; its age never selects it. A
 * time that is null, unreadable or in the future makes no batch old. A batch whose creation time is
 * after `now` or unreadable is kept unless the filter names its id: it may be newer than the request.
 *
 * @param filter Which batches; `"*"` for all.
 * @param batches All batches there are. If two have the same id, the later one counts.
 * @param now The time to judge by, in milliseconds since the epoch.
 * @returns A decision for each id; {@link describeDecision} puts it into words.
 * @throws {TypeError} The filter or an option cannot be used.
 * @throws {RangeError} `now` is no time.
 *
 * @example Try a filter before it is used
 * ```ts
 * import { listMessageBatches, type MessageBatch } from "batchsweep";
 * import { describeDecision, evaluateFilter } from "batchsweep/purge";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * sandbox.seed({ created_at: "2026-01-01T00:00:00Z" });
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch };
 *
 * const batches: MessageBatch[] = [];
 * for await (const batch of listMessageBatches(client)) batches.push(batch);
 * const filter = { minDaysSinceEnded: 30 };
 * for (const [id, decision] of evaluateFilter(filter, batches, Date.now())) {
 *   console.log(id, decision.action, describeDecision(decision, { filter }));
 * }
 * ```
 */
export function evaluateFilter(
  filter: MessageBatchFilter | "*",
  batches: Iterable<ListedBatch>,
  now: number,
  options: EvaluateFilterOptions = {},
): ReadonlyMap<string, PurgeDecision> {
  const parsed = parseMessageBatchFilter(filter);
  const checked = checkOptions(options, evaluateChecks);
  const given: MessageBatchFilter = parsed === "*" ? {} : parsed;
  const { ids, oldest = Infinity } = given;
  const all = datedBatches(batches);
  const judges = namesOf(given).map((condition) => ({
    holds: conditionOf(condition).holds(given[condition], now),
    decision: { action: "keep", code: "condition", condition } as const,
  }));
  const decisions = evaluate(
    all,
    now,
    checked,
    (batch) =>
      (ids === undefined ? keptByCreation(batch, now) : undefined) ??
        judges.find(({ holds }) => !holds(batch))?.decision ?? keptByStatus(batch),
  );
  const chosen = all.filter(({ id }) => decisions.get(id)?.action !== "keep");
  if (chosen.length <= oldest) return decisions;
  const age = ({ createdAt }: DatedBatch) => Number.isNaN(createdAt) ? Infinity : createdAt;
  chosen.sort((one, other) => age(one) - age(other) || (one.id < other.id ? -1 : 1));
  for (const { id } of chosen.slice(oldest)) decisions.set(id, kept.not_among_oldest);
  return decisions;
}

/** How long ago a batch must have ended if its policy does not say. */
const defaultMinimumAge = "PT1H";

const ageOf = (minimumAge = defaultMinimumAge) => Number(parseIsoDuration(minimumAge));

/**
 * Decides for each batch what a retention policy means for it. Pure: the result depends on the
 * arguments only, not on the order of the batches, and not on their ids unless they are held.
 *
 * A batch is kept for the first of these reasons: it is held; it has not ended; it was created or it
 * ended at a time that cannot be read or is in the future; it is younger than the minimum age; a rule
 * keeps it, in the order of the policy. Otherwise it is deleted.
 *
 * @param batches All batches there are: `keep_last` takes a batch that is not among them as gone. If two
 *   have the same id, the later one counts.
 * @param now The time to judge by, in milliseconds since the epoch.
 * @param options Ids that are held beyond those of the policy.
 * @returns A decision for each id; {@link describeDecision} puts it into words.
 * @throws {InvalidPolicyError} The policy cannot be used.
 * @throws {TypeError} An option cannot be used.
 * @throws {RangeError} `now` is no time.
 */
export function evaluateRetention(
  policy: RetentionPolicy,
  batches: Iterable<ListedBatch>,
  now: number,
  options: Pick<EvaluateFilterOptions, "holds" | "archived"> = {},
): ReadonlyMap<string, PurgeDecision> {
  const { rules, holds, minimumAge } = parseRetentionPolicy(policy);
  const { holds: more = [], archived } = checkOptions(options, retentionChecks);
  const all = datedBatches(batches);
  const judges = rules.map((rule, index) => ({
    expiry: ruleKind(rule.type).expiry(rule, all),
    decision: { action: "keep", code: "rule", rule: index } as const,
  }));
  return evaluate(all, now, { holds: [...holds, ...more], archived }, (batch) => {
    const reason = keptByStatus(batch) ?? keptByCreation(batch, now);
    if (reason !== undefined) return reason;
    if (!(batch.endedAt <= now)) return kept.ended_unknown;
    if (!(batch.endedAt + ageOf(minimumAge) <= now)) return kept.too_young;
    return judges.find(({ expiry }) => !(expiry(batch) <= now))?.decision;
  });
}

/** Says since when a batch is due that a policy does not keep, in milliseconds since the epoch. */
export function dueSince(
  { rules, minimumAge }: RetentionPolicy,
  batches: readonly DatedBatch[],
): (batch: DatedBatch) => number {
  const expiries = rules.map((rule) => ruleKind(rule.type).expiry(rule, batches));
  return (batch) =>
    Math.max(batch.endedAt + ageOf(minimumAge), ...expiries.map((expiry) => expiry(batch)));
}

/**
 * Puts a decision into words, such as `It ended at least 30 days ago`. The sentence holds no text of
 * the server.
 *
 * @param source The filter or the policy that it was made by; a plan is one, too.
 * @param item The batch, as a plan lists it. Without it, the sentence does not tell its status.
 * @returns A sentence for people, without a period. Branch on `code` instead of on its words.
 */
export function describeDecision(
  decision: PurgeDecision,
  { filter, policy }: DecisionSource,
  item?: { readonly status: string },
): string {
  const given: MessageBatchFilter = filter === undefined || filter === "*" ? {} : filter;
  const wordsOf = (name: keyof MessageBatchFilter) =>
    given[name] === undefined
      ? ["is as its filter says", "is not as its filter says"]
      : conditionOf(name).words(given[name]);
  switch (decision.code) {
    case "matches": {
      const why = filter === "*" ? ["is one of all"] : [
        ...namesOf(given).map((name) => wordsOf(name)[0]),
        ...policy?.rules.map((rule) => ruleKind(rule.type).words(rule)[0]) ?? [],
      ];
      const status = decision.action === "delete" ? "" : `; it is ${item?.status ?? "not ended"}`;
      return `It ${why.join(", and ")}${status}`;
    }
    case "not_ended":
      return item
        ? reasons.not_ended.replace("has not ended", `is ${item.status}`)
        : reasons.not_ended;
    case "too_young":
      return `${reasons.too_young}: the minimum age is ${policy?.minimumAge ?? defaultMinimumAge}`;
    case "not_among_oldest":
      return `It ${wordsOf("oldest")[1]}`;
    case "condition": {
      const isRunning = item !== undefined && item.status !== "ended";
      return conditionOf(decision.condition).needsEnd && isRunning
        ? "It has not ended"
        : `It ${wordsOf(decision.condition)[1]}`;
    }
    case "rule": {
      const rule = policy?.rules[decision.rule];
      return `It ${rule ? ruleKind(rule.type).words(rule)[1] : "is kept by a rule"}`;
    }
    default:
      return reasons[decision.code];
  }
}
