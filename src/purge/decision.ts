import { defaultMinimumAge } from "./evaluate-policy.ts";
import { conditionNames, type MessageBatchFilter, needsEnd, type PerCondition } from "./filter.ts";
import { daysAgo, type RetentionPolicy, ruleKind } from "./policy.ts";

/**
 * What happens to a batch, and why, as data. {@link describeDecision} puts it into words.
 *
 * Deleted with the code `matches`: all conditions of the filter hold, or the batch has expired by every
 * rule of the policy. Kept: the code says why, and of a filter the first condition that does not hold,
 * of a policy the index of the first rule that keeps the batch.
 */
export type PurgeDecision =
  | { readonly action: "delete" | "cancel_and_delete"; readonly code: "matches" }
  | {
    readonly action: "keep";
    readonly code: (typeof keepCodes)[number];
  }
  | {
    readonly action: "keep";
    readonly code: "condition";
    readonly condition: keyof MessageBatchFilter;
  }
  | { readonly action: "keep"; readonly code: "rule"; readonly rule: number };

/** Why a batch is kept, if that needs no value. */
export const keepCodes = [
  "held",
  "not_ended",
  "unknown_status",
  "created_later",
  "created_unknown",
  "ended_unknown",
  "too_young",
  "not_among_oldest",
] as const;

/** The code of a decision to keep a batch. */
export type KeepCode = Extract<PurgeDecision, { readonly action: "keep" }>["code"];

/** What a decision was made by: a filter or a policy. A plan has one of them. */
export interface DecisionSource {
  readonly filter?: MessageBatchFilter | "*" | undefined;
  readonly policy?: RetentionPolicy | undefined;
}

/**
 * Puts a decision into words, such as `It ended at least 30 days ago`. The sentence holds no text of
 * the server.
 *
 * @param decision The decision.
 * @param source The filter or the policy that it was made by; a plan is one, too.
 * @param item The batch, as a plan lists it. Without it, the sentence does not tell its status.
 * @returns A sentence for people, without a period. Branch on `code` instead of on its words.
 *
 * @example Say why batches are kept
 * ```ts
 * import { describeDecision, planPurge } from "batchsweep/purge";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * sandbox.seed({ created_at: "2026-01-01T00:00:00Z" });
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch };
 *
 * const plan = await planPurge(client, { filter: { minDaysSinceEnded: 30 } });
 * for (const item of plan.items) console.log(item.id, describeDecision(item, plan, item));
 * ```
 */
export function describeDecision(
  decision: PurgeDecision,
  source: DecisionSource,
  item?: { readonly status: string },
): string {
  const { filter, policy } = source;
  const conditions = filter === undefined || filter === "*" ? {} : filter;
  const words = conditionWords(conditions);
  switch (decision.code) {
    case "matches": {
      const given = conditionNames.filter((name) => conditions[name] !== undefined);
      const why = filter === "*" ? ["is one of all"] : [
        ...given.map((name) => words[name].join(" ")),
        ...policy?.rules.map((rule) => ruleKind(rule.type).words(rule).expired) ?? [],
      ];
      const status = decision.action === "delete" ? "" : `; it is ${item?.status ?? "not ended"}`;
      return `It ${why.join(", and ")}${status}`;
    }
    case "held":
      return "It is held";
    case "not_ended":
      return `It ${item === undefined ? "has not ended" : `is ${item.status}`}: ` +
        "only an ended batch can be deleted";
    case "unknown_status":
      return "It has a status that this version does not know";
    case "created_later":
      return "It was created after planning began";
    case "created_unknown":
      return "It was created at a time that cannot be read";
    case "ended_unknown":
      return "It ended at a time that cannot be read or is in the future";
    case "too_young":
      return `It ended too recently: the minimum age is ${policy?.minimumAge ?? defaultMinimumAge}`;
    case "not_among_oldest":
      return `It is not ${words.oldest[1]}`;
    case "condition": {
      const { condition } = decision;
      if (needsEnd.has(condition) && item !== undefined && item.status !== "ended") {
        return "It has not ended";
      }
      const [verb, rest] = words[condition];
      return `It ${negated[verb]} ${rest}`;
    }
    case "rule": {
      const rule = policy?.rules[decision.rule];
      return `It ${
        rule === undefined ? "is kept by a rule" : ruleKind(rule.type).words(rule).kept
      }`;
    }
  }
}

/** What each condition says of a batch: a verb, and the rest of the sentence. */
function conditionWords(filter: MessageBatchFilter): PerCondition<readonly [Verb, string]> {
  const { status = [], minDaysSinceCreated = 0, minDaysSinceEnded = 0 } = filter;
  return {
    ids: ["is", "named by its id"],
    status: ["is", status.join(" or ")],
    minDaysSinceCreated: ["was", `created at least ${daysAgo(minDaysSinceCreated)}`],
    minDaysSinceEnded: ["ended", `at least ${daysAgo(minDaysSinceEnded)}`],
    createdBefore: ["was", `created before ${filter.createdBefore}`],
    createdAfter: ["was", `created after ${filter.createdAfter}`],
    endedBefore: ["ended", `before ${filter.endedBefore}`],
    endedAfter: ["ended", `after ${filter.endedAfter}`],
    oldest: ["is", `among the oldest ${filter.oldest}`],
  };
}

type Verb = keyof typeof negated;
const negated = { is: "is not", was: "was not", ended: "did not end" } as const;
