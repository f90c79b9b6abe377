import { systemClock } from "../core/client.ts";
import { parseTimestamp } from "../purge/time.ts";
import {
  readStatus,
  type RetentionStatus,
  type StateStore,
  writeStatus,
} from "./retention-status.ts";
import { checkOptions, clientOf } from "./configuration.ts";
import type { ServiceOptions } from "./options.ts";
import { Problem } from "./problem.ts";
import { report } from "./report.ts";

/** How the retention runs go, fit for anyone's eyes: no ids, no messages. */
export interface RetentionHealth {
  readonly state: "waiting" | "good" | "failed" | "overdue";
  readonly startedAt?: string | undefined;
  readonly endedAt?: string | undefined;
  /** Whether the last run left work to the next. */
  readonly hasMore?: boolean | undefined;
  /** Why the last run failed. */
  readonly code?: string | undefined;
}

/**
 * `GET /healthz`: whether the configuration can be used, and how the retention runs go.
 *
 * @throws {Problem} 500: the configuration cannot be used. 503: that of retention cannot; the last run
 *   failed; none was good for too long; or that cannot be known.
 */
export async function answerHealth(options: ServiceOptions): Promise<Response> {
  const settings = checkOptions(options);
  if (settings === undefined) return Response.json({ status: "ok" });
  const { clock = systemClock } = clientOf(options);
  let status: RetentionStatus;
  try {
    status = await statusOf(settings.store, clock.now());
  } catch (error) {
    report(options, error);
    throw new Problem(503, "Cannot tell how the retention runs go: the state cannot be read");
  }
  const health = judge(status, clock.now(), settings.overdueAfter);
  const why = {
    waiting: undefined,
    good: undefined,
    failed: "the last retention run failed",
    overdue: "a retention run is overdue",
  }[health.state];
  if (why !== undefined) throw new Problem(503, `Not healthy: ${why}`, { retention: health });
  return Response.json({ status: "ok", retention: health });
}

/** The first look begins the wait for a run. */
async function statusOf(store: StateStore, now: number): Promise<RetentionStatus> {
  const { status, version } = await readStatus(store);
  if (status !== undefined) return status;
  const first: RetentionStatus = { version: 1, since: new Date(now).toISOString() };
  await writeStatus(store, first, version);
  return first;
}

/** How far ahead the clock of a run may be. What is farther in the future says nothing. */
const tolerance = 300_000;

/** Says how the runs go. It asks nobody. */
export function judge(
  { since, last, lastGoodAt }: RetentionStatus,
  now: number,
  overdueAfter: number,
): RetentionHealth {
  const { startedAt, endedAt, hasMore, error } = last ?? {};
  const of = (state: RetentionHealth["state"]): RetentionHealth => ({
    state,
    ...(startedAt === undefined ? {} : { startedAt, endedAt, hasMore }),
    ...(error === undefined ? {} : { code: error.code }),
  });
  const time = (text: string) => parseTimestamp(text) ?? -Infinity;
  if (error !== undefined) return of("failed");
  const past = (text: string) => time(text) <= now + tolerance ? time(text) : -Infinity;
  if (now - Math.max(past(lastGoodAt ?? since), past(since)) > overdueAfter) return of("overdue");
  return of(last === undefined ? "waiting" : "good");
}
