import type { DeletionOutcome } from "../../purge/outcome.ts";
import type { StopReason } from "../../purge/stop-reason.ts";
import type { Client } from "../../core/client.ts";
import type { Cancellations } from "../delete/watch-cancellations.ts";
import { describeDuration } from "../terminal/describe-duration.ts";
import { describeOutcome } from "../terminal/describe.ts";
import { type CommandError, exitCode, firstOf } from "../exit-code.ts";
import type { CommandOutput } from "../terminal/output.ts";
import { createResultWriter, type ResultTarget } from "../run/result-writer.ts";
import { createTally } from "../run/tally.ts";

/** What the outcomes of a run are reported with. */
export interface OutcomeReportOptions {
  /** Whether stdout gets an object for each outcome, and one with the totals at the end. */
  readonly json: boolean;
  /** The batches whose end is waited for. */
  readonly waited: ReadonlySet<string>;
  /** How long each was waited for, in milliseconds. @default 86_400_000 */
  readonly cancelTimeout?: number | undefined;
  /** What was canceled on the way. */
  readonly cancellations: Pick<Cancellations<Client>, "add" | "requested" | "left">;
  /** Where the API is. */
  readonly baseUrl: string;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
}

/** Outcomes of message batches on their way to the user. */
export interface OutcomeReport {
  /** Writes an outcome. It does not reject. */
  add(outcome: DeletionOutcome): Promise<void>;
  /** Aborted when stdout cannot be written any more. */
  readonly outputFailed: AbortSignal;
  /**
   * Writes what became of all, whether or not anybody reads stdout.
   *
   * @param failure Why the run ended, if it is no outcome.
   * @returns The exit code.
   */
  end(failure: CommandError | undefined): Promise<number>;
}

/** Begins a report. */
export function createOutcomeReport(
  output: CommandOutput,
  { json, waited, cancelTimeout = 86_400_000, cancellations, baseUrl, signal }:
    OutcomeReportOptions,
): OutcomeReport {
  const tally = createTally(signal);
  const writer = createResultWriter(output, { json, signal });
  let stopped: StopReason | undefined;

  /** What there is to say of a wait in vain. */
  const explain = (outcome: DeletionOutcome): string | undefined => {
    if (outcome.outcome !== "skipped" || outcome.reason !== "not_ended") return undefined;
    if (!waited.has(outcome.id)) return undefined;
    const canceled = cancellations.requested(outcome.id)
      ? "its cancellation was requested, and "
      : "";
    return `it has not ended after ${
      describeDuration(cancelTimeout)
    }; ${canceled}nothing was deleted`;
  };

  return {
    outputFailed: writer.outputFailed,
    async add(outcome) {
      tally.add(outcome, waited.has(outcome.id));
      cancellations.add(outcome);
      const message = explain(outcome);
      if (outcome.outcome === "unattempted") stopped ??= outcome.reason;
      await writer.write((target) => write(target, outcome, message));
    },
    async end(failure) {
      const { counts } = tally;
      const hasMore = counts.unattempted > 0;
      const planned = Object.values(counts).reduce((sum, count) => sum + count, 0);
      if (json) {
        const summary = `${JSON.stringify({ summary: { planned, ...counts, hasMore } })}\n`;
        await writer.write((target) => target.json ? target.result(summary) : Promise.resolve());
      }
      if (tally.unreached()) await output.note(`The API was looked for at ${baseUrl}\n`);
      if (stopped !== undefined) {
        const are = counts.unattempted === 1 ? "is" : "are";
        await writer.noteStop(stopped, `${counts.unattempted} ${are} left`);
      }
      const left = cancellations.left(writer.leftUntold());
      if (left !== undefined) await output.note(`${left}\n`, "bad");
      if (failure !== undefined) await output.note(`${failure.message}\n`, "bad");
      const code = firstOf(tally.exitCode(), failure?.exitCode ?? exitCode.done);
      if (planned > 0) {
        const noun = planned === 1 ? "message batch" : "message batches";
        await output.note(`${tally.summary(noun)}\n`, code === 0 ? "good" : "strong");
      }
      return code;
    },
  };
}

/**
 * Writes an outcome: as JSON to stdout; as text to stdout if the batch is gone, and to stderr if it is
 * not. Those that are unattempted are left out of the text: they are as many as the totals say.
 */
async function write(
  { result, note, json }: ResultTarget,
  outcome: DeletionOutcome,
  message: string | undefined,
): Promise<void> {
  if (json) {
    const more = message === undefined ? {} : { message };
    return await result(`${JSON.stringify({ ...outcome, ...more })}\n`);
  }
  if (outcome.outcome === "unattempted") return;
  const why = message === undefined ? "" : `: ${message}`;
  const line = `${describeOutcome(outcome, "message_batch")}${why}\n`;
  if (outcome.outcome === "failed") await note(line, "bad");
  else if (outcome.outcome === "skipped") await note(line);
  else await result(line);
}
