import type { DeletionOutcome } from "../../operations/outcome.ts";
import { describeOutcome, describeStop } from "../terminal/describe.ts";
import { type Kind, messageBatches } from "../kinds.ts";
import { type CommandOutput, isClosedOutput } from "../terminal/output.ts";
import { createTally } from "../run/tally.ts";

/** How outcomes are reported. */
export interface DeleteReportOptions {
  readonly kind: Kind;
  readonly json: boolean;
  /** Where the API is. */
  readonly baseUrl: string;
  /** Whether the end of a batch is waited for. */
  readonly waits: boolean;
}

/** What became of objects that were to be deleted, on its way to the user. */
export interface DeleteReport {
  /**
   * Writes an outcome.
   *
   * @param more What there is to say of it besides.
   * @throws What stdout could not be written with.
   */
  add(outcome: DeletionOutcome, more?: string): Promise<void>;
  /**
   * Writes what became of all.
   *
   * @returns The exit code.
   */
  end(): Promise<number>;
}

/** Begins a report. */
export function createDeleteReport(
  output: CommandOutput,
  { kind, json, baseUrl, waits }: DeleteReportOptions,
): DeleteReport {
  const { name } = kind.resource;
  const named = kind === messageBatches ? {} : { resource: name };
  const tally = createTally();
  let stopped = false;

  /** What is gone goes to stdout, what is not to stderr; of those unattempted only the first. */
  const writeText = async (outcome: DeletionOutcome, more: string | undefined): Promise<void> => {
    const line = `${describeOutcome(outcome, name)}${more === undefined ? "" : `: ${more}`}\n`;
    if (outcome.outcome === "failed") return await output.note(line, "bad");
    if (outcome.outcome === "skipped") return await output.note(line);
    if (outcome.outcome !== "unattempted") return await output.result(line);
    if (stopped) return;
    stopped = true;
    const from = `Unattempted from ${outcome.id} on`;
    await output.note(`${describeStop(outcome.reason)}. ${from}\n`, "bad");
  };

  return {
    async add(outcome, more) {
      tally.add(outcome, waits);
      const message = more === undefined ? {} : { message: more };
      try {
        if (!json) return await writeText(outcome, more);
        await output.result(`${JSON.stringify({ ...named, ...outcome, ...message })}\n`);
      } catch (error) {
        // What was done must be said somewhere; where nobody reads any more, nothing is.
        if (!isClosedOutput(error)) await output.note(`${describeOutcome(outcome, name)}\n`);
        throw error;
      }
    },
    async end() {
      const { counts } = tally;
      const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
      if (tally.unreached()) await output.note(`The API was looked for at ${baseUrl}\n`);
      if (total > 1) await output.note(`${tally.summary()}\n`);
      return tally.exitCode();
    },
  };
}
