/**
 * What a plan is about to do, as text for people.
 *
 * @module
 */
import { describeDecision, type KeepCode } from "../purge/decision.ts";
import { needsEnd } from "../purge/filter.ts";
import type { PurgeItem, PurgePlan } from "../purge/plan.ts";
import { parseTimestamp } from "../purge/time.ts";
import type { Outcome } from "./report.ts";
import { countOf, describeRows, toMinute } from "./text.ts";

/** What is known besides the plan. */
export interface PreviewDetails {
  /** Whether the plan was read from a file. */
  readonly stored: boolean;
  /** Whether it was changed since it was made. */
  readonly changed?: boolean | undefined;
  /** How many of its batches are gone by the audit trail. */
  readonly gone?: number | undefined;
  /** The file of the retention policy that it was made by. */
  readonly policy?: string | undefined;
  /** The outcomes of ids that were given, and that the plan does not delete. */
  readonly known: readonly Outcome[];
  /** Where the results are saved first. */
  readonly exportTo?: string | undefined;
  /** The file that deletions are recorded in. */
  readonly auditTo?: string | undefined;
}

/** The batches that a plan deletes. */
export function plannedItems({ items }: PurgePlan): readonly PurgeItem[] {
  return items.filter(({ action }) => action !== "keep");
}

/** Where a plan deletes, what, and how much, as a table of two columns. */
export function describePlan(plan: PurgePlan, details: PreviewDetails): string {
  const planned = plannedItems(plan);
  const canceled = planned.filter(({ action }) => action === "cancel_and_delete").length;
  const held = plan.items.flatMap(({ id, code }) => code === "held" ? [id] : []);
  const { stored, changed, gone = 0, policy, known, exportTo, auditTo } = details;
  const lost = plan.items.filter(({ code }) => code === "archived").length;
  const without = exportTo === undefined ? 0 : planned.filter((item) => item.archived).length;
  const { unreadable = 0 } = plan;
  const left = plan.items.filter(({ code }) => code === "not_among_oldest").length;
  const skippedFor = (reason: KeepCode) =>
    known.filter((one) => one.outcome === "skipped" && one.reason === reason).length;
  const notEnded = skippedFor("not_ended");
  const unknownStatus = skippedFor("unknown_status");
  const notFound = known.filter(({ outcome }) => outcome !== "skipped").length;
  return describeRows([
    ["API", plan.baseUrl],
    ["Workspace", plan.workspaceId ?? "not known: the API does not say"],
    ["Planned", stored && describeTime(plan.createdAt)],
    ["Changed", changed && "by hand, since it was made: look at it well"],
    ["Policy", policy],
    ["Delete", describeCount(plan, gone)],
    ["Left", left > 0 && `${left} more beyond --max: run the same command again`],
    ["Gone", gone > 0 && `${gone} more of the plan, by the record`],
    ["Because", describeReason(plan)],
    ["Created", planned.length > 0 && describeAges(planned)],
    ["Cancel", canceled > 0 && `${canceled} of them first, with what results they have by then`],
    ["Held", held.length > 0 && `${held.length}: kept`],
    ...heldNames(held),
    ...describeKept(plan, stored).map((text, index) => [index === 0 ? "Kept" : "", text] as const),
    ["Not ended", notEnded > 0 && `${notEnded} of the ids given: kept${cancelHint(notEnded)}`],
    ["Unknown", unknownStatus > 0 && `${unknownStatus} of the ids given: kept, status unknown`],
    ["Not found", notFound > 0 && `${notFound} of the ids given`],
    ["No id", unreadable > 0 && `${unreadable} more have no id that can be used: kept`],
    ["Results", exportTo !== undefined && `saved to ${exportTo} first`],
    ["Archived", lost > 0 && `${lost}: kept, since results are gone 29 days after creation`],
    ["", lost > 0 && "--archived delete deletes such batches without results"],
    ["Archived", without > 0 && `${without} of them have no results any more`],
    ["Record", auditTo !== undefined && `each deletion goes to ${auditTo}`],
  ], 9);
}

const maxHeldNamed = 5;

/** Held ids, one a row; the first few of many. */
function heldNames(held: readonly string[]): readonly (readonly [string, string])[] {
  const more = held.length - maxHeldNamed;
  const names = held.slice(0, maxHeldNamed).map((id) => ["", id] as const);
  return more > 0 ? [...names, ["", `and ${more} more`]] : names;
}

/**
 * How many of how many: `12 of 40 message batches`, and the share if a retention policy made the plan.
 */
export function describeCount(plan: PurgePlan, gone: number = 0): string {
  const all = plan.items.length;
  const planned = plannedItems(plan).length - gone;
  // A share is rounded up, so that it is never said to be less than it is.
  const percent = Math.ceil(planned * 1_000 / all) / 10;
  const share = plan.policy === undefined || all === 0 ? "" : ` (${percent}%)`;
  return `${planned} of ${countOf(all, "message batch")}${share}`;
}

/** Up to ten batches: the five newest and the five oldest, as they are listed. */
export function describeSample(items: readonly PurgeItem[]): string {
  const lines = (some: readonly PurgeItem[]) =>
    some.map((item) => `  ${describeItem(item)}\n`).join("");
  if (items.length <= 10) return lines(items);
  return `${lines(items.slice(0, 5))}  … ${items.length - 10} more …\n${lines(items.slice(-5))}`;
}

/** One batch of a plan: `msgbatch_1  2026-11-22`. */
export function describeItem({ id, createdAt }: PurgeItem): string {
  return `${id}  ${toMinute(createdAt)?.slice(0, 10) ?? "no date"}`;
}

/** Why batches are deleted, which is the same for all of a plan. */
function describeReason(plan: PurgePlan): string | false {
  const [item] = plannedItems(plan);
  return item !== undefined && describeDecision({ action: "delete", code: "matches" }, plan);
}

function describeAges(items: readonly PurgeItem[]): string {
  let [oldest, newest] = [Infinity, -Infinity];
  for (const { createdAt } of items) {
    const at = parseTimestamp(createdAt);
    if (at === undefined) continue;
    oldest = Math.min(oldest, at);
    newest = Math.max(newest, at);
  }
  if (oldest > newest) return "not known: the API does not say";
  const [from, to] = [oldest, newest].map((at) => describeTime(new Date(at).toISOString()));
  return from === to ? String(from) : `${from} to ${to}`;
}

function describeTime(text: string): string {
  const minute = toMinute(text);
  return minute === undefined ? text : `${minute} UTC`;
}

/** Why batches are kept, if that is worth a line. */
type Cause = "cancelable" | "unended" | KeepCode | "others";

/**
 * How many batches a plan keeps, a line for each cause: `2 that have not ended`. Held and archived
 * batches, those beyond `--max`, and those that are not among the ids given, have lines elsewhere.
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
  const mayCancel = filter !== undefined && !stored;
  const wordsOf = (cause: Cause, count: number): string => {
    switch (cause) {
      case "cancelable":
      case "unended":
        return `that ${count === 1 ? "has" : "have"} not ended` +
          (cause === "cancelable" && mayCancel ? cancelHint(count) : "");
      case "unreadable":
        return "that cannot be read";
      case "unknown_status":
        return "with a status that this version does not know";
      case "created_later":
        return "created after planning began";
      case "created_unknown":
        return "created at a time that cannot be read";
      default:
        return filter === undefined ? "by the policy" : "that the filter does not mean";
    }
  };
  return [...counts].filter(([, count]) => count > 0)
    .map(([cause, count]) => `${count} ${wordsOf(cause, count)}`);
}

/** How to delete batches that have not ended. */
function cancelHint(count: number): string {
  return ` (--cancel cancels ${count === 1 ? "it" : "them"} first)`;
}

/** The line that a batch counts for, if it is kept and has no line elsewhere. */
function causeOf(item: PurgeItem): Cause | undefined {
  if (item.action !== "keep") return undefined;
  switch (item.code) {
    case "held":
    case "archived":
    case "not_among_oldest":
      return undefined;
    case "not_ended":
      return "cancelable"; // it would be deleted if it had ended
    case "condition": {
      const running = item.status === "in_progress" || item.status === "canceling";
      return running && needsEnd.has(item.condition) ? "unended" : "others";
    }
    case "unknown_status":
    case "created_later":
    case "created_unknown":
    case "unreadable":
      return item.code;
    default:
      return "others";
  }
}
