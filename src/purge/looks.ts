/**
 * How a batch is looked at again and again: how long the pauses are, and when it is believed that
 * there is none.
 */
export interface Looks {
  /** Notes that the last look found no such batch, and says whether that is believed by now. */
  missed(): boolean;
  /** Notes that it found the batch: what was not found before is forgotten. */
  found(): void;
  /** How long to wait before the next, in milliseconds. */
  pause(): number;
}

const believedMisses = 3; // live batches were seen to be answered 404 for a moment
const firstPause = 1_000;
const longestPause = 60_000; // as in the documentation's own example

/** Begins to look. */
export function createLooks(): Looks {
  let misses = 0;
  let next = firstPause;
  return {
    missed() {
      misses += 1;
      return misses >= believedMisses;
    },
    found() {
      misses = 0;
    },
    pause() {
      const pause = next;
      next = Math.min(pause * 1.5, longestPause);
      return pause;
    },
  };
}
