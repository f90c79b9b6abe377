/** What a plan is about to do, as text for people. */
import { describeDecision, type KeepCode } from "../purge/decision.ts";
import { conditionOf } from "../purge/filter.ts";
import type { PurgeItem, PurgePlan } from "../purge/plan.ts";
import { parseTimestamp } from "../purge/time.ts";
import type { Flags } from "./options.ts";
import type { Outcome } from "./report.ts";
import { countOf, describeRows, firstFew, toMinute } from "./text.ts";

/** A plan, and what is known besides. */
export interface KnownPlan {
  /** With the holds of the command line. */
  readonly plan: PurgePlan;
  /** As it was made before, if it was. */
  readonly stored: PurgePlan | undefined;
  /** The outcomes of ids that were given, and that the plan does not delete. */
  readonly known: readonly Outcome[];
  /** The ids of batches that are gone by the audit trail. */
  readonly gone: ReadonlySet<string>;
}

/** The batches that a plan deletes. */
export function plannedItems({ items }: PurgePlan): readonly PurgeItem[] {
  return items.filter(({ action }) => action !== "keep");
}

const cancelHint = " (--cancel cancels these first)";

/** How many batches a plan keeps for a reason. */
export function countKept({ items }: PurgePlan, code: KeepCode): number {
  return items.filter((item) => item.code === code).length;
}

/** Where a plan deletes, what, and how much, as a table of two columns. */
export function describePlan(
  { plan, stored, known, gone: { size: gone } }: KnownPlan,
  { export: directory, audit, policy }: Flags,
): string {
  const { items, unreadable = 0 } = plan;
  const planned = plannedItems(plan);
  const held = items.flatMap(({ id, code }) => code === "held" ? [id] : []);
  const keptFor = (code: KeepCode) => countKept(plan, code);
  const given = (code: KeepCode) =>
    known.filter((one) => "reason" in one && one.reason === code).length;
  /** A row, if there are any. */
  const row = (name: string, count: number, text: string) =>
    [name, count > 0 && `${count}${text}`] as const;
  return describeRows([
    ["API", plan.baseUrl],
    ["Workspace", plan.workspaceId ?? "not known: the API does not say"],
    ["Planned", stored && describeTime(plan.createdAt)],
    ["Policy", plan.policy && !stored && policy],
    ["Delete", describeCount(plan, gone)],
    row(
      "Left",
      keptFor("not_among_oldest"),
      ` more beyond --max: ${stored ? "make another plan" : "run the same command again"}`,
    ),
    row("Gone", gone, " more of the plan, by the audit trail"),
    [
      "Because",
      planned.length > 0 && describeDecision({ action: "delete", code: "matches" }, plan),
    ],
    ["Created", planned.length > 0 && describeAges(planned)],
    row(
      "Cancel",
      planned.filter(({ action }) => action === "cancel_and_delete").length,
      " of them first, with what results they have by then",
    ),
    row("Held", held.length, ": kept"),
    ...firstFew(held, 5).map((id) => ["", id] as const),
    ...describeKept(plan, stored !== undefined).map((text, index) =>
      [index === 0 ? "Kept" : "", text] as const
    ),
    row("Not ended", given("not_ended"), ` of the ids given: kept${cancelHint}`),
    row("Unknown", given("unknown_status"), " of the ids given: kept, status unknown"),
    row(
      "Not found",
      known.filter(({ outcome }) => outcome !== "skipped").length,
      " of the ids given",
    ),
    row("No id", unreadable, " more have no id that can be used: kept"),
    ["Results", directory !== undefined && `saved to ${directory} first`],
    row("Archived", keptFor("archived"), ": kept, since results are gone 29 days after creation"),
    ["", keptFor("archived") > 0 && "--archived delete deletes such batches without results"],
    row(
      "Archived",
      directory === undefined ? 0 : planned.filter(({ archived }) => archived).length,
      " of them have no results any more",
    ),
    ["Record", audit !== undefined && `each deletion goes to ${audit}`],
  ], 9);
}

/** `12 of 40 message batches`, and the share if a retention policy made the plan. */
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

function describeAges(items: readonly PurgeItem[]): string {
  const times = items.flatMap(({ createdAt }) => parseTimestamp(createdAt) ?? [])
    .sort((one, other) => one - other);
  const [from, to] = [times[0], times.at(-1)].map((at) =>
    at === undefined ? "not known: the API does not say" : describeTime(new Date(at).toISOString())
  );
  return from === to ? `${from}` : `${from} to ${to}`;
}

function describeTime(text: string): string {
  const minute = toMinute(text);
  return minute === undefined ? text : `${minute} UTC`;
}

/** Why batches are kept. Those that are held, archived or beyond `--max` have lines elsewhere. */
const causes: { readonly [Code in KeepCode]?: string } = {
  held: "",
  archived: "",
  not_among_oldest: "",
  unreadable: "that cannot be read",
  unknown_status: "with a status that this version does not know",
  created_later: "created after planning began",
  created_unknown: "created at a time that cannot be read",
};

/** How many batches a plan keeps that have no line elsewhere, a line for each cause. */
function describeKept({ items, filter }: PurgePlan, stored: boolean): readonly string[] {
  const isNamed = filter !== undefined && filter !== "*" && filter.ids !== undefined;
  if (isNamed && !stored) return [];
  const unmeant = filter ? "that the filter does not match" : "by the policy";
  const counts = new Map<string, number>();
  for (const item of items) {
    if (item.action !== "keep") continue;
    const isLate = item.code === "condition" && conditionOf(item.condition).needsEnd &&
      (item.status === "in_progress" || item.status === "canceling");
    const mayCancel = item.code === "not_ended" && filter !== undefined && !stored;
    const cause = isLate || item.code === "not_ended"
      ? `not ended${mayCancel ? cancelHint : ""}`
      : causes[item.code] ?? (isNamed ? "" : unmeant); // ids that were not given need no line
    if (cause !== "") counts.set(cause, (counts.get(cause) ?? 0) + 1);
  }
  return [...counts].map(([cause, count]) => `${count} ${cause}`);
}
