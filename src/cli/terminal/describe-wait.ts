/** What is waited for, and for how long by now, in milliseconds: `Waiting for 3 message batches, 2m 5s`. */
export function describeWait(left: number, duration: number): string {
  const what = left === 1 ? "1 message batch" : `${left} message batches`;
  const seconds = Math.floor(duration / 1_000);
  const time = seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m ${seconds % 60}s`;
  return `Waiting for ${what}, ${time}`;
}
