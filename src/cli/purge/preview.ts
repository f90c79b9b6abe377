/**
 * What a plan is about to do, as text for people.
 *
 * @module
 */
import { describeDecision, type KeepCode } from "../../purge/decision.ts";
import type { DeletionOutcome } from "../../purge/outcome.ts";
import type { PurgeItem, PurgePlan } from "../../purge/plan.ts";
import { parseTimestamp } from "../../purge/time.ts";
import { cancelHint, describeKept } from "./describe-kept.ts";

/** What is known besides the plan. */
export interface PreviewDetails {
  /** Whether the plan was made earlier, and read from a file. */
  readonly stored: boolean;
  /** The file of the retention policy that it was made from. */
  readonly policy?: string | undefined;
  /** How many batches are held that would be deleted otherwise; by a policy, how many are held. */
  readonly held: number;
  /** What becomes of ids that were given, and that the plan does not delete. */
  readonly known: readonly DeletionOutcome[];
  /** Where the results are saved first. */
  readonly exportTo?: string | undefined;
  /** The file that deletions are recorded in. */
  readonly auditTo?: string | undefined;
}

/** The batches of a plan that are to be deleted. */
export function plannedItems({ items }: PurgePlan): readonly PurgeItem[] {
  return items.filter(({ action }) => action !== "keep");
}

/** Where a plan deletes, what, and how much, as a table of two columns. */
export function describePlan(plan: PurgePlan, details: PreviewDetails): string {
  const planned = plannedItems(plan);
  const canceled = planned.filter(({ action }) => action === "cancel_and_delete").length;
  const { stored, policy, held, known, exportTo, auditTo } = details;
  const skippedFor = (reason: KeepCode) =>
    known.filter((one) => one.outcome === "skipped" && one.reason === reason).length;
  const notEnded = skippedFor("not_ended");
  const unknownStatus = skippedFor("unknown_status");
  const notFound = known.filter(({ outcome }) => outcome !== "skipped").length;
  const rows: (readonly [string, string | false])[] = [
    ["API", plan.baseUrl],
    ["Workspace", plan.workspaceId ?? "not known: the API does not say"],
    ["Planned", stored && describeTime(plan.createdAt)],
    ["Policy", policy ?? false],
    ["Delete", describeCount(plan)],
    ["Created", planned.length > 0 && describeAges(planned)],
    ["Cancel", canceled > 0 && `${canceled} of them first, with what results they have by then`],
    ["Held", held > 0 && `${held}: kept`],
    ...describeKept(plan, stored).map((text, index) => [index === 0 ? "Kept" : "", text] as const),
    ["Not ended", notEnded > 0 && `${notEnded} of the ids given: kept${cancelHint(notEnded)}`],
    ["Unknown", unknownStatus > 0 && `${unknownStatus} of the ids given: kept, status unknown`],
    ["Not found", notFound > 0 && `${notFound} of the ids given`],
    ["Results", exportTo !== undefined && `saved to ${exportTo} first`],
    ["Record", auditTo !== undefined && `each deletion goes to ${auditTo}`],
  ];
  return rows.flatMap(([name, text]) => text === false ? [] : `${name.padEnd(9)}  ${text}\n`)
    .join("");
}

/**
 * How many of how many: `12 of 40 message batches`; for a retention policy with the share, `(30%)`: one
 * that is wrong shows as a share that is far too large.
 */
export function describeCount(plan: PurgePlan): string {
  const all = plan.items.length;
  const planned = plannedItems(plan).length;
  const share = plan.policy === undefined || all === 0 ? "" : ` (${describeShare(planned, all)})`;
  return `${planned} of ${all} message batch${all === 1 ? "" : "es"}${share}`;
}

/** A share in percent, rounded up: it is never said to be what it exceeds. */
function describeShare(part: number, all: number): string {
  return `${Math.ceil(part * 1_000 / all) / 10}%`;
}

/** Up to ten batches that a plan deletes: the five newest and the five oldest, as they are listed. */
export function describeSample(plan: PurgePlan): string {
  const items = plannedItems(plan);
  const lines = (some: readonly PurgeItem[]) =>
    some.map((item) => `  ${describeItem(item, plan)}\n`).join("");
  if (items.length <= 10) return lines(items);
  const more = `  … ${items.length - 10} more …\n`;
  return lines(items.slice(0, 5)) + more + lines(items.slice(-5));
}

/** One batch of a plan, and why: `msgbatch_1  2026-11-22  It was created at least 7 days ago`. */
export function describeItem(item: PurgeItem, plan: PurgePlan): string {
  const at = parseTimestamp(item.createdAt);
  const day = at === undefined ? "no date   " : new Date(at).toISOString().slice(0, 10);
  return `${item.id}  ${day}  ${describeDecision(item, plan, item)}`;
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
  const [from, to] = [toMinute(oldest), toMinute(newest)];
  return from === to ? from : `${from} to ${to}`;
}

function describeTime(text: string): string {
  const at = parseTimestamp(text);
  return at === undefined ? text : toMinute(at);
}

function toMinute(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
