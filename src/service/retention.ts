/**
 * Retention runs on a schedule, and `GET /healthz`, which tells how they go.
 *
 * @module
 */
import type { Config, RetentionLimits } from "../config/mod.ts";
import { openAfterMs } from "../core/audit.ts";
import { cannotUse } from "../core/check.ts";
import { systemClock } from "../core/client.ts";
import { parseTimestamp } from "../purge/time.ts";
import { type RetentionPolicy, type RetentionRun, runRetention } from "../retention/mod.ts";
import { type NotableRuns, StorageError, type StoredRun } from "../storage/mod.ts";
import { type Context, recordingClient } from "./deletion.ts";
import { Problem } from "./problem.ts";

/** How long a run on a platform with a limit may last. Without an end by then, it was killed. */
const maxRunDuration = 3_600_000;

/** How far ahead the clock of a run may be. A time farther in the future says nothing. */
const clockTolerance = 300_000;

/** How retention runs behave: what the environment says, with the defaults of the service. */
interface Retention extends RetentionLimits {
  readonly policy: RetentionPolicy;
  readonly requests: number;
  readonly costOfDeletion: number;
}

/** The retention policy and its limits; `undefined` if there is no policy. */
function retentionOf({ config, ...defaults }: Defaults): Retention | undefined {
  const policy = config.policy();
  if (policy === undefined) return undefined;
  const { requests = defaults.requests, ...limits } = config.retention();
  const { costOfDeletion } = defaults;
  if (requests < costOfDeletion) {
    throw cannotUse("RETENTION_REQUESTS", `it is not a whole number of ${costOfDeletion} or more`);
  }
  return { ...limits, policy, requests, costOfDeletion };
}

type Defaults = Pick<Context, "config" | "requests" | "costOfDeletion">;

/**
 * Checks all of the configuration. It makes no request and needs no database.
 *
 * @throws {ArgumentError} A variable is invalid.
 */
export function checkConfig(defaults: Defaults): void {
  checkAccess(defaults.config);
  retentionOf(defaults);
}

/** One way in is enough, and so is a policy, which needs none. */
function checkAccess(config: Config): void {
  const hasPurpose = config.has("GATEWAY_TOKENS") || config.has("RETENTION_POLICY");
  if (config.has("GATEWAY_TOKENS")) config.gatewayTokens();
  if (!hasPurpose || config.has("WEBHOOK_SECRETS")) config.webhookSecrets();
  config.client();
}

/**
 * Runs the retention policy once, and stores what became of it. Without a policy, it settles open
 * intents only. It never rejects, since a runtime might end the process or try again at once:
 * `/healthz` and `onError` tell.
 */
export async function runSchedule(context: Context): Promise<void> {
  const { storage, running } = context;
  const id = crypto.randomUUID();
  running.add(id);
  try {
    const retention = retentionOf(context);
    if (retention === undefined) return await settleOpenIntents(context);
    const { policy, requests, costOfDeletion, maxShare } = retention;
    const client = recordingClient(context, "retention");
    const now = (client.clock ?? systemClock).now();
    const begun: StoredRun = { id, startedAt: new Date(now).toISOString() };
    await storage?.addRun(begun);
    const [holds, openIntents] = await Promise.all([
      storage?.holds() ?? [],
      storage?.openIntents(now - openAfterMs) ?? [],
    ]);
    const limits = { requests, costOfDeletion, maxShare, holds, openIntents };
    const run = await runRetention(client, policy, limits);
    context.report(run.error);
    await storage?.addRun({ ...begun, run });
  } catch (error) {
    context.report(error);
  } finally {
    running.delete(id);
  }
}

/** A policy that deletes nothing. */
const keepAll: RetentionPolicy = {
  version: 1,
  rules: [{ type: "keep_last", count: Number.MAX_SAFE_INTEGER }],
  holds: [],
};

async function settleOpenIntents(context: Context): Promise<void> {
  const { storage, requests, costOfDeletion } = context;
  if (storage === undefined) return;
  const client = recordingClient(context, "retention");
  const now = (client.clock ?? systemClock).now();
  const openIntents = await storage.openIntents(now - openAfterMs);
  if (openIntents.length === 0) return;
  const { error } = await runRetention(client, keepAll, { requests, costOfDeletion, openIntents });
  context.report(error);
}

/** How the retention runs go, fit for anyone's eyes: no ids, no messages. */
export interface RetentionHealth {
  readonly state: "waiting" | "good" | "failed" | "interrupted" | "behind" | "overdue";
  readonly startedAt?: string | undefined;
  readonly endedAt?: string | undefined;
  /** Whether the last run left work to the next. */
  readonly hasMore?: boolean | undefined;
  /** Why the last run failed. */
  readonly code?: string | undefined;
}

const whyUnhealthy: Readonly<Partial<Record<RetentionHealth["state"], string>>> = {
  failed: "the last retention run failed",
  interrupted: "the last retention run did not come to its end",
  behind: "no retention run has deleted all that was due for too long",
  overdue: "a retention run is overdue",
};

/**
 * `GET /healthz`: whether the configuration and the database can be used, and how the retention runs go.
 *
 * @throws {ArgumentError} The configuration is invalid.
 * @throws {Problem} 503: that of retention is invalid; the database cannot be used; a deletion has no
 *   outcome; the last run failed or was killed; or none was good for too long.
 */
export async function answerHealth(context: Context): Promise<Response> {
  checkAccess(context.config);
  try {
    const retention = retentionAt503(context);
    const { clock = systemClock } = recordingClient(context);
    if (context.storage === undefined) return Response.json({ status: "ok" });
    await context.storage.check();
    const now = clock.now();
    const open = await context.storage.openIntents(now - openAfterMs);
    if (open.length > 0) {
      throw new Problem(503, "Not healthy: the outcome of a deletion is not known", {
        openIntents: open.length,
      });
    }
    if (retention === undefined) return Response.json({ status: "ok" });
    const health = judge(await runsOf(context, now), now, retention.overdueAfter, context.running);
    const why = whyUnhealthy[health.state];
    if (why !== undefined) throw new Problem(503, `Not healthy: ${why}`, { retention: health });
    return Response.json({ status: "ok", retention: health });
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    context.report(error);
    throw new Problem(503, "Not healthy: the database cannot be used");
  }
}

/** Deletions on demand can do without the limits of retention, so an invalid one is no 500. */
function retentionAt503(context: Context): Retention | undefined {
  try {
    return retentionOf(context);
  } catch (error) {
    throw new Problem(503, error instanceof Error ? error.message : "Cannot use RETENTION_POLICY");
  }
}

/** The runs. The first look is stored as a run that made no request: the wait for a run begins then. */
async function runsOf({ storage }: Context, now: number): Promise<NotableRuns> {
  const runs = await storage?.runs() ?? {};
  if (runs.last !== undefined) return runs;
  const time = new Date(now).toISOString();
  const last = { id: crypto.randomUUID(), startedAt: time, run: emptyRun(time) };
  await storage?.addRun(last);
  return { first: last, last, lastEnded: last, lastGood: last };
}

function emptyRun(time: string): RetentionRun {
  const counts = { listed: 0, due: 0, deleted: 0, missing: 0, skipped: 0, failed: 0, settled: 0 };
  return { startedAt: time, endedAt: time, requests: 0, ...counts, hasMore: false };
}

/** Says how the runs go: the result depends on the arguments only. */
function judge(
  { first, last, lastEnded, lastGood }: NotableRuns,
  now: number,
  overdueAfter: number,
  running: ReadonlySet<string>,
): RetentionHealth {
  const { startedAt, endedAt, hasMore, error, requests = 0 } = lastEnded?.run ?? {};
  const of = (state: RetentionHealth["state"]): RetentionHealth => ({
    state,
    ...(requests === 0 && error === undefined ? {} : { startedAt, endedAt, hasMore }),
    ...(error === undefined ? {} : { code: error.code }),
  });
  /** How long ago a run was; a time in the future is infinitely long ago. */
  const age = (text: string | undefined) => {
    const time = parseTimestamp(text ?? null) ?? Infinity;
    return time <= now + clockTolerance ? now - time : Infinity;
  };
  const isRunning = last !== undefined && last.run === undefined;
  if (isRunning && !running.has(last.id) && age(last.startedAt) > maxRunDuration) {
    return of("interrupted");
  }
  if (error !== undefined) return of("failed");
  if (age(lastGood?.run?.endedAt ?? first?.startedAt) > overdueAfter) {
    return of(age(endedAt) > overdueAfter ? "overdue" : "behind");
  }
  return of(requests === 0 ? "waiting" : "good");
}
