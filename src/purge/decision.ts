import {
  conditionOf,
  type keepCodes,
  type MessageBatchFilter,
  namesOf,
  needsEnd,
  type Words,
} from "./filter.ts";
import type { PurgePlan } from "./plan.ts";
import { defaultMinimumAge, ruleKind } from "./policy.ts";

/**
 * What happens to a batch, and why, as data. {@link describeDecision} puts it into words.
 *
 * Deleted with the code `matches`: all conditions of the filter hold, or the batch has expired by every
 * rule of the policy. Kept: the code says why, and of a filter the first condition that does not hold,
 * of a policy the index of the first rule that keeps the batch.
 */
export type PurgeDecision =
  | { readonly action: "delete" | "cancel_and_delete"; readonly code: "matches" }
  | { readonly action: "keep"; readonly code: (typeof keepCodes)[number] }
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
  switch (decision.code) {
    case "matches": {
      const why = filter === "*" ? ["is one of all"] : [
        ...namesOf(conditions).map((name) => wordsOf(conditions, name).join(" ")),
        ...policy?.rules.map((rule) => ruleKind(rule.type).words(rule).expired) ?? [],
      ];
      const status = decision.action === "delete" ? "" : `; it is ${item?.status ?? "not ended"}`;
      return `It ${why.join(", and ")}${status}`;
    }
    case "not_ended":
      return `It ${item === undefined ? "has not ended" : `is ${item.status}`}: ` +
        "only an ended batch can be deleted";
    case "too_young":
      return `It ended too recently: the minimum age is ${policy?.minimumAge ?? defaultMinimumAge}`;
    case "not_among_oldest":
      return `It is not ${wordsOf(conditions, "oldest")[1]}`;
    case "condition": {
      const { condition } = decision;
      if (needsEnd.has(condition) && item !== undefined && item.status !== "ended") {
        return "It has not ended";
      }
      const [verb, rest] = wordsOf(conditions, condition);
      return `It ${negated[verb]} ${rest}`;
    }
    case "rule": {
      const rule = policy?.rules[decision.rule];
      return `It ${rule ? ruleKind(rule.type).words(rule).kept : "is kept by a rule"}`;
    }
    default:
      return sentences[decision.code];
  }
}

const sentences = {
  held: "It is held",
  archived: "Its results are gone: the API archives them 29 days after the creation",
  unreadable: "The API described it in a way that cannot be read",
  unknown_status: "It has a status that this version does not know",
  created_later: "It was created after planning began",
  created_unknown: "It was created at a time that cannot be read or believed",
  ended_unknown: "It ended at a time that cannot be read or believed",
} as const;

const negated = { is: "is not", was: "was not", ended: "did not end" } as const;

function wordsOf(filter: MessageBatchFilter, name: keyof MessageBatchFilter): Words {
  const value = filter[name];
  return value === undefined ? ["is", "as its filter says"] : conditionOf(name).words(value);
}
