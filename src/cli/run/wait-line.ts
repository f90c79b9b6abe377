import { systemClock } from "../../core/clock.ts";
import type { Host } from "../host.ts";
import { describeWait } from "../terminal/describe-wait.ts";
import type { CommandOutput } from "../terminal/output.ts";

/** For how long something has been waited for, on the status line. */
export interface WaitLine {
  /** One of them has come to its end. */
  ended(): void;
  /** Takes the line away. */
  close(): Promise<void>;
}

const interval = 1_000; // ms; the line shows whole seconds

/**
 * Shows that message batches are waited for, and for how long: `Waiting for 3 message batches, 2m 5s`.
 *
 * @param total How many there are.
 */
export function createWaitLine(
  total: number,
  output: Pick<CommandOutput, "status">,
  { clock = systemClock, stderr }: {
    readonly clock?: Host["clock"];
    readonly stderr: Pick<Host["stderr"], "columns">;
  },
): WaitLine {
  if (stderr.columns === undefined) return { ended: () => {}, close: () => Promise.resolve() };
  const start = clock.now();
  let left = total;
  const draw = () => void output.status(describeWait(left, clock.now() - start));
  draw();
  const timer = setInterval(draw, interval);
  return {
    ended() {
      left -= 1;
      if (left > 0) draw();
    },
    close() {
      clearInterval(timer);
      return output.status(undefined);
    },
  };
}
