/** How far a run is. */
export interface ProgressState {
  readonly done: number;
  readonly total: number;
  readonly failed: number;
  /** Per second; undefined: it is too early to say. */
  readonly rate?: number | undefined;
  /** Width of the terminal; 0 and undefined: it is not known. */
  readonly columns?: number | undefined;
}

const longestBar = 30;
const shortestBar = 10;

/**
 * How far a run is, on one line:
 * `[=========>          ] 45/100  12.3/s  5s left  1 failed`.
 */
export function describeProgress(state: ProgressState): string {
  const { done, total, failed, rate } = state;
  const parts = [`${done}/${total}`];
  if (rate !== undefined) parts.push(`${rate < 100 ? rate.toFixed(1) : Math.round(rate)}/s`);
  if (rate) parts.push(`${describeTime((total - done) / rate)} left`);
  if (failed > 0) parts.push(`${failed} failed`);
  const text = parts.join("  ");
  const room = (state.columns || 80) - text.length - "[] ".length - 1;
  const width = Math.min(room, longestBar);
  if (width < shortestBar) return text;
  const filled = total === 0 ? width : Math.floor(done / total * width);
  const bar = filled < width ? `${"=".repeat(filled)}>` : "=".repeat(width);
  return `[${bar.padEnd(width)}] ${text}`;
}

/** Seconds as people say them: `45s`, `3m 20s`, `2h 5m`. */
function describeTime(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)}m ${whole % 60}s`;
  return `${Math.floor(whole / 3_600)}h ${Math.floor(whole % 3_600 / 60)}m`;
}
