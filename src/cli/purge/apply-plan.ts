import type { Client } from "../../core/client.ts";
import type { ResultStore } from "../../core/ports.ts";
import { applyPurge } from "../../operations/apply-purge.ts";
import type { DeletionOutcome } from "../../operations/outcome.ts";
import type { PurgePlan } from "../../operations/purge-plan.ts";
import type { AuditFile } from "../audit/audit-file.ts";
import type { CommandContext } from "../commands/command-context.ts";
import { watchCancellations } from "../delete/watch-cancellations.ts";
import { CommandError } from "../exit-code.ts";
import { noteInterruption } from "../run/note-interruption.ts";
import { createOutcomeReport } from "./outcome-report.ts";
import { plannedItems } from "./preview.ts";
import { createProgress } from "../terminal/progress.ts";

/** What a plan is applied with. */
export interface ApplyPlanOptions {
  /** What is known before: of ids that the plan does not delete. */
  readonly known: readonly DeletionOutcome[];
  readonly holds: ReadonlySet<string>;
  readonly cancelTimeout?: number | undefined;
  readonly exportTo?: ResultStore | undefined;
  readonly audit?: AuditFile | undefined;
  readonly json?: boolean | undefined;
}

/**
 * Applies a plan, and says what becomes of each batch when it does, and of all at the end.
 *
 * @returns The exit code.
 * @throws What stdout cannot be written with, once everything that was under way has ended.
 */
export async function applyPlan(
  client: Client & { readonly baseUrl: string },
  plan: PurgePlan,
  { known, audit, json = false, ...options }: ApplyPlanOptions,
  { host, output }: Pick<CommandContext, "host" | "output">,
): Promise<number> {
  const planned = plannedItems(plan);
  const canceled = planned.filter(({ action }) => action === "cancel_and_delete");
  const waited = new Set(canceled.map(({ id }) => id));
  const cancellations = watchCancellations(client);
  const { baseUrl } = client;
  const { cancelTimeout } = options;
  const report = createOutcomeReport(output, {
    json,
    waited,
    baseUrl,
    cancellations,
    cancelTimeout,
  });
  const progress = createProgress(planned.length + known.length, output, {
    clock: host.clock,
    stderr: host.stderr,
    waited,
  });
  noteInterruption({ host, output });
  let failure: CommandError | undefined;
  try {
    for (const outcome of known) {
      progress.add(outcome);
      await report.add(outcome);
    }
    const signal = AbortSignal.any([host.signal, report.broken]);
    const settings = { ...options, signal, history: audit?.history() };
    const run = applyPurge({ ...cancellations.client, auditTrail: audit }, plan, settings);
    for await (const outcome of run) {
      progress.add(outcome);
      await report.add(outcome);
    }
  } catch (error) {
    // The audit trail could not be written: what was done before is told all the same.
    if (!(error instanceof CommandError)) throw error;
    failure = error;
  } finally {
    await progress.end();
  }
  return await report.end(failure);
}
