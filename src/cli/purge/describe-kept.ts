import type { PurgeItem, PurgePlan } from "../../purge/purge-plan.ts";

/**
 * How many batches a plan keeps, by why, a line for each: `2 that have not ended`. What is held, and
 * what is not among the ids given, is told elsewhere.
 *
 * @param plan The plan.
 * @param stored Whether it was made earlier: then it is too late for another option.
 */
export function describeKept({ items, filter }: PurgePlan, stored: boolean): readonly string[] {
  const named = filter !== undefined && filter !== "*" && filter.ids !== undefined;
  if (named && !stored) return [];
  const others = named
    ? undefined
    : filter === undefined
    ? "by the policy"
    : "that the filter does not mean";
  const counts = new Map<string, number>([[cancelable, 0], [unended, 0]]); // they come first
  for (const item of items) {
    if (item.action !== "keep" || item.reason === "It is held") continue;
    const why = whyKept(item) ?? others;
    if (why !== undefined) counts.set(why, (counts.get(why) ?? 0) + 1);
  }
  return [...counts].filter(([, count]) => count > 0).map(([why, count]) => {
    if (why !== cancelable && why !== unended) return `${count} ${why}`;
    const hint = why === cancelable && filter !== undefined && !stored ? cancelHint(count) : "";
    return `${count} that ${count === 1 ? "has" : "have"} not ended${hint}`;
  });
}

/** How batches are deleted that have not ended. */
export function cancelHint(count: number): string {
  return ` (--cancel cancels ${count === 1 ? "it" : "them"} first)`;
}

const cancelable = "cancelable";
const unended = "unended";

/** Why a batch is kept, if it is not for what the filter or the policy says. */
function whyKept({ reason, status }: PurgeItem): string | undefined {
  if (status === "in_progress" || status === "canceling") {
    // It would go, had it ended; one that is to be of an age would not.
    if (reason === `It is ${status}: only an ended batch can be deleted`) return cancelable;
    if (reason.startsWith("It has not ended")) return unended;
  }
  const [, why] =
    /^It (?:is|was) ((?:in a state|not among the oldest|not there) .*)$/.exec(reason) ??
      [];
  return why;
}
