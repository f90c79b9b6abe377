import { type Bucket, createBucket } from "./bucket.ts";
import type { Limit } from "./limit.ts";
import type { LimitHeaders } from "./limit-headers.ts";

/** A request that was sent under a pace. */
export interface SentRequest {
  /** Which of all requests it is, from 1. */
  readonly number: number;
  /** When it was sent. */
  readonly at: number;
  /** How many of those before it were answered by then. */
  readonly answeredBefore: number;
}

/** A limit by what the API says of it. */
export interface ToldLimit extends Limit {
  /** Whether the API has said anything. */
  readonly known: boolean;
  /**
   * Takes in what an answer says.
   *
   * @param request The request that it answers.
   * @param sent How many were sent by now.
   */
  tell(headers: LimitHeaders, request: SentRequest, sent: number, now: number): void;
}

/** Left in the bucket, so that two requests that overtake each other do not find it empty. */
const spare = 1;

/**
 * Creates a limit of which nothing is known.
 *
 * Its own count is believed as long as no answer contradicts it. An answer is old when it comes, and
 * answers overtake each other: what it says is taken between the most and the least that it can mean.
 */
export function createToldLimit(): ToldLimit {
  let bucket: Bucket | undefined;
  let newest = 0;
  let shortestTrip = Infinity;
  return {
    get known() {
      return bucket !== undefined;
    },
    wait: (now) => bucket?.wait(now) ?? 0,
    take: (now) => bucket?.take(now),
    tell({ limit, remaining }, { number, at, answeredBefore }, sent, now) {
      if (number < newest) return;
      newest = number;
      shortestTrip = Math.min(shortestTrip, now - at);
      const perMs = limit / 60_000;
      // It was counted on its way, and what is sent now will be after as long a way: refilled since.
      const counted = remaining + shortestTrip * perMs;
      const most = counted - (sent - number); // all before it were counted, those after it were not
      const least = counted - (sent - 1 - answeredBefore); // only those answered before it were
      const held = bucket?.level(now) ?? most;
      bucket ??= createBucket(1 + spare, now);
      bucket.perMs = perMs;
      bucket.capacity = Math.max(bucket.capacity, remaining + 1 + spare);
      bucket.fill(Math.max(least, Math.min(held, most)), now);
    },
  };
}
