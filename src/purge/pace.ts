import { systemClock } from "../core/client.ts";
import type { Clock, Pace, Permit } from "../core/client.ts";
import { retryAfter } from "../core/retry.ts";
import { unlessAborted } from "../core/abort.ts";
import { createLearnedLimit } from "./pace/learned-limit.ts";
import { readLimitHeaders } from "./pace/limit-headers.ts";
import { createOwnTime } from "./pace/own-time.ts";
import { createQueue } from "./pace/queue.ts";
import { createRest } from "./pace/rest.ts";
import { createToldLimit, type SentRequest } from "./pace/told-limit.ts";

/** Options of {@link createPace}. */
export interface PaceOptions {
  /**
   * The most requests that are under way at a time.
   *
   * @default 32
   */
  readonly concurrency?: number | undefined;
  /**
   * The longest wait between two requests, in milliseconds, whatever the API says.
   *
   * @default 60_000
   */
  readonly longestWait?: number | undefined;
  /**
   * Its time, and its waits.
   *
   * @default the runtime's
   */
  readonly clock?: Clock | undefined;
}

/** With no limit in sight, so many requests are under way at first, and one more… */
const firstRoom = 6;
/** …after each so many that passed: what is refused when a limit is met is a part of what passed. */
const passedPerRoom = 12;
/** What is denied to one is denied to all: it is no reason to let more go. */
const denied: readonly number[] = [401, 402, 403];
/** So many refusals in a row are no matter of pace any more. */
const mostInARow = 10;

/**
 * Creates a pace, which goes as fast as the API allows: by its `anthropic-ratelimit-requests-*`
 * headers where they come, and by its refusals (429) with their `retry-after`. Clients that share it
 * keep to the limit together. `applyPurge` and `planPurge` make one of their own where the client has
 * none.
 *
 * The first request goes alone. Without a limit in sight there are more and more under way, up to the
 * bound. After a refusal all rest, then begin again with a few. The tenth refusal in a row, each after
 * a longer rest, is no matter of pace any more: it counts as any failure does.
 *
 * @param options How it behaves.
 * @returns The pace, for `pace` of a client.
 * @throws {RangeError} An option cannot be used.
 *
 * @example Delete many batches by oneself, no faster than the API allows
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
  const time = createOwnTime(clock);
  const told = createToldLimit();
  const learned = createLearnedLimit(time.now());
  const rest = createRest(longestWait);
  const queue = createQueue<Permit>(admit);
  let nap: AbortController | undefined;
  let changedAt = 0; // when a request was sent or answered
  let sent = 0;
  let answered = 0;
  let refusedBy = 0; // the last request that was sent before the last refusal came
  let everPassed = false;
  let passed = 0; // since the last refusal

  /** How many requests may be under way. */
  function room(): number {
    // What the API says of a limit it says only when it is asked: by one, after a refusal.
    if (!everPassed || rest.inARow >= (told.known ? 1 : 2)) return 1;
    return told.known ? concurrency : Math.min(concurrency, firstRoom + passed / passedPerRoom);
  }

  function wait(now: number): number {
    if (sent - answered + 1 > room()) return Infinity; // an answer will change that
    const due = Math.max(rest.wait(now), told.wait(now), learned.wait(now));
    return Math.ceil(Math.min(due, changedAt + longestWait - now)); // as timers are: less might be lost
  }

  /** Lets go who may go, in the order of their coming, and sleeps until the next may. */
  function admit(): void {
    nap?.abort();
    nap = undefined;
    while (queue.size > 0) {
      const now = time.now();
      const duration = wait(now);
      if (duration > 0) {
        if (duration < Infinity) sleep(duration, now);
        return;
      }
      queue.give(send());
    }
  }

  function sleep(duration: number, now: number): void {
    const own = nap = new AbortController();
    const slept = async () => await clock.sleep(duration, own.signal);
    // However it ends: a clock that fails must not stop everybody.
    unlessAborted(slept(), own.signal).catch(() => {}).then(() => {
      if (nap !== own) return;
      time.reach(now + duration);
      admit();
    });
  }

  function send(): Permit {
    const at = changedAt = time.now();
    const request = { number: sent += 1, at, answeredBefore: answered };
    told.take(at);
    learned.take(at);
    let open = true;
    return (answer = {}) => {
      if (!open) return false;
      open = false;
      return tell(request, answer);
    };
  }

  function tell(request: SentRequest, { status, headers }: NonNullable<Parameters<Permit>[0]>) {
    const now = changedAt = time.now();
    answered += 1;
    const limit = headers && readLimitHeaders(headers);
    if (limit) told.tell(limit, request, sent, now);
    const again = request.number <= refusedBy;
    if (status === 429) {
      learned.refused(again, now);
      if (!again) {
        rest.begin(headers && retryAfter(headers, clock.now()), now);
        refusedBy = sent;
        passed = 0;
      }
    } else if (status !== undefined) {
      everPassed ||= !denied.includes(status);
      learned.passed();
      if (!again) {
        rest.passed();
        passed += 1;
      }
    }
    admit();
    return status === 429 && rest.inARow < mostInARow;
  }

  return {
    async permit(signal) {
      signal?.throwIfAborted();
      if (queue.size === 0 && wait(time.now()) <= 0) return send();
      const turn = queue.join(signal);
      admit();
      return await turn;
    },
  };
}
