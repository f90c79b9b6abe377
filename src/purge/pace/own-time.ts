import type { Clock } from "../../core/client.ts";

/** A time that never goes back, whatever the clock does. */
export interface OwnTime {
  /** Milliseconds since it was created. */
  now(): number;
  /** It is so late at least: a wait has ended, though the clock may stand still. */
  reach(time: number): void;
}

/** Creates a time that goes on as a clock does. */
export function createOwnTime(clock: Clock): OwnTime {
  let time = 0;
  let seen = clock.now();
  const now = (): number => {
    const read = clock.now();
    if (read > seen) time += read - seen;
    seen = read;
    return time;
  };
  return {
    now,
    reach(late) {
      time = Math.max(now(), late);
    },
  };
}
