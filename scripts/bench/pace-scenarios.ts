import type { RateLimit } from "../../src/sandbox/mod.ts";

/** A limit of the API, and a purge under it. */
export interface PaceScenario {
  readonly title: string;
  readonly limit: RateLimit;
  /** How long each answer takes, in milliseconds. */
  readonly latency: number;
  readonly deletions: number;
}

const fiftyASecond = { perMinute: 3_000, burst: 50 };
const thousandAMinute = { perMinute: 1_000 };

/** Each has more deletions than the bucket holds, so that the limit decides how long it takes. */
export const paceScenarios: readonly PaceScenario[] = [
  { title: "50/s, bucket of 50", limit: fiftyASecond, latency: 0, deletions: 600 },
  {
    title: "1,000/min, bucket of 50",
    limit: { ...thousandAMinute, burst: 50 },
    latency: 300,
    deletions: 400,
  },
  {
    title: "1,000/min, bucket of 1,000",
    limit: thousandAMinute,
    latency: 300,
    deletions: 1_400,
  },
];

/** One that is over in a moment. */
export const quickPaceScenarios: readonly PaceScenario[] = [
  {
    title: "50/s, bucket of 50",
    limit: fiftyASecond,
    latency: 0,
    deletions: 100,
  },
];

/**
 * The least time that any client can take, in milliseconds: until the bucket was refilled with what
 * it does not hold at the beginning, and until the last answer comes. Nobody's own bound on what is
 * under way is in it.
 */
export function leastTime({ limit, latency, deletions }: PaceScenario): number {
  const { perMinute, burst = perMinute } = limit;
  return Math.max(0, deletions - burst) / perMinute * 60_000 + latency;
}
