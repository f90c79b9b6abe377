/** A rest that everybody takes after a refusal. */
export interface Rest {
  /** How many refusals there were in a row, one a rest, without a request that passed between. */
  readonly inARow: number;
  /** How long it still lasts, in milliseconds. */
  wait(now: number): number;
  /**
   * Begins it.
   *
   * @param asked How long the API asks to wait, in milliseconds, if it does.
   */
  begin(asked: number | undefined, now: number): void;
  /** A request that was sent after it has passed. */
  passed(): void;
}

const shortest = 500;

/** Creates a rest that has not begun. It doubles from one to the next, as long as nothing passes. */
export function createRest(longest: number): Rest {
  let until = -Infinity;
  let inARow = 0;
  return {
    get inARow() {
      return inARow;
    },
    wait: (now) => Math.max(0, until - now),
    begin(asked = 0, now) {
      inARow += 1;
      until = now + Math.min(Math.max(asked, shortest * 2 ** (inARow - 1)), longest);
    },
    passed() {
      inARow = 0;
    },
  };
}
