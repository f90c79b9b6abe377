import type { DeletionOutcome } from "../../purge/outcome.ts";
import { describeOutcome } from "../terminal/describe.ts";
import { type Kind, messageBatches } from "../kinds.ts";
import type { CommandOutput } from "../terminal/output.ts";
import { createResultWriter, type ResultTarget } from "../run/result-writer.ts";
import { createTally } from "../run/tally.ts";

/** How outcomes are reported. */
export interface DeleteReportOptions {
  readonly kind: Kind;
  readonly json: boolean;
  /** Where the API is. */
  readonly baseUrl: string;
  /** Whether the end of a batch is waited for. */
  readonly waits: boolean;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
}

/** What became of objects that were to be deleted, on its way to the user. */
export interface DeleteReport {
  /**
   * Writes an outcome. It does not reject.
   *
   * @param more What there is to say of it besides.
   */
  add(outcome: DeletionOutcome, more?: string): Promise<void>;
  /** Aborted when stdout cannot be written any more. */
  readonly outputFailed: AbortSignal;
  /**
   * Writes what became of all, whether or not anybody reads stdout.
   *
   * @param left What is to be said of those that are canceled and still there: of all of them, or of
   *   those that no outcome tells of.
   * @returns The exit code.
   */
  end(left?: (all: boolean) => string | undefined): Promise<number>;
}

/** Begins a report. */
export function createDeleteReport(
  output: CommandOutput,
  { kind, json, baseUrl, waits, signal }: DeleteReportOptions,
): DeleteReport {
  const writer = createResultWriter(output, { json, signal });
  const { name } = kind.resource;
  const named = kind === messageBatches ? {} : { resource: name };
  const tally = createTally(signal);

  /** What is gone goes to stdout, what is not to stderr; of those unattempted only the first. */
  const writeText = async (
    { result, note }: ResultTarget,
    outcome: DeletionOutcome,
    more: string | undefined,
  ): Promise<void> => {
    const line = `${describeOutcome(outcome, name)}${more === undefined ? "" : `: ${more}`}\n`;
    if (outcome.outcome === "failed") return await note(line, "bad");
    if (outcome.outcome === "skipped") return await note(line);
    if (outcome.outcome !== "unattempted") return await result(line);
    await writer.noteStop(outcome.reason, `Unattempted from ${outcome.id} on`);
  };

  return {
    outputFailed: writer.outputFailed,
    async add(outcome, more) {
      tally.add(outcome, waits);
      const message = more === undefined ? {} : { message: more };
      await writer.write((target) =>
        target.json
          ? target.result(`${JSON.stringify({ ...named, ...outcome, ...message })}\n`)
          : writeText(target, outcome, more)
      );
    },
    async end(left) {
      const { counts } = tally;
      const untold = writer.leftUntold();
      const still = left?.(untold);
      if (still !== undefined) await output.note(`${still}\n`);
      const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
      if (tally.unreached()) await output.note(`The API was looked for at ${baseUrl}\n`);
      if (total > 1 || untold) {
        await output.note(`${tally.summary(total === 1 ? "id" : "ids")}\n`);
      }
      return tally.exitCode();
    },
  };
}
