import type { DeletionOutcome } from "../../purge/outcome.ts";
import { describeDecision } from "../../purge/decision.ts";
import type { PurgeItem, PurgePlan } from "../../purge/plan.ts";
import type { CommandContext } from "../commands/command-context.ts";
import { describeOutcome } from "../terminal/describe.ts";
import { writePlan } from "./plan-file.ts";
import { describeItem, plannedItems } from "./preview.ts";

/** A plan, and what is known besides. */
export interface ShownPlan {
  readonly plan: PurgePlan;
  /** Of ids that the plan does not delete. */
  readonly known: readonly DeletionOutcome[];
  /** Where it deletes, and how much. */
  readonly text: string;
}

/** How a plan is shown. */
export interface ShowFlags {
  readonly dryRun?: boolean | undefined;
  readonly json?: boolean | undefined;
  /** The file that the plan goes to. */
  readonly planOut?: string | undefined;
}

/** Shows what a plan would do, and writes it to a file if that is asked for. It deletes nothing. */
export async function showPlan(
  { plan, known, text }: ShownPlan,
  { dryRun, json, planOut }: ShowFlags,
  { host, output }: Pick<CommandContext, "host" | "output">,
): Promise<void> {
  if (planOut !== undefined) await writePlan(host.files, planOut, plan);
  const planned = plannedItems(plan);
  if (json) {
    for (const outcome of known) await output.result(`${JSON.stringify(outcome)}\n`);
    for (const item of planned) {
      const reason = describeDecision(item, plan, item);
      await output.result(`${JSON.stringify({ ...item, reason })}\n`);
    }
    const { baseUrl, workspaceId, items } = plan;
    const totals = { dryRun: true, listed: items.length, planned: planned.length };
    const summary = { ...totals, baseUrl, workspaceId };
    await output.result(`${JSON.stringify({ summary })}\n`);
  } else {
    for (const outcome of known) {
      await output.note(`${describeOutcome(outcome, "message_batch")}\n`);
    }
    if (dryRun) {
      for (const item of planned) await output.result(`${wouldDelete(item, plan)}\n`);
    }
  }
  await output.note(text);
  await output.note(
    planOut === undefined
      ? "Dry run: nothing was deleted\n"
      : `Nothing was deleted. The plan is in ${planOut}: batchsweep purge --plan ${planOut}\n`,
    "strong",
  );
}

function wouldDelete(item: PurgeItem, plan: PurgePlan): string {
  const first = item.action === "cancel_and_delete" ? "cancel and " : "";
  return `would ${first}delete ${describeItem(item, plan)}`;
}
