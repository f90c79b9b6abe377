import type { KeepCode } from "../../purge/decision.ts";
import { needsEnd } from "../../purge/filter.ts";
import type { PurgeItem, PurgePlan } from "../../purge/plan.ts";

/** Why batches are kept, if that is worth a line; in the order of the lines. */
type Cause = "cancelable" | "unended" | KeepCode | "others";

/**
 * How many batches a plan keeps, by cause, a line each: `2 that have not ended`. Held batches, and those
 * that are not among the ids given, have lines elsewhere.
 *
 * @param plan The plan.
 * @param stored Whether it was made earlier: then another option would come too late.
 */
export function describeKept({ items, filter }: PurgePlan, stored: boolean): readonly string[] {
  const named = filter !== undefined && filter !== "*" && filter.ids !== undefined;
  if (named && !stored) return [];
  const counts = new Map<Cause, number>([["cancelable", 0], ["unended", 0]]); // they come first
  for (const item of items) {
    const cause = causeOf(item);
    if (cause !== undefined) counts.set(cause, (counts.get(cause) ?? 0) + 1);
  }
  if (named) counts.delete("others");
  const limit = filter === undefined || filter === "*" ? undefined : filter.oldest;
  const mayCancel = filter !== undefined && !stored;
  const words = (cause: Cause, count: number): string => {
    switch (cause) {
      case "cancelable":
      case "unended":
        return `that ${count === 1 ? "has" : "have"} not ended` +
          (cause === "cancelable" && mayCancel ? cancelHint(count) : "");
      case "unknown_status":
        return "with a status that this version does not know";
      case "created_later":
        return "created after planning began";
      case "created_unknown":
        return "created at a time that cannot be read";
      case "not_among_oldest":
        return `not among the oldest ${limit}`;
      default:
        return filter === undefined ? "by the policy" : "that the filter does not mean";
    }
  };
  return [...counts].filter(([, count]) => count > 0)
    .map(([cause, count]) => `${count} ${words(cause, count)}`);
}

/** How batches are deleted that have not ended. */
export function cancelHint(count: number): string {
  return ` (--cancel cancels ${count === 1 ? "it" : "them"} first)`;
}

/** The line that a batch counts for, if it is kept and has no line elsewhere. */
function causeOf(item: PurgeItem): Cause | undefined {
  if (item.action !== "keep") return undefined;
  switch (item.code) {
    case "held":
      return undefined;
    case "not_ended":
      return "cancelable"; // it would go if it had ended
    case "condition": {
      const running = item.status === "in_progress" || item.status === "canceling";
      return running && needsEnd.has(item.condition) ? "unended" : "others";
    }
    case "unknown_status":
    case "created_later":
    case "created_unknown":
    case "not_among_oldest":
      return item.code;
    default:
      return "others";
  }
}
