/** Work that is under way, taken as it ends. */
export interface UnderWay<Result> {
  /** How much of it was not taken. */
  readonly size: number;
  /** Adds work. It must not reject. */
  add(work: Promise<Result>): void;
  /** Waits for the next that ends, and takes it. There must be one. */
  next(): Promise<Result>;
}

/** Nothing is under way. The cost of taking does not depend on how much is. */
export function createUnderWay<Result>(): UnderWay<Result> {
  const ended: Promise<Result>[] = [];
  let size = 0;
  let wake = () => {};
  return {
    get size() {
      return size;
    },
    add(work) {
      size += 1;
      work.then(() => {
        ended.push(work);
        wake();
      });
    },
    async next() {
      for (;;) {
        const work = ended.shift();
        if (work !== undefined) {
          size -= 1;
          return await work;
        }
        await new Promise<void>((resolve) => wake = resolve);
      }
    },
  };
}
