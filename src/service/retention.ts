/**
 * Retention runs on a schedule, and `GET /healthz`, which tells how they go.
 *
 * @module
 */
import { type Config, deleteScope } from "../config/mod.ts";
import { linkSignals } from "../core/abort.ts";
import { type AuditEntry, createOutcome, openAfterMs } from "../core/audit.ts";
import { cannotUse, isArgumentError } from "../core/check.ts";
import type { Client } from "../core/client.ts";
import { messageBatch } from "../core/delete.ts";
import { parseTimestamp } from "../purge/time.ts";
import { resourceKinds } from "../resources.ts";
import { type RetentionPolicy, runRetention } from "../retention/mod.ts";
import { type NotableRuns, type Storage, StorageError, type StoredRun } from "../storage/mod.ts";
import { type Context, nowOf, type State } from "./context.ts";
import { recordingClient } from "./deletion.ts";
import { noteError, Problem, toProblem } from "./problem.ts";

/** The retention policy and its limits; `undefined` if there is no policy. */
function retentionOf({ config, ...defaults }: State) {
  const policy = config.policy();
  if (policy === undefined) return undefined;
  const requests = config.requests() ?? defaults.requests;
  return { policy, requests, maxShare: config.maxShare(), overdueAfter: config.overdueAfter() };
}

/** Checks all of the configuration. It makes no request and needs no database. */
export function checkConfig(state: State): void {
  checkAccess(state.config);
  retentionOf(state);
}

const administrativeScopes = resourceKinds.filter(({ administrative }) => administrative)
  .map(deleteScope);

/** One way in is enough, and so is a policy, which needs none. */
function checkAccess(config: Config): void {
  const hasPurpose = config.has("GATEWAY_TOKENS") || config.has("RETENTION_POLICY");
  for (const token of config.has("GATEWAY_TOKENS") ? config.gatewayTokens() : []) {
    if (token.allow.some((scope) => administrativeScopes.includes(scope))) config.adminKey();
    if (token.maxDeletesPerDay === undefined || config.audit()) continue;
    throw cannotUse("AUDIT", "it is off, and maxDeletesPerDay of a token counts what is recorded");
  }
  if (config.has("WEBHOOK_SECRETS")) config.webhookSecrets();
  else if (!hasPurpose) {
    throw cannotUse(
      "WEBHOOK_SECRETS",
      "it is not set, and neither is GATEWAY_TOKENS or RETENTION_POLICY",
    );
  }
  config.client();
  config.gracePeriod();
  config.audit();
}

/**
 * Settles open intents, runs the retention policy once if there is one, and stores what became of it.
 * It rejects if the run failed; the log says why.
 */
export async function runRetentionOnce(context: Context, byPolicy: boolean): Promise<void> {
  const { state, line, limit, stop } = context;
  const { storage, running } = state;
  const id = crypto.randomUUID();
  running.add(id);
  try {
    const retention = byPolicy ? retentionOf(state) : undefined;
    const client = recordingClient(context, "retention");
    const now = nowOf(state);
    const openIntents: AuditEntry[] = [];
    for (const intent of await storage?.openIntents(now) ?? []) {
      if (intent.resource === messageBatch.name) openIntents.push(intent);
      else await client.auditTrail?.append(createOutcome(intent, now, neverSettled(intent)));
    }
    if (retention === undefined && openIntents.length === 0) return;
    const begun: StoredRun = { id, startedAt: new Date(now).toISOString() };
    if (retention !== undefined) await storage?.addRun(begun);
    const { policy = keepAll, requests = state.requests, maxShare } = retention ?? {};
    const run = await runRetention(abortable(client, limit), policy, {
      ...{ requests, maxShare, openIntents, signal: stop },
      holds: await storage?.holds() ?? [],
      maxClockSkew: retention ? undefined : Number.MAX_SAFE_INTEGER, // no age decides
    });
    const { startedAt: _, endedAt: __, error = line.error, ...facts } = run;
    Object.assign(line, { outcome: error === undefined ? "ended" : "failed", ...facts, error });
    if (retention !== undefined) await storage?.addRun({ ...begun, run });
  } catch (error) {
    line["outcome"] = "failed";
    noteError(line, error);
  } finally {
    running.delete(id);
    state.health = undefined;
  }
  if (line.error !== undefined) throw new Error(`The retention run failed: ${line.error.code}`);
}

/** The outcome of an open intent of another kind than batches: nothing looks for these. */
function neverSettled({ resource, objectId }: AuditEntry): Partial<AuditEntry> {
  const what = `Cannot delete ${resource.replaceAll("_", " ")} ${JSON.stringify(objectId)}`;
  const message = `${what}: the call left no outcome; it may have been deleted`;
  const error = { code: "ERR_OPEN_INTENT", message, outcomeKnown: false };
  return { outcome: "failed", error, settled: true };
}

/** A client whose requests a signal aborts. */
function abortable(client: Client, signal: AbortSignal): Client {
  const { fetch = (url, init) => globalThis.fetch(url, init) } = client;
  return {
    ...client,
    fetch: (url, init) =>
      fetch(url, {
        ...init,
        // The links end with the run, which made one, and with the attempt, which made the other.
        signal: linkSignals(init.signal ?? undefined, signal).signal,
      }),
  };
}

/** A policy that deletes nothing. */
const keepAll: RetentionPolicy = {
  version: 1,
  rules: [{ type: "keep_last", count: Number.MAX_SAFE_INTEGER }],
  holds: [],
};

/** What is not healthy about the states of retention; the others are `waiting` and `good`. */
const whyUnhealthy: Readonly<Record<string, string>> = {
  failed: "the last retention run failed",
  interrupted: "the last retention run did not end",
  behind: "a message batch has been due for too long",
  overdue: "a retention run is overdue",
};

/** How long an answer of `/healthz` holds, in milliseconds: strangers may ask often. */
const healthHolds = 5_000;

/**
 * `GET /healthz`: whether the configuration and the database can be used, and how the retention runs go,
 * fit for anyone's eyes; with `?live`, only that requests are answered.
 */
export async function answerHealth({ url }: Request, context: Context): Promise<Response> {
  const { state, line } = context;
  if (new URL(url).searchParams.has("live")) return Response.json({ status: "ok" });
  checkAccess(state.config);
  const now = nowOf(state);
  if (state.health === undefined || Math.abs(now - state.health.at) >= healthHolds) {
    const found = await lookAtHealth(context, now).catch((error) => {
      // Deletions on demand can do without the limits of retention: an invalid one is no 500.
      if (isArgumentError(error)) return new Problem(503, error.message);
      if (!(error instanceof StorageError)) return toProblem(error, line);
      noteError(line, error);
      return new Problem(503, "Not healthy: the database cannot be used");
    });
    state.health = { at: now, found };
  }
  const { found } = state.health;
  if (found instanceof Problem) throw found;
  return Response.json({ status: "ok", ...found });
}

async function lookAtHealth(context: Context, now: number): Promise<object> {
  const { state } = context;
  const { storage, notWritten = -Infinity } = state;
  const retention = retentionOf(state);
  recordingClient(context);
  if (now - notWritten < openAfterMs) {
    throw new Problem(503, "Not healthy: the audit trail could not be written");
  }
  if (storage === undefined) return {};
  await storage.check();
  const { length: openIntents } = await storage.openIntents(now);
  if (openIntents > 0) {
    throw new Problem(503, "Not healthy: the outcome of a deletion is not known", { openIntents });
  }
  if (retention === undefined) return {};
  const runs = await runsOf(storage, now);
  const health = judge(runs, now, retention.overdueAfter, state.running);
  const why = whyUnhealthy[health.state];
  if (why !== undefined) throw new Problem(503, `Not healthy: ${why}`, { retention: health });
  return { retention: health };
}

/** The runs. The first look is stored as a run that made no request: the wait for a run begins then. */
async function runsOf(storage: Storage, now: number): Promise<NotableRuns> {
  const runs = await storage.runs();
  if (runs.last !== undefined) return runs;
  const startedAt = new Date(now).toISOString();
  const counts = { listed: 0, due: 0, deleted: 0, missing: 0, skipped: 0, failed: 0, settled: 0 };
  const run = { startedAt, endedAt: startedAt, requests: 0, ...counts, hasMore: false };
  const last = { id: crypto.randomUUID(), startedAt, run };
  await storage.addRun(last);
  return { first: last, last, lastEnded: last, lastGood: last };
}

/** How long a run may last, in milliseconds. Without an end by then, it was killed. */
const maxRunDuration = 3_600_000;

/** How far ahead the clock of a run may be. A time farther in the future says nothing. */
const clockTolerance = 300_000;

/** Says how the runs go: the result depends on the arguments only. */
function judge(
  { first, last, lastEnded, lastGood }: NotableRuns,
  now: number,
  overdueAfter: number,
  running: ReadonlySet<string>,
) {
  const { run } = lastEnded ?? {};
  const { startedAt, endedAt, hasMore, dueSince, error, requests = 0 } = run ?? {};
  const due = run && run.due - run.deleted - run.missing;
  const of = (state: string) => ({
    state,
    ...(requests === 0 && error === undefined ? {} : { startedAt, endedAt, hasMore }),
    ...(dueSince === undefined ? {} : { due, dueSince }),
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
    if (age(endedAt) > overdueAfter) return of("overdue");
    // After a good run, only a new policy or a hold that was lifted makes a batch due since before.
    if (dueSince !== undefined && age(dueSince) > overdueAfter) return of("behind");
  }
  return of(requests === 0 ? "waiting" : "good");
}
