/** Those who wait for something, in the order of their coming. */
export interface Queue<Thing> {
  readonly size: number;
  /**
   * Waits for one.
   *
   * @throws `signal.reason` as soon as the signal is aborted.
   */
  join(signal: AbortSignal | undefined): Promise<Thing>;
  /** Gives one to the first. There must be somebody. */
  give(thing: Thing): void;
}

interface Waiting<Thing> {
  readonly signal: AbortSignal | undefined;
  readonly resolve: (thing: Thing) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Creates an empty queue.
 *
 * It listens to a signal once, however many wait by it: listeners that come and go on a signal that
 * lives long hold each other in memory.
 *
 * @param onLeft Is told when somebody has left before his turn.
 */
export function createQueue<Thing>(onLeft: () => void): Queue<Thing> {
  const queue = new Set<Waiting<Thing>>();
  const heeded = new Map<AbortSignal, number>(); // how many wait by it

  const onAbort = ({ target }: Event): void => {
    for (const one of queue) {
      if (one.signal !== target) continue;
      remove(one);
      one.reject(one.signal?.reason);
    }
    onLeft();
  };
  function add(one: Waiting<Thing>): void {
    const { signal } = one;
    queue.add(one);
    if (signal === undefined) return;
    const others = heeded.get(signal) ?? 0;
    heeded.set(signal, others + 1);
    if (others === 0) signal.addEventListener("abort", onAbort);
  }
  function remove(one: Waiting<Thing>): void {
    const { signal } = one;
    queue.delete(one);
    if (signal === undefined) return;
    const others = (heeded.get(signal) ?? 1) - 1;
    heeded.set(signal, others);
    if (others > 0) return;
    heeded.delete(signal);
    signal.removeEventListener("abort", onAbort);
  }

  return {
    get size() {
      return queue.size;
    },
    join: (signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) reject(signal.reason);
        else add({ signal, resolve, reject });
      }),
    give(thing) {
      const [first] = queue;
      if (first === undefined) return;
      remove(first);
      first.resolve(thing);
    },
  };
}
