import type { DeletionOutcome } from "../../purge/outcome.ts";
import type { Host } from "../host.ts";
import { describeWait } from "./describe-wait.ts";
import type { CommandOutput } from "./output.ts";
import { describeProgress } from "./progress-line.ts";

/** How far a run is, on the status line. */
export interface Progress {
  /** Counts an outcome. */
  add(outcome: DeletionOutcome): void;
  /** Takes the line away. */
  end(): Promise<void>;
}

const interval = 50; // ms between two lines: more would not be seen
const longestStill = 1_000; // ms without a new line: it shows that time goes by
const window = 10_000; // ms that the rate is taken over

/**
 * Shows how far a run is: the share that is done, the rate of the last ten seconds, and the time that
 * is left at that rate. Where nothing but waits is left, that says nothing: it shows how many they
 * are, and for how long the run has waited.
 *
 * @param total How many outcomes there will be.
 */
export function createProgress(
  total: number,
  output: Pick<CommandOutput, "status">,
  { clock = { now: () => Date.now() }, stderr, waited = new Set() }: {
    readonly clock?: Pick<NonNullable<Host["clock"]>, "now"> | undefined;
    readonly stderr: Pick<Host["stderr"], "columns">;
    /** Ids whose end is waited for. @default none */
    readonly waited?: ReadonlySet<string> | undefined;
  },
): Progress {
  if (total === 0 || stderr.columns === undefined) {
    return {
      add: () => {},
      end: () => Promise.resolve(),
    };
  }
  const start = clock.now();
  const samples = [{ at: start, done: 0 }];
  let done = 0;
  let failed = 0;
  let waits = waited.size;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const draw = () => {
    clearTimeout(timer);
    timer = undefined;
    const at = clock.now();
    samples.push({ at, done });
    while (samples.length > 2 && at - (samples[1]?.at ?? at) >= window) samples.shift();
    const first = samples[0] ?? { at, done };
    const elapsed = (at - first.at) / 1_000;
    const rate = elapsed < 1 ? undefined : (done - first.done) / elapsed;
    const left = total - done;
    if (left > 0 && left === waits) return void output.status(describeWait(left, at - start));
    void output.status(describeProgress({ done, total, failed, rate, columns: stderr.columns }));
  };
  draw();
  const still = setInterval(draw, longestStill);
  return {
    add({ outcome, id }) {
      done += 1;
      if (waited.has(id)) waits -= 1;
      if (outcome === "failed") failed += 1;
      timer ??= setTimeout(draw, interval);
    },
    end() {
      clearTimeout(timer);
      clearInterval(still);
      return output.status(undefined);
    },
  };
}
