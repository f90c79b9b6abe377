/**
 * One run of a retention policy: list, decide, delete what has been due for the longest first.
 *
 * @module
 */
import { isAbort, linkSignals } from "../core/abort.ts";
import type { AuditEntry } from "../core/audit.ts";
import {
  cannotUse,
  checkOptions,
  type Checks,
  defined,
  isList,
  isNumber,
  isSignal,
} from "../core/check.ts";
import { checkClient, type Client, type Pace, type Permit, type Settings } from "../core/client.ts";
import { deleteBatch } from "../core/delete.ts";
import { BatchsweepError, PurgeRefusedError } from "../core/errors.ts";
import { createCall } from "../core/send.ts";
import { createRun, withPace } from "../purge/engine.ts";
import { deletionOutcome, type OutcomeError } from "../purge/outcome.ts";
import { dueSince, evaluateRetention } from "../purge/decision.ts";
import { datedBatch } from "../purge/filter.ts";
import {
  checkClock,
  fingerprintPolicy,
  isClockSkew,
  listAll,
  type Listing,
} from "../purge/plan.ts";
import { isHolds, parseRetentionPolicy, type RetentionPolicy } from "../purge/policy.ts";
import { looksToSettle, settleIntents } from "./settle.ts";

/** Options of {@link runRetention}. */
export interface RunRetentionOptions {
  /** How many requests the run may make, every attempt counted. @default no limit */
  readonly requests?: number | undefined;
  /**
   * What one deletion costs of them: more than 1 where the platform counts the writes of the audit
   * trail, too.
   *
   * @default 1
   */
  readonly costOfDeletion?: number | undefined;
  /**
   * The largest share of all batches, from 0 to 1, that the run may plan to delete. If it is more, the
   * run deletes nothing and fails with `ERR_PURGE_REFUSED`.
   *
   * @default 1
   */
  readonly maxShare?: number | undefined;
  /** Ids that are held beyond those of the policy. */
  readonly holds?: Iterable<string> | undefined;
  /**
   * The intents of the client's audit trail that have no outcome. The run settles those that are older
   * than 15 minutes.
   */
  readonly openIntents?: Iterable<AuditEntry> | undefined;
  /**
   * How many batches the run deletes at a time, from 1 to 100. All their outcomes are recorded before
   * the next intents.
   *
   * @default 6
   */
  readonly concurrency?: number | undefined;
  /**
   * How far the client's clock may be from the API's, by the `Date` of its answers, in milliseconds. If
   * it is further, the run deletes nothing and fails with `ERR_PURGE_REFUSED`.
   *
   * @default 300_000
   */
  readonly maxClockSkew?: number | undefined;
  /** Stops the run: no deletion begins, and requests in flight finish. */
  readonly signal?: AbortSignal | undefined;
}

/** What became of one run of a retention policy, as plain data. Times are RFC 3339 date-times. */
export interface RetentionRun {
  readonly startedAt: string;
  readonly endedAt: string;
  /** How many requests the run made. */
  readonly requests: number;
  /** How many batches there are. */
  readonly listed: number;
  /** How many of them the API describes in a way that cannot be read; absent: none. They are kept. */
  readonly unreadable?: number | undefined;
  /** How many of them the policy does not keep. */
  readonly due: number;
  readonly deleted: number;
  /** How many another client deleted meanwhile. */
  readonly missing: number;
  readonly skipped: number;
  readonly failed: number;
  /** How many open intents got an outcome. */
  readonly settled: number;
  /** Whether the run stopped before it came to its last due batch. The next run goes on. */
  readonly hasMore: boolean;
  /** Since when the batch is due that stays and has been due for the longest; absent: none stays. */
  readonly dueSince?: string | undefined;
  /** Why the run failed. The message may hold ids, and never a secret. */
  readonly error?: RunError | undefined;
}

/** Why a run failed, as data. */
export type RunError = Pick<OutcomeError, "code" | "message">;

/**
 * Runs a retention policy once: lists all batches, and deletes those that the policy does not keep, the
 * oldest first, until its requests are spent. It stores nothing: the next run lists again. So a new hold
 * or policy counts in the next run, a run that is killed does no harm, and two runs at once cost a few
 * requests that find nothing. A run that cannot list all batches within its requests deletes nothing.
 *
 * An open intent is one that a killed process left in the audit trail. The run looks for its batch. If
 * three looks over 2.5 seconds do not find it, the outcome is `deleted`; if the batch is there, the
 * outcome is `failed` with the code `ERR_OPEN_INTENT`. Otherwise the intent stays open.
 *
 * @returns What became of the run. A failure of the API or of the audit trail is its `error`.
 * @throws {InvalidPolicyError} The policy cannot be used; no request was made.
 * @throws {TypeError | RangeError} An argument cannot be used; no request was made.
 *
 * @example Delete what ended 30 days ago, within 1,000 requests
 * ```ts
 * import { runRetention } from "batchsweep/retention";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * sandbox.seed({ created_at: "2026-01-01T00:00:00Z", ended_at: "2026-01-01T01:00:00Z" });
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch };
 *
 * const run = await runRetention(client, {
 *   version: 1,
 *   rules: [{ type: "delete_after", days: 30, since: "ended" }],
 *   holds: [],
 * }, { requests: 1_000 });
 * console.log(run.deleted, run.hasMore); // 1 false
 * ```
 * @see [Delete a Message Batch](https://platform.claude.com/docs/en/api/messages/batches/delete)
 */
export async function runRetention(
  client: Client,
  policy: RetentionPolicy,
  options: RunRetentionOptions = {},
): Promise<RetentionRun> {
  const own = checkClient(client);
  const parsed = parseRetentionPolicy(policy);
  const checked = checkOptions(options, runChecks);
  const { requests = Infinity, costOfDeletion = 1, maxShare = 1, concurrency = 6 } = checked;
  const { holds = [], openIntents = [], signal } = checked;
  if (requests < costOfDeletion) {
    throw cannotUse("requests", "they do not suffice for one deletion", RangeError);
  }
  const startedAt = own.clock.now();
  const budget = createBudget(requests, withPace(own, concurrency).pace);
  const settings: Settings = { ...own, pace: budget.pace };
  const counts = { listed: 0, deleted: 0, missing: 0, skipped: 0, failed: 0, settled: 0 };
  let unreadable = 0;
  let due: ReturnType<typeof chooseDue> | undefined;
  const gone = new Set<string>();
  let error: RunError | undefined;
  const { signal: stop, unlink } = linkSignals(signal, budget.spent);
  try {
    const call = createCall(settings, { signal }, () => stop);
    const listing = await listAll(call, startedAt);
    checkClock(call, checked.maxClockSkew);
    unreadable = listing.unreadable.ids.size + listing.unreadable.nameless;
    counts.listed = listing.batches.size + unreadable;
    due = chooseDue(parsed, listing, holds);
    if (due.length > maxShare * counts.listed) {
      const share = `more than the share of ${maxShare} that is allowed`;
      const why = `it deletes ${due.length} of ${counts.listed} batches, which is ${share}`;
      throw new PurgeRefusedError("apply", why);
    }
    const { workspaceId } = listing;
    const audit = { policy: fingerprintPolicy(parsed) };
    const runOptions = { concurrency, signal: stop, workspaceId, inChunks: true, audit };

    const most = Math.floor(budget.left() / looksToSettle);
    counts.settled = await settleIntents(settings, openIntents, listing, most, runOptions);

    const run = createRun(settings, due, ({ id }) => ({
      id,
      async run(call) {
        budget.charge(costOfDeletion - 1);
        const deletion = await deleteBatch(call, id, { allowMissing: true, missingAtOnce: true });
        return deletionOutcome(id, deletion);
      },
    }), runOptions);
    for await (const outcome of run.outcomes()) {
      if (outcome.outcome === "deleted" || outcome.outcome === "missing") gone.add(outcome.id);
      // Neither a stop nor the end of the budget is a failure: the batch is left to the next run.
      const isLeft = outcome.outcome === "unattempted" ||
        (outcome.outcome === "failed" && outcome.error.code === "ERR_ABORTED");
      if (!isLeft) counts[outcome.outcome] += 1;
      if (!isLeft && outcome.outcome === "failed") error ??= failureOf(outcome.error);
      if (outcome.auditError !== undefined) error ??= notRecorded;
    }
  } catch (thrown) {
    if (isAbort(thrown, budget.spent)) {
      error ??= outOfBudget("list all message batches", requests);
    } else if (!isAbort(thrown, signal)) error ??= errorOf(thrown);
  } finally {
    unlink();
  }
  const { deleted, missing, skipped, failed, settled } = counts;
  const done = deleted + missing + skipped + failed;
  const hasMore = due === undefined || done < due.length;
  if (hasMore && done + settled === 0 && budget.spent.aborted) {
    error ??= outOfBudget("delete a message batch", requests);
  }
  const left = due?.find(({ id }) => !gone.has(id));
  return defined({
    startedAt: new Date(startedAt).toISOString(),
    endedAt: new Date(own.clock.now()).toISOString(),
    requests: budget.made(),
    due: due?.length ?? 0,
    ...counts,
    unreadable: unreadable || undefined,
    hasMore,
    dueSince: left && new Date(left.dueSince).toISOString(),
    error,
  });
}

const runChecks: Checks<RunRetentionOptions> = {
  requests: isNumber(1, Number.MAX_SAFE_INTEGER, { whole: true }),
  costOfDeletion: isNumber(1, Number.MAX_SAFE_INTEGER, { whole: true }),
  maxShare: isNumber(0, 1),
  holds: isHolds,
  openIntents: isList<Iterable<AuditEntry>>("a list of entries", Symbol.iterator),
  concurrency: isNumber(1, 100, { whole: true }),
  maxClockSkew: isClockSkew,
  signal: isSignal,
};

/** Limits the requests of a run: its pace grants a request only if one is left. */
function createBudget(requests: number, pace: Pace) {
  const spent = new AbortController();
  let left = requests;
  let made = 0;
  const take = (count: number, needed: number) => {
    if (left < needed) spent.abort(new Error("The requests of the run are spent"));
    spent.signal.throwIfAborted();
    left -= count;
  };
  return {
    /** Aborted when a request was denied. */
    spent: spent.signal,
    /**
     * Takes more than the one request that follows.
     *
     * @throws The reason of `spent`: that one request would not be left.
     */
    charge: (more: number) => take(more, more + 1),
    /** How many requests are left. */
    left: () => left,
    /** How many requests were made. */
    made: () => made,
    pace: {
      async permit(signal?: AbortSignal): Promise<Permit> {
        take(1, 1);
        const permit = await pace.permit(signal);
        return (answer) => {
          if (answer !== undefined) made += 1; // else nothing was sent
          return permit(answer);
        };
      },
    },
  };
}

/** The batches that the policy does not keep, those that have been due for the longest first. */
function chooseDue(
  policy: RetentionPolicy,
  listing: Listing,
  holds: Iterable<string>,
): readonly { readonly id: string; readonly dueSince: number }[] {
  const batches = [...listing.batches.values()];
  const decisions = evaluateRetention(policy, batches, listing.now, { holds });
  const dated = batches.map(datedBatch);
  const since = dueSince(policy, dated);
  // The API lists the newest first, so that reversed is the right order for equal times.
  return dated.filter(({ id }) => decisions.get(id)?.action === "delete").reverse()
    .map((batch) => ({ id: batch.id, dueSince: since(batch) }))
    .sort((one, other) => one.dueSince - other.dueSince);
}

function outOfBudget(operation: string, requests: number): RunError {
  const message = `Cannot ${operation} within ${requests} requests: nothing was deleted`;
  return { code: "ERR_BUDGET", message };
}

const notRecorded: RunError = {
  code: "ERR_AUDIT_TRAIL",
  message: "The outcome of a deletion could not be recorded",
};

/** A failure as data. The words of the caller's own functions are left out: they may hold anything. */
function failureOf({ code, message }: RunError): RunError {
  return code === "ERR_CALLER"
    ? { code, message: "The audit trail or the function of the secret failed" }
    : { code, message };
}

function errorOf(thrown: unknown): RunError {
  return thrown instanceof BatchsweepError
    ? { code: thrown.code, message: thrown.message }
    : { code: "ERR_UNEXPECTED", message: "An unexpected error occurred" };
}
