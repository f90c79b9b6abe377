import type { KeepCode } from "../../purge/decision.ts";
import { needsEnd } from "../../purge/filter.ts";
import type { PurgeItem, PurgePlan } from "../../purge/plan.ts";

/**
 * How many batches a plan keeps, by cause, a line each: `2 that have not ended`. Held batches, and those
 * that are not among the ids given, have lines elsewhere.
 *
 * @param plan The plan.
 * @param stored Whether it was made earlier: then another option would come too late.
 */
export function describeKept({ items, filter }: PurgePlan, stored: boolean): readonly string[] {
  const conditions = filter === undefined || filter === "*" ? {} : filter;
  const named = conditions.ids !== undefined;
  if (named && !stored) return [];
  const others = filter === undefined ? "by the policy" : "that the filter does not mean";
  const counts = new Map<string, number>([[cancelable, 0], [unended, 0]]); // they come first
  for (const item of items) {
    if (item.action !== "keep" || item.code === "held") continue;
    const cause = causeOf(item) ?? others;
    counts.set(cause, (counts.get(cause) ?? 0) + 1);
  }
  if (named) counts.delete(others);
  return [...counts].filter(([, count]) => count > 0).map(([cause, count]) => {
    if (cause === oldest) return `${count} ${oldest} ${conditions.oldest}`;
    if (cause !== cancelable && cause !== unended) return `${count} ${cause}`;
    const hint = cause === cancelable && filter !== undefined && !stored ? cancelHint(count) : "";
    return `${count} that ${count === 1 ? "has" : "have"} not ended${hint}`;
  });
}

/** How batches are deleted that have not ended. */
export function cancelHint(count: number): string {
  return ` (--cancel cancels ${count === 1 ? "it" : "them"} first)`;
}

// Neither has ended. The one would be deleted if it had; the other is to be of an age first.
const cancelable = "cancelable";
const unended = "unended";
const oldest = "not among the oldest";

const causes: { readonly [Code in KeepCode]?: string } = {
  not_ended: cancelable,
  unknown_status: "with a status that this version does not know",
  created_later: "created after planning began",
  created_unknown: "created at a time that cannot be read",
  not_among_oldest: oldest,
};

/** Why a batch is kept, if it is not what the filter or the policy says. */
function causeOf(item: Extract<PurgeItem, { readonly action: "keep" }>): string | undefined {
  if (item.code !== "condition") return causes[item.code];
  const isRunning = item.status === "in_progress" || item.status === "canceling";
  return isRunning && needsEnd.has(item.condition) ? unended : undefined;
}
