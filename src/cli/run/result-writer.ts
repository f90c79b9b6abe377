import type { StopReason } from "../../operations/stop-reason.ts";
import { type CommandOutput, isClosedOutput } from "../terminal/output.ts";

/** Where a result goes, and whether as JSON. */
export interface ResultTarget extends Pick<CommandOutput, "result" | "note"> {
  readonly json: boolean;
}

/** Results on their way to stdout, which may fail while work is under way. */
export interface ResultWriter {
  /**
   * Writes a result. It does not reject: what was done must be said somewhere, and once stdout has
   * failed, that is stderr.
   *
   * @param write Writes it to the target that it is given.
   */
  write(write: (target: ResultTarget) => Promise<void>): Promise<void>;
  /** Aborted when stdout cannot be written any more. */
  readonly broken: AbortSignal;
  /**
   * Whether nobody reads any more: then nothing is said. A reader that an interruption has ended with
   * the command does not count: the user is still there.
   */
  deserted(): boolean;
  /** Whether it is the failure of stdout that a run has stopped for: that is said by itself. */
  stopped(reason: StopReason): boolean;
  /** @throws What stdout could not be written with. */
  check(): void;
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
  const broken = new AbortController();
  let failure: unknown;
  const deserted = () => isClosedOutput(failure) && !signal.aborted;
  return {
    broken: broken.signal,
    deserted,
    stopped: (reason) => reason === "interrupted" && broken.signal.aborted && !signal.aborted,
    async write(write) {
      try {
        if (!broken.signal.aborted) return await write({ ...output, json });
      } catch (error) {
        failure = error;
        broken.abort();
      }
      if (!deserted()) await write({ note, result: note, json: false });
    },
    check() {
      if (broken.signal.aborted) throw failure;
    },
  };
}
