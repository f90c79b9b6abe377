import { timestamp } from "./timestamp.ts";

/** A limit of requests a minute. */
export interface RateLimit {
  /** Requests a minute: what the bucket is refilled with, continuously. */
  readonly perMinute: number;
  /** Requests that a full bucket holds. `perMinute` by default. */
  readonly burst?: number | undefined;
  /** Whether every answer carries `anthropic-ratelimit-requests-*`. `false` by default. */
  readonly headers?: boolean | undefined;
}

/** What became of one request. */
export interface BucketDecision {
  readonly allowed: boolean;
  /** Headers for the answer: the limit's where they are wanted, and a refusal's `retry-after`. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The token bucket of a rate limit. A refused request takes nothing from it.
 *
 * @param limit The limit.
 * @returns A function that takes one request from the bucket at a time (ms since the epoch).
 */
export function createTokenBucket(limit: RateLimit): (now: number) => BucketDecision {
  const capacity = limit.burst ?? limit.perMinute;
  const perMs = limit.perMinute / 60_000;
  let tokens = capacity;
  let filledAt: number | undefined;
  return (now) => {
    tokens = Math.min(capacity, tokens + Math.max(0, now - (filledAt ?? now)) * perMs);
    filledAt = now;
    const allowed = tokens >= 1 - 1e-9; // a refill in small steps may round below
    if (allowed) tokens = Math.max(0, tokens - 1);
    const headers: Record<string, string> = {};
    if (limit.headers) {
      headers["anthropic-ratelimit-requests-limit"] = String(limit.perMinute);
      headers["anthropic-ratelimit-requests-remaining"] = String(Math.floor(tokens + 1e-9));
      headers["anthropic-ratelimit-requests-reset"] = timestamp(now + (capacity - tokens) / perMs);
    }
    if (!allowed) {
      headers["retry-after"] = String(Math.max(1, Math.ceil((1 - tokens) / perMs / 1000)));
    }
    return { allowed, headers };
  };
}
