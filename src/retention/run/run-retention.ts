import {
  cannotUse,
  checkOptions,
  type Checks,
  hasMethods,
  isFunction,
  isNumber,
  isSignal,
} from "../../core/check.ts";
import { checkClient, type Client } from "../../core/client.ts";
import { BatchsweepError, PurgeRefusedError } from "../../core/errors.ts";
import { parseRetentionPolicy, type RetentionPolicy } from "../../purge/policy.ts";
import { createBudget } from "./budget.ts";
import { deleteSome } from "./deletions.ts";
import { takeLease } from "./lease.ts";
import { whose } from "./listing.ts";
import { planOn } from "./plan.ts";
import type { RetentionRun, StateStore } from "./status.ts";
import { openWork, Overtaken } from "./work.ts";

/** Options of {@link runRetention}. */
export interface RunRetentionOptions {
  /** Where a run leaves to the next what it could not do. */
  readonly store: StateStore;
  /**
   * How many requests the run may make, every attempt counted.
   *
   * @default 40
   */
  readonly requests?: number | undefined;
  /**
   * What a deletion costs of them: more than its one request where the same allowance pays for the
   * audit trail.
   *
   * @default 1
   */
  readonly costOfDeletion?: number | undefined;
  /**
   * The largest share of all batches, from 0 to 1, that a plan may delete. A plan that would delete
   * more is refused.
   *
   * @default 1
   */
  readonly maxShare?: number | undefined;
  /** Ends the run: what is under way comes to its end, and the next run goes on. */
  readonly signal?: AbortSignal | undefined;
  /** Is given what a run fails with. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/**
 * Runs a retention policy once: lists the batches, judges them, deletes what the policy does not keep,
 * all within a budget of requests; the next run goes on where this one stopped. It is made to be called
 * on a schedule, where it does not matter if a run is killed, comes late, or meets another: while one
 * is under way, another ends at once.
 *
 * Work is begun anew when the policy, the API or the workspace changes, when a week is over, or when the
 * list cannot be read on. That the key's own workspace is another by now shows by its answers: the run
 * that meets it in the middle of its work fails with `ERR_PURGE_REFUSED` and deletes nothing more, and
 * the next one begins anew. What is planned is judged by the time at which its list was begun.
 *
 * @param client Who calls, and how.
 * @param policy What is kept how long.
 * @param options Where it leaves its state, and its limits.
 * @returns What became of the run, as it is in the store; undefined: another run is under way.
 * @throws {InvalidPolicyError} The policy cannot be used; no request was made.
 * @throws {TypeError | RangeError} An argument cannot be used; no request was made.
 * @throws What the store fails with.
 */
export async function runRetention(
  client: Client,
  policy: RetentionPolicy,
  options: RunRetentionOptions,
): Promise<RetentionRun | undefined> {
  const { clock, baseUrl, workspaceId: workspace } = checkClient(client);
  const parsed = parseRetentionPolicy(policy);
  const { store, requests, costOfDeletion, maxShare, signal, onError } = checkRunOptions(options);
  const lease = await takeLease(store, clock);
  if (lease === undefined) return undefined;

  const started = clock.now();
  const budget = createBudget(client, requests);
  const purpose = JSON.stringify({ policy: parsed, baseUrl, workspace, maxShare });
  const counts = { listed: 0, deleted: 0, missing: 0, skipped: 0, failed: 0 };
  let hasMore = true;
  let error: RetentionRun["error"];
  try {
    const desk = await openWork(store, purpose, started);
    const plan = await planOn(desk, budget, { policy: parsed, purpose, maxShare, signal });
    counts.listed = plan.listed;
    const { createdAt } = plan;
    const begun = { version: 1, createdAt, ...whose(plan.workspaceId) } as const;
    let { ids = [], tried } = plan;
    hasMore = plan.ids === undefined || ids.length > 0;
    const keep = (unknown: ReadonlySet<string>) => {
      const [left, attempted] = [ids.join(" "), [...unknown].join(" ")];
      return desk.save(
        ids.length > 0 ? { ...begun, purpose, ids: left, tried: attempted } : undefined,
      );
    };
    while (ids.length > 0) {
      const many = Math.min(ids.length, mostAtOnce, Math.floor(budget.left() / costOfDeletion));
      if (many === 0 || signal?.aborted) break;
      const chunk = ids.slice(0, many);
      // Who is killed now leaves word of what may be gone.
      await keep(new Set([...tried, ...chunk]));
      budget.charge(many * (costOfDeletion - 1));
      const header = { ...begun, baseUrl, policy: parsed };
      const some = await deleteSome(budget, header, chunk, { tried, signal, onError })
        .catch(async (thrown) => {
          if (thrown instanceof PurgeRefusedError) await desk.save(undefined); // it would be again
          throw thrown;
        });
      for (const name of ["deleted", "missing", "skipped", "failed"] as const) {
        counts[name] += some[name];
      }
      error ??= some.error;
      if (some.elsewhere) {
        ids = []; // nothing of this workspace: the next run begins anew
        break;
      }
      ids = [...some.left, ...ids.slice(many)];
      tried = new Set([
        ...some.tried,
        ...ids.slice(some.left.length).filter((id) => tried.has(id)),
      ]);
      hasMore = ids.length > 0;
      if (some.left.length > 0) break;
    }
    if (plan.ids !== undefined) await keep(tried);
    const { listed, ...settled } = counts;
    const moved = listed > 0 || Object.values(settled).some((count) => count > 0);
    if (hasMore && !moved && error === undefined && !signal?.aborted) {
      error = { code: "ERR_NO_PROGRESS", message: "The budget was spent before anything was done" };
      onError?.(error);
    }
  } catch (thrown) {
    if (thrown instanceof Overtaken) return undefined;
    onError?.(thrown);
    error = errorOf(thrown);
  }
  const time = (at: number) => new Date(at).toISOString();
  const run: RetentionRun = {
    startedAt: time(started),
    endedAt: time(clock.now()),
    requests: budget.used(),
    ...counts,
    hasMore,
    ...(error === undefined ? {} : { error }),
  };
  await lease.release(run);
  return run;
}

/** How many batches are deleted before what is left is stored. */
const mostAtOnce = 1_000;

/** What a run failed with, as data. What the caller's own functions say is theirs. */
function errorOf(thrown: unknown): { readonly code: string; readonly message: string } {
  return thrown instanceof BatchsweepError
    ? { code: thrown.code, message: thrown.message }
    : { code: "ERR_UNEXPECTED", message: "An unexpected error occurred" };
}

const runChecks: Checks<RunRetentionOptions> = {
  store: hasMethods("a StateStore", "read", "write"),
  requests: isNumber(1, Number.MAX_SAFE_INTEGER, { whole: true }),
  costOfDeletion: isNumber(1, Number.MAX_SAFE_INTEGER, { whole: true }),
  maxShare: isNumber(0, 1),
  signal: isSignal,
  onError: isFunction,
};

function checkRunOptions(options: RunRetentionOptions) {
  const checked = checkOptions(options, runChecks);
  const { store, requests = 40, costOfDeletion = 1, maxShare = 1, signal, onError } = checked;
  if (store === undefined) throw cannotUse("store", "there is none");
  if (requests < costOfDeletion) {
    throw cannotUse("requests", "they do not suffice for one deletion", RangeError);
  }
  return { store, requests, costOfDeletion, maxShare, signal, onError };
}
