/** How far a run is, on the status line. */
import type { Host } from "./host.ts";
import type { CommandOutput } from "./output.ts";
import type { Outcome } from "./report.ts";
import { countOf, describeDuration } from "./text.ts";

/** The progress of a run. */
export interface Progress {
  /** Counts an outcome. An object that was never attempted makes no progress. */
  add(outcome: Pick<Outcome, "outcome" | "id">): void;
  /** Removes the line. */
  end(): Promise<void>;
}

const minInterval = 50; // ms between two lines: more would not be seen
const maxInterval = 1_000; // ms between two lines: the time that goes by is shown
const rateWindow = 10_000; // ms

/**
 * Shows how far a run is: the share that is done, the rate of the last ten seconds, and the time that
 * is left at that rate. If only waits are left, it shows how many, and how long they last by now.
 *
 * @param waited The ids of the objects whose end is waited for.
 */
export function createProgress(
  total: number,
  output: Pick<CommandOutput, "status">,
  { clock = { now: () => Date.now() }, stderr: { columns }, waited = new Set() }: {
    readonly clock?: Pick<NonNullable<Host["clock"]>, "now"> | undefined;
    readonly stderr: Pick<Host["stderr"], "columns">;
    readonly waited?: ReadonlySet<string> | undefined;
  },
): Progress {
  if (total < 2 && waited.size === 0 || columns === undefined) {
    return { add: () => {}, end: () => Promise.resolve() };
  }
  const start = clock.now();
  const samples = [{ at: start, done: 0 }];
  let [done, failed, waiting] = [0, 0, waited.size];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const draw = () => {
    clearTimeout(timer);
    timer = undefined;
    const at = clock.now();
    samples.push({ at, done });
    while (samples.length > 2 && at - (samples[1]?.at ?? at) >= rateWindow) samples.shift();
    const [first = { at, done }] = samples;
    const seconds = (at - first.at) / 1_000;
    const rate = seconds < 1 ? undefined : (done - first.done) / seconds;
    const left = total - done;
    void output.status(
      left > 0 && left === waiting
        ? `Waiting for ${countOf(left, "message batch")}, ` +
          describeDuration(Math.floor((at - start) / 1_000) * 1_000)
        : describeProgress({ done, total, failed, rate, columns }),
    );
  };
  draw();
  const ticker = setInterval(draw, maxInterval);
  return {
    add({ outcome, id }) {
      if (outcome === "unattempted") return;
      done += 1;
      if (waited.has(id)) waiting -= 1;
      if (outcome === "failed") failed += 1;
      timer ??= setTimeout(draw, minInterval);
    },
    end() {
      clearTimeout(timer);
      clearInterval(ticker);
      return output.status(undefined);
    },
  };
}

const maxBar = 30;
const minBar = 10;

/**
 * One line: `[=========>          ] 45/100  12.3/s  5s left  1 failed`.
 *
 * @param state The rate is per second, or `undefined` if it is too early to say.
 */
export function describeProgress({ done, total, failed, rate, columns }: {
  readonly done: number;
  readonly total: number;
  readonly failed: number;
  readonly rate?: number | undefined;
  readonly columns: number;
}): string {
  const parts = [`${done}/${total}`];
  if (rate !== undefined) parts.push(`${rate < 100 ? rate.toFixed(1) : Math.round(rate)}/s`);
  if (rate) parts.push(`${describeDuration(Math.ceil((total - done) / rate) * 1_000)} left`);
  if (failed > 0) parts.push(`${failed} failed`);
  const text = parts.join("  ");
  const width = Math.min((columns || 80) - text.length - "[] ".length - 1, maxBar);
  if (width < minBar) return text;
  const filled = total === 0 ? width : Math.floor(done / total * width);
  const bar = filled < width ? `${"=".repeat(filled)}>` : "=".repeat(width);
  return `[${bar.padEnd(width)}] ${text}`;
}
