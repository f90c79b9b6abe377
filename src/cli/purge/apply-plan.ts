import type { Client } from "../../core/client.ts";
import type { ResultStore } from "../../core/ports.ts";
import { applyPurge } from "../../purge/apply-purge.ts";
import type { DeletionOutcome } from "../../purge/outcome.ts";
import type { PurgePlan } from "../../purge/plan.ts";
import type { AuditFile } from "../audit/audit-file.ts";
import type { CommandContext } from "../commands/command-context.ts";
import { watchCancellations } from "../delete/watch-cancellations.ts";
import { CommandError, exitCode } from "../exit-code.ts";
import { noteInterruption } from "../run/note-interruption.ts";
import { reportEach } from "../run/report-each.ts";
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
 * @throws What the run ends with that is neither an outcome nor about the audit trail, once everything
 *   that was under way has ended, and was told.
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
    signal: host.signal,
  });
  const progress = createProgress(planned.length + known.length, output, {
    clock: host.clock,
    stderr: host.stderr,
    waited,
  });
  noteInterruption({ host, output });
  let failure: CommandError | undefined;
  /** Every batch ends in an outcome, also where the run ends before it comes to it. */
  const outcomes = async function* (): AsyncGenerator<DeletionOutcome, void> {
    yield* known;
    const left = new Set(planned.map(({ id }) => id));
    const signal = AbortSignal.any([host.signal, report.outputFailed]);
    const settings = { ...options, signal, history: audit?.history() };
    try {
      const run = applyPurge({ ...cancellations.client, auditTrail: audit }, plan, settings);
      for await (const outcome of run) {
        left.delete(outcome.id);
        yield outcome;
      }
    } catch (error) {
      // Where the record cannot be read, the run has ended before it began.
      const interrupted = host.signal.aborted && error === host.signal.reason;
      const reason = interrupted ? "interrupted" : "caller_failed";
      for (const id of left) yield { outcome: "unattempted", id, reason };
      failure = explain(error, audit);
      if (failure === undefined && !interrupted) throw error;
    }
  };
  return await reportEach(
    outcomes(),
    async (outcome) => {
      progress.add(outcome);
      await report.add(outcome);
    },
    async () => {
      await progress.end();
      return await report.end(failure);
    },
  );
}

/** What is known of an error that a run ends with: it is about the audit trail. */
function explain(error: unknown, audit: AuditFile | undefined): CommandError | undefined {
  if (error instanceof CommandError) return error;
  const late = audit !== undefined && error instanceof Error && error.name === "TimeoutError";
  if (!late) return undefined;
  const message = error.message.replace("The audit trail", () => audit.path);
  return new CommandError(message, exitCode.failed);
}
