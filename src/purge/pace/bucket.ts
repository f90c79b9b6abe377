import type { Limit } from "./limit.ts";

/** A token bucket of one's own, in the image of the API's. */
export interface Bucket extends Limit {
  /** What it is refilled with, in requests a millisecond. */
  perMs: number;
  /** The requests that it holds when it is full. */
  capacity: number;
  /** The requests that it holds. Below zero: so many too many were sent. */
  level(now: number): number;
  /** Says how many requests it holds. */
  fill(level: number, now: number): void;
}

const roundingError = 1e-9; // of many small refills

/**
 * Creates a bucket that is empty.
 *
 * @param least How many requests it must hold to let one through.
 */
export function createBucket(least: number, now: number): Bucket {
  let held = 0;
  let heldAt = now;
  const bucket: Bucket = {
    perMs: 0,
    capacity: least,
    level(now) {
      held = Math.min(bucket.capacity, held + (now - heldAt) * bucket.perMs);
      heldAt = now;
      return held;
    },
    fill(level, now) {
      held = level;
      heldAt = now;
    },
    take: (now) => bucket.fill(bucket.level(now) - 1, now),
    wait(now) {
      const missing = least - bucket.level(now);
      return missing > roundingError ? missing / bucket.perMs : 0;
    },
  };
  return bucket;
}
