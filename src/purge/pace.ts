import { systemClock } from "../core/clock.ts";
import type { Clock, Pace, Permit } from "../core/ports.ts";
import { retryAfter } from "../core/retry.ts";

/** Options of {@link createPace}. */
export interface PaceOptions {
  /** The most requests in flight at a time. @default 32 */
  readonly concurrency?: number | undefined;
  /** The longest wait between two requests, in ms, whatever the API asks for. @default 60_000 */
  readonly longestWait?: number | undefined;
  /** Tells the time, and waits. @default the runtime's */
  readonly clock?: Clock | undefined;
}

const initialConcurrency = 6; // while no headers came; and one more…
const passesPerStep = 12; // …each time so many requests passed
const deniedStatuses: readonly number[] = [401, 402, 403]; // every request would get these
const initialBackoff = 500; // milliseconds after a 429; doubles with each 429 in a row
const maxRefusalsInARow = 10;
const safetyFactor = 0.98; // answers come late, so an observed rate may be slightly too high
const maxDecrease = 0.25; // a 429 lowers the rate to this part at most
const growthTime = 15_000; // milliseconds without a 429 that add the best rate to the rate

/**
 * Creates a rate limiter, which sends as fast as the API allows: by its
 * `anthropic-ratelimit-requests-*` headers where they come, and by its 429s with their `retry-after`.
 * Clients that share it keep to the limit together. `applyPurge` and `planPurge` create their own if
 * the client has none.
 *
 * The first request goes alone. Without headers, more and more follow at a time. After a 429 all
 * requests wait, then one goes alone. The tenth 429 in a row counts as any failure does.
 *
 * @param options How it behaves.
 * @returns The rate limiter, for `pace` of a client.
 * @throws {RangeError} An option has an invalid value.
 *
 * @example Delete many batches in parallel, no faster than the API allows
 * ```ts
 * import { createPace, deleteMessageBatch } from "batchsweep";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * const ids = [1, 2, 3].map(() => sandbox.seed().id);
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch, pace: createPace() };
 *
 * const deletions = await Promise.all(ids.map((id) => deleteMessageBatch(client, id)));
 * console.log(deletions.length); // 3
 * ```
 * @see [Rate limits](https://platform.claude.com/docs/en/api/rate-limits)
 */
export function createPace(
  { concurrency = 32, longestWait = 60_000, clock = systemClock }: PaceOptions = {},
): Pace {
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new RangeError("Cannot use concurrency: it is not a whole number above 0");
  }
  if (!(longestWait >= 0 && longestWait < Infinity)) {
    throw new RangeError("Cannot use longestWait: it is not a number of milliseconds");
  }
  const elapsed = createMonotonicClock(clock);
  const headerLimit = createHeaderLimit();
  const observedLimit = createObservedLimit();
  const queue = new Set<(permit: Permit) => void>();
  let timer: AbortController | undefined;
  let changedAt = 0; // when a request was last sent or answered
  let inFlight = 0;
  let anyPassed = false;
  let passed = 0; // since the last 429
  let refusals = 0;
  let refusalsInARow = 0;
  let backoffUntil = 0;

  function maxInFlight(): number {
    if (!anyPassed || refusalsInARow > 0) return 1;
    if (headerLimit.isKnown()) return concurrency;
    return Math.min(concurrency, initialConcurrency + passed / passesPerStep);
  }

  function delay(now: number): number {
    if (inFlight + 1 > maxInFlight()) return Infinity; // until an answer comes
    const limits = Math.max(backoffUntil - now, headerLimit.delay(now), observedLimit.delay(now));
    return Math.ceil(Math.min(limits, changedAt + longestWait - now));
  }

  /** Gives permits in the order of the queue, and sleeps until the next request may go. */
  function givePermits(): void {
    timer?.abort();
    for (const give of queue) {
      const now = elapsed();
      const duration = delay(now);
      if (duration > 0) {
        if (duration < Infinity) sleep(duration, now);
        return;
      }
      queue.delete(give);
      give(createPermit(now));
    }
  }

  function sleep(duration: number, now: number): void {
    const { signal } = timer = new AbortController();
    const wake = () => {
      if (signal.aborted) return;
      elapsed(now + duration);
      givePermits();
    };
    const slept = async () => await clock.sleep(duration, signal);
    slept().then(wake, wake); // a clock that fails must not stop the queue
  }

  function createPermit(sentAt: number): Permit {
    changedAt = sentAt;
    inFlight += 1;
    const refusalsBefore = refusals;
    const readHeaders = headerLimit.take(sentAt);
    observedLimit.take(sentAt);
    let isOpen = true;
    return ({ status, headers } = {}) => {
      if (!isOpen) return false;
      isOpen = false;
      inFlight -= 1;
      const now = changedAt = elapsed();
      if (headers) readHeaders(headers, now, inFlight);
      const isLate = refusals > refusalsBefore; // sent before the last 429 came
      if (status === 429) {
        if (!isLate) backOff(headers, now);
      } else if (status !== undefined) {
        passed += 1;
        anyPassed ||= !deniedStatuses.includes(status);
        if (!isLate) refusalsInARow = 0;
      }
      givePermits();
      return status === 429 && refusalsInARow < maxRefusalsInARow;
    };
  }

  function backOff(headers: Headers | undefined, now: number): void {
    const asked = headers && retryAfter(headers, clock.now());
    const backoff = Math.max(asked ?? 0, initialBackoff * 2 ** refusalsInARow);
    backoffUntil = now + Math.min(backoff, longestWait);
    observedLimit.lower(passed, now);
    passed = 0;
    refusals += 1;
    refusalsInARow += 1;
  }

  return {
    async permit(signal) {
      signal?.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<Permit>();
      const leave = () => {
        queue.delete(resolve);
        reject(signal?.reason);
        givePermits();
      };
      signal?.addEventListener("abort", leave);
      queue.add(resolve);
      givePermits();
      return await promise.finally(() => signal?.removeEventListener("abort", leave));
    },
  };
}

/** Milliseconds since the start, which never go back, whatever the clock does. */
function createMonotonicClock(clock: Clock): (atLeast?: number) => number {
  let time = 0;
  let last = clock.now();
  return (atLeast = 0) => {
    const current = clock.now();
    if (current > last) time += current - last;
    last = current;
    return time = Math.max(time, atLeast);
  };
}

/**
 * A token bucket like the API's: a request takes a token, and time adds tokens up to the capacity.
 * At first there are always enough.
 */
function createBucket(ratePerMs: (now: number) => number) {
  let refilledAt = 0;
  const bucket = {
    tokens: Infinity,
    capacity: Infinity,
    refill(now: number): number {
      const added = (now - refilledAt) * ratePerMs(now);
      refilledAt = now;
      return bucket.tokens = Math.min(bucket.capacity, bucket.tokens + added);
    },
    take(now: number): void {
      bucket.tokens = bucket.refill(now) - 1;
    },
    delay(now: number): number {
      const missing = 1 - bucket.refill(now);
      return missing > 1e-9 ? missing / ratePerMs(now) : 0; // sums of fractions are not exact
    },
  };
  return bucket;
}

/** The limit that the headers tell. */
function createHeaderLimit() {
  let rate = 0;
  let sent = 0;
  let newest = 0; // the last request whose answer told the limit
  const bucket = createBucket(() => rate);

  /** Takes a token for a request. The result reads the request's answer. */
  function take(sentAt: number) {
    bucket.take(sentAt);
    const number = sent += 1;
    return (headers: Headers, now: number, inFlight: number): void => {
      const [limit, remaining] = ["limit", "remaining"].map((name) => {
        const text = headers.get(`anthropic-ratelimit-requests-${name}`) ?? "";
        return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
      });
      if (!limit || remaining === undefined || number < newest) return;
      const expected = bucket.refill(now);
      rate = limit / 60_000;
      // Tokens come while the answer and the next request are on their way. One is kept in reserve.
      const tokens = remaining - 1 + (now - sentAt) * rate;
      // The API has not counted those that were sent later. Of those that were sent earlier and are
      // in flight, it may have counted any.
      const most = tokens - (sent - number);
      const least = most - inFlight;
      bucket.tokens = Math.max(least, Math.min(expected, most));
      bucket.capacity = Math.max(remaining, newest === 0 ? 1 : bucket.capacity);
      newest = number;
    };
  }
  return { take, delay: bucket.delay, isKnown: () => newest > 0 };
}

/**
 * The limit that 429s show. Each comes from an empty bucket. So what passed between two of them is
 * what the API added, or less if its bucket was full for a while. What passed before the first one,
 * beyond that rate, is what a full bucket holds.
 */
function createObservedLimit() {
  let rate = 0; // at the last 429
  let bestRate = 0;
  let refusedAt = 0;
  let first: { readonly passed: number; readonly duration: number } | undefined;
  const grownRate = (now: number) =>
    rate + Math.max(rate, bestRate) * ((now - refusedAt) / growthTime) ** 2;
  const bucket = createBucket(grownRate);

  function lower(passed: number, now: number): void {
    const duration = now - refusedAt;
    if (passed > 0 && duration > 0) {
      bucket.refill(now);
      const measured = safetyFactor * passed / duration;
      rate = first ? Math.max(measured, maxDecrease * grownRate(now)) : measured;
      if (first) bestRate = Math.max(bestRate, measured);
      first ??= { passed, duration };
      bucket.tokens = 0;
      bucket.capacity = Math.max(1, first.passed - rate * first.duration);
    }
    refusedAt = now;
  }
  return { take: bucket.take, delay: bucket.delay, lower };
}
