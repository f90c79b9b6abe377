import { checkOptions, type Checks, isNumber } from "../core/check.ts";
import {
  type Clock,
  isClock,
  maxTimer,
  type Pace,
  type Permit,
  systemClock,
} from "../core/client.ts";
import { headerText, retryAfter } from "../core/retry.ts";

/** Options of {@link createPace}. */
export interface PaceOptions {
  /** The most requests in flight at a time. @default 32 */
  readonly concurrency?: number | undefined;
  /** The longest wait between two requests, in ms, whatever the API asks for. @default 60_000 */
  readonly longestWait?: number | undefined;
  /** Tells the time, and waits. @default the runtime's */
  readonly clock?: Clock | undefined;
}

const initialConcurrency = 6; // as long as no headers come
const passesPerStep = 12; // one more is then in flight after each 12 passes
const deniedStatuses: readonly number[] = [401, 402, 403]; // every request would get these
const initialBackoff = 500; // milliseconds; doubles with each 429 in a row
const maxRefusalsInARow = 10;
const safetyFactor = 0.98; // answers come late, so a measured rate may be slightly too high
const maxDecrease = 0.2; // a 429 lowers the rate to this part at most
const growthTime = 15_000; // milliseconds without a 429 until the rate has doubled

const paceChecks: Checks<PaceOptions> = {
  concurrency: isNumber(1, Number.MAX_SAFE_INTEGER, { whole: true }),
  longestWait: isNumber(0, maxTimer),
  clock: isClock,
};

/**
 * Creates a rate limiter for clients that share it. They send as fast as the API allows: by its
 * `anthropic-ratelimit-requests-*` headers where they come, and by its 429s with their `retry-after`.
 * `applyPurge` and `planPurge` create one if the client has none.
 * The first request goes alone. Without headers, more and more follow at a time. After a 429 all
 * requests wait, then one goes alone. The tenth 429 in a row counts as any failure does.
 *
 * @returns The rate limiter, for `pace` of a client.
 * @throws {TypeError | RangeError} An option cannot be used.
 *
 * @example Delete many batches in parallel, no faster than the API allows
 * ```ts
 * import { deleteMessageBatch } from "batchsweep";
 * import { createPace } from "batchsweep/purge";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * const ids = [1, 2, 3].map(() => sandbox.seed().id);
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch, pace: createPace() };
 *
 * await Promise.all(ids.map((id) => deleteMessageBatch(client, id)));
 * ```
 * @see [Rate limits](https://platform.claude.com/docs/en/api/rate-limits)
 */
export function createPace(options: PaceOptions = {}): Pace {
  const checked = checkOptions(options, paceChecks);
  const { concurrency = 32, longestWait = 60_000, clock = systemClock } = checked;
  const elapsed = createMonotonicClock(clock);
  const headerLimit = createHeaderLimit();
  const observedLimit = createObservedLimit();
  const queue = new Set<(permit: Permit) => void>();
  let timer: AbortController | undefined;
  let changedAt = 0; // when a request was last sent or answered
  let inFlight = 0;
  let anyPassed = false;
  let refusals = 0;
  let refusalsInARow = 0;
  let backoffUntil = 0;

  function delay(now: number): number {
    const isProbing = !anyPassed || refusalsInARow > 0;
    const steps = headerLimit.isKnown() ? Infinity : observedLimit.passed / passesPerStep;
    const maxInFlight = isProbing ? 1 : Math.min(concurrency, initialConcurrency + steps);
    if (inFlight + 1 > maxInFlight) return Infinity;
    const limits = Math.max(backoffUntil - now, headerLimit.delay(now), observedLimit.delay(now));
    return Math.ceil(Math.min(limits, changedAt + longestWait - now)); // timers drop fractions
  }

  /** Gives permits in the order of the queue, and sleeps when the next has to wait. */
  function givePermits(): void {
    timer?.abort();
    for (const give of queue) {
      const now = elapsed();
      const duration = delay(now);
      if (duration > 0) return sleep(duration, now);
      queue.delete(give);
      give(createPermit(now));
    }
  }

  function sleep(duration: number, now: number): void {
    if (duration === Infinity) return; // the next answer wakes the queue
    const { signal } = timer = new AbortController();
    const wake = () => {
      if (signal.aborted) return;
      elapsed(now + duration);
      givePermits();
    };
    // A clock that fails does not stop the queue.
    (async () => await clock.sleep(duration, signal))().then(wake, wake);
  }

  function createPermit(sentAt: number): Permit {
    const readHeaders = headerLimit.take(sentAt, inFlight);
    observedLimit.take(sentAt, sentAt - changedAt);
    changedAt = sentAt;
    inFlight += 1;
    const refusalsBefore = refusals;
    let isOpen = true;
    return ({ status, headers } = {}) => {
      if (!isOpen) return false;
      isOpen = false;
      inFlight -= 1;
      const now = changedAt = elapsed();
      if (headers) readHeaders(headers, now);
      const isLate = refusals > refusalsBefore; // sent before the last 429 came
      if (status === 429 && !isLate) {
        const asked = headers && retryAfter(headers, clock.now());
        const backoff = Math.max(asked ?? 0, initialBackoff * 2 ** refusalsInARow);
        backoffUntil = now + Math.min(backoff, longestWait);
        observedLimit.lower(now);
        refusals += 1;
        refusalsInARow += 1;
      } else if (status !== 429 && status !== undefined) {
        observedLimit.passed += 1;
        anyPassed ||= !deniedStatuses.includes(status);
        if (!isLate) refusalsInARow = 0;
      }
      givePermits();
      return status === 429 && refusalsInARow < maxRefusalsInARow;
    };
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

/** A token bucket like the API's. A request takes a token; at first there are always enough. */
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
    delay(now: number): number {
      const missing = 1 - bucket.refill(now);
      return missing > 0 ? missing / ratePerMs(now) : 0;
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
  function take(sentAt: number, inFlight: number) {
    bucket.tokens -= 1;
    const number = sent += 1;
    return (headers: Headers, now: number): void => {
      const [limit, remaining] = ["limit", "remaining"].map((name) => {
        const text = headerText(headers, `anthropic-ratelimit-requests-${name}`) ?? "";
        return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
      });
      if (!limit || remaining === undefined || number < newest) return;
      const expected = bucket.refill(now);
      rate = limit / 60_000;
      // Tokens come while the answer and the next request travel. One is kept in reserve.
      const tokens = remaining - 1 + (now - sentAt) * rate;
      // The API has not counted later requests. It may not have counted all of those in flight then.
      const most = tokens - (sent - number);
      bucket.tokens = Math.max(most - inFlight, Math.min(expected, most));
      bucket.capacity = Math.max(remaining, newest === 0 ? 1 : bucket.capacity);
      newest = number;
    };
  }
  return { take, delay: bucket.delay, isKnown: () => newest > 0 };
}

/**
 * The limit that 429s show. Each comes from an empty bucket, so what passed between two is what the
 * API added, or less if its bucket was full for a while. What passed before the first 429, beyond that
 * rate, is what a full bucket holds.
 */
function createObservedLimit() {
  let rate = 0; // at the last 429
  let bestRate = 0;
  let measuredFrom = 0; // the last 429, or when the first requests were sent
  let first: { readonly passed: number; readonly duration: number } | undefined;
  const grownRate = (now: number) =>
    rate + Math.max(rate, bestRate) * ((now - measuredFrom) / growthTime) ** 2;
  const bucket = createBucket(grownRate);
  const limit = {
    passed: 0, // since then
    delay: bucket.delay,
    take(now: number, pause: number): void {
      bucket.tokens -= 1;
      if (first || pause < growthTime) return;
      measuredFrom = now;
      limit.passed = 0;
    },
    lower(now: number): void {
      const duration = now - measuredFrom;
      if (limit.passed > 0 && duration > 0) {
        const measured = safetyFactor * limit.passed / duration;
        rate = first ? Math.max(measured, maxDecrease * grownRate(now)) : measured;
        if (first) bestRate = Math.max(bestRate, measured);
        first ??= { passed: limit.passed, duration };
        bucket.tokens = 0;
        bucket.capacity = Math.max(1, first.passed - rate * first.duration);
      }
      measuredFrom = now;
      limit.passed = 0;
    },
  };
  return limit;
}
