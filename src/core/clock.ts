import type { Clock } from "./ports.ts";

/** The clock that is used where a {@link Client} has none of its own: the runtime's. */
export const systemClock: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  sleep: (duration, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const stop = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", stop);
        resolve();
      }, duration);
      signal?.addEventListener("abort", stop, { once: true });
    }),
};
