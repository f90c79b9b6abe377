import type { StopReason } from "../../purge/stop-reason.ts";
import { describeStop } from "../terminal/describe.ts";
import { type CommandOutput, isClosedOutput } from "../terminal/output.ts";

/** Where a result goes, and whether as JSON. */
export interface ResultTarget extends Pick<CommandOutput, "result" | "note"> {
  readonly json: boolean;
}

/**
 * Results on their way to stdout, which may fail while work is under way. That it has failed, the
 * command says at its end, by itself.
 */
export interface ResultWriter {
  /**
   * Writes a result. It does not reject: what was done must be said somewhere, and once stdout has
   * failed, that is stderr. Where nobody reads stdout any more, results are left to the totals.
   *
   * @param write Writes it to the target that it is given.
   */
  write(write: (target: ResultTarget) => Promise<void>): Promise<void>;
  /** Aborted when stdout cannot be written any more: then nothing new is begun. */
  readonly outputFailed: AbortSignal;
  /** Whether a result was left to the totals. */
  leftUntold(): boolean;
  /**
   * Says why a run has stopped, once; not where it is for the failure of stdout.
   *
   * @param left What is left, as a sentence.
   */
  noteStop(reason: StopReason, left: string): Promise<void>;
}

/**
 * Begins to write results.
 *
 * @param json Whether stdout gets them as JSON; stderr never does.
 * @param signal Aborted when the user interrupts.
 */
export function createResultWriter(
  output: CommandOutput,
  { json, signal }: { readonly json: boolean; readonly signal: AbortSignal },
): ResultWriter {
  const { note } = output;
  const failed = new AbortController();
  let closed = false;
  let untold = false;
  let stopNoted = false;
  return {
    outputFailed: failed.signal,
    leftUntold: () => untold,
    async write(write) {
      try {
        if (!failed.signal.aborted) return await write({ ...output, json });
      } catch (error) {
        closed = isClosedOutput(error);
        failed.abort();
      }
      // A reader that an interruption has ended with the command does not count: the user is there.
      if (closed && !signal.aborted) untold = true;
      else await write({ note, result: note, json: false });
    },
    async noteStop(reason, left) {
      if (stopNoted || (reason === "interrupted" && !signal.aborted)) return;
      stopNoted = true;
      await note(`${describeStop(reason)}. ${left}\n`, "bad");
    },
  };
}
