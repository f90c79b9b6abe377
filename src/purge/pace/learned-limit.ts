import { type Bucket, createBucket } from "./bucket.ts";
import type { Limit } from "./limit.ts";

/** A limit that is learned from refusals. */
export interface LearnedLimit extends Limit {
  /** A request was let through. */
  passed(): void;
  /**
   * A request was refused: the API's bucket is empty.
   *
   * @param again Whether that was known: it was sent before an earlier refusal came.
   */
  refused(again: boolean, now: number): void;
}

/** Fewer passed requests than these make no measure of their own: it goes on to the next refusal. */
const leastMeasured = 16;
/** The part of a measured rate that is used, since a measure may be a little too high. */
const caution = 0.98;
/** While the rate is only known to be below what was tried, that is doubled after so long. */
const searchTime = 3_000;
/** Later, the best rate is doubled once so many requests could have passed at it. */
const searchRequests = 1_000;

/**
 * Creates a limit of which nothing is known.
 *
 * What passes between two refusals is what the API's bucket was refilled with between them: at both
 * it was empty. So that over the time is its rate. What passed before the first refusal beyond that
 * rate is what a full bucket holds. What others leave of the bucket is all that is measured, so the
 * rate is tried upwards: the longer nothing is refused, the more (as CUBIC does for TCP).
 *
 * @see [RFC 9438](https://www.rfc-editor.org/rfc/rfc9438)
 */
export function createLearnedLimit(begun: number): LearnedLimit {
  let bucket: Bucket | undefined;
  let rate = 0; // requests a millisecond, as it was at the last refusal
  let bestRate = 0;
  let refusedAt = begun;
  let measuredFrom = begun;
  let passed = 0;
  let first = { passed: 0, duration: 0 }; // before the first refusal

  function grow(now: number): void {
    if (bucket === undefined) return;
    const time = bestRate > 0 ? searchRequests / bestRate : searchTime;
    bucket.perMs = rate + (bestRate || rate) * ((now - refusedAt) / time) ** 2;
  }

  function measure(now: number): void {
    const duration = now - measuredFrom;
    if (passed === 0 || duration <= 0) return;
    if (bucket === undefined) {
      // The first of all: a full bucket was emptied as well, so this is more than the rate.
      first = { passed, duration };
      rate = passed / duration;
    } else {
      rate = caution * passed / duration;
      if (passed < leastMeasured) return;
      bestRate = Math.max(bestRate, rate);
    }
    bucket ??= createBucket(1, now);
    bucket.capacity = Math.max(1, first.passed - rate * first.duration);
    passed = 0;
    measuredFrom = now;
  }

  return {
    wait(now) {
      grow(now);
      return bucket?.wait(now) ?? 0;
    },
    take(now) {
      grow(now);
      bucket?.take(now);
    },
    passed() {
      passed += 1;
    },
    refused(again, now) {
      if (!again) measure(now);
      refusedAt = now;
      grow(now);
      bucket?.fill(0, now);
    },
  };
}
