/** Applies a plan. @module */
import { type AuditEntry, keyFingerprint } from "../core/audit.ts";
import {
  cannotUse,
  checkOptions,
  type Checks,
  defined,
  hasMethods,
  isBoolean,
  isList,
  isNumber,
  isSignal,
  isWaitTime,
} from "../core/check.ts";
import { checkClient, type Client, type Settings } from "../core/client.ts";
import { messageBatch } from "../core/delete.ts";
import { PurgeRefusedError } from "../core/errors.ts";
import { createRun, type PurgeSummary, type Run, type Task } from "./engine.ts";
import type { ResultStore } from "./export.ts";
import { deleteOne } from "./export-then-delete.ts";
import type { DeletionOutcome } from "./outcome.ts";
import { isKeepOrDelete } from "./decision.ts";
import { checkPlan, namesOfPlan, type PurgeItem, type PurgePlan } from "./plan.ts";
import { isHolds } from "./policy.ts";

/** Options of {@link applyPurge}. */
export interface ApplyPurgeOptions {
  /**
   * Stops the run: no deletion begins, waits end, and requests in flight finish, so that
   * their outcome is known. The run does not throw; the remaining batches are `unattempted`.
   */
  readonly signal?: AbortSignal | undefined;
  /** Ids that are not deleted, whatever the plan says. */
  readonly holds?: Iterable<string> | undefined;
  /**
   * The most batches at a time, from 1 to 100. Besides, 500 at most are canceled and waited for. A
   * `pace` of the {@link Client} has a limit of its own. A Worker has six connections at a time: give
   * it 6, or 3 with `exportTo`. @default 32
   */
  readonly concurrency?: number | undefined;
  /**
   * How long to wait for a batch that had to be canceled, in milliseconds. One that has not ended by
   * then is `skipped`. @default 86_400_000
   */
  readonly waitTimeout?: number | undefined;
  /**
   * Where the results of a batch are stored before it is deleted. If they cannot be stored complete,
   * the batch is `skipped`. A deletion then costs three requests, and so does a batch that is gone,
   * over 2.5 seconds. @default results are deleted with their batches
   */
  readonly exportTo?: ResultStore | undefined;
  /**
   * The audit trail of earlier runs of this plan. Batches that it shows as deleted are reported from
   * it, without a request. Entries of other plans are ignored.
   */
  readonly history?: Iterable<AuditEntry> | AsyncIterable<AuditEntry> | undefined;
  /**
   * What to do with a batch whose results are to be stored, and are gone, 29 days after its creation.
   * `"keep"`: it is `skipped`. `"delete"`: it is deleted without them. Only with `exportTo`.
   * @default "keep"
   */
  readonly archived?: "keep" | "delete" | undefined;
  /**
   * Whether the plan may have been made with another API key. That is compared only where the plan or
   * an answer names no workspace. @default false
   */
  readonly allowOtherKey?: boolean | undefined;
}

/**
 * A run of a plan. Iterate over it for the outcomes, or await it for the summary: awaiting runs it to
 * its end, and may also come after the iteration.
 */
export type PurgeRun =
  & AsyncGenerator<DeletionOutcome, PurgeSummary, undefined>
  & PromiseLike<PurgeSummary>;

const applyChecks: Checks<ApplyPurgeOptions> = {
  signal: isSignal,
  holds: isHolds,
  concurrency: isNumber(1, 100, { whole: true }),
  waitTimeout: isWaitTime,
  exportTo: hasMethods<ResultStore>("a ResultStore", "open"),
  history: isList("a list of entries", Symbol.iterator, Symbol.asyncIterator),
  archived: isKeepOrDelete,
  allowOtherKey: isBoolean,
};

/**
 * Applies a plan: deletes exactly the batches that it lists. A batch that had not ended is looked at
 * again. Each batch that the plan does not keep ends in one outcome. After a failure the run goes on
 * with the next batch. It stops after a 401, a 402, three 403 in a row, a 403 of the network's edge, a
 * 429 that cannot be waited out, ten outages in a row (no answer, a 5xx, or one that is not the
 * API's), or an answer from another workspace than the plan's; the remaining batches are `unattempted`.
 *
 * All requests together keep to the API's rate limits, by its headers and by its refusals (429):
 * after one, all requests pause. So other users of the same limit cause no failures.
 *
 * Outcomes come in no order. If you break out of the loop, deletions in flight are awaited, but their
 * outcomes are not reported; the audit trail of the client has them.
 *
 * @param plan What {@link planPurge} gave, or the same read from JSON.
 * @returns The run. It begins with the first `next()`, `for await` or `await`.
 * @throws {PurgeRefusedError} It is no plan, or one for another API, or for another workspace than the
 *   client names; nothing was done.
 * @throws {TypeError | RangeError} An argument cannot be used; no request was made.
 * @throws What the audit trail or the function of the secret fails with, after all outcomes.
 *
 * @example Apply a plan that was agreed to
 * ```ts
 * import { applyPurge, planPurge } from "batchsweep/purge";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * sandbox.seed({ created_at: "2026-01-01T00:00:00Z" });
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch };
 *
 * const plan = await planPurge(client, { filter: { minDaysSinceEnded: 30 } });
 * const run = applyPurge(client, plan);
 * for await (const { outcome, id } of run) console.log(outcome, id);
 * const { deleted, failed } = await run; // alone, this line runs the plan, too
 * ```
 * @see [Delete a Message Batch](https://platform.claude.com/docs/en/api/messages/batches/delete)
 */
export function applyPurge(
  client: Client,
  plan: PurgePlan,
  options: ApplyPurgeOptions = {},
): PurgeRun {
  const end = Promise.withResolvers<PurgeSummary>();
  end.promise.catch(() => {}); // the iteration throws it, too
  async function* iterate(): AsyncGenerator<DeletionOutcome, PurgeSummary, undefined> {
    let run: Run | undefined;
    try {
      run = await prepare(client, plan, options);
      yield* run.outcomes();
    } catch (error) {
      end.reject(error);
      throw error;
    } finally {
      if (run) end.resolve(run.summary()); // only the first settles it
    }
    return await end.promise;
  }
  const outcomes = iterate();
  const finish = async (): Promise<PurgeSummary> => {
    while (!(await outcomes.next()).done);
    end.reject(new Error("Cannot sum up the purge: it never began"));
    return await end.promise;
  };
  let finished: Promise<PurgeSummary> | undefined;
  return Object.assign(outcomes, {
    then: ((...callbacks) => (finished ??= finish()).then(...callbacks)) as PurgeRun["then"],
  });
}

/** Checks everything before the first request. */
async function prepare(client: Client, given: PurgePlan, options: ApplyPurgeOptions): Promise<Run> {
  const settings = checkClient(client);
  const plan = checkPlan(settings, given);
  const { workspaceId, items } = plan;
  const checked = checkOptions(options, applyChecks);
  const { concurrency = 32, signal, waitTimeout, exportTo: store, archived = "keep" } = checked;
  if (checked.archived !== undefined && store === undefined) {
    throw cannotUse("archived", "there is no exportTo, so no results are looked for");
  }
  const otherKey = !checked.allowOtherKey && await isOtherKey(settings, plan);
  if (otherKey && workspaceId === undefined) {
    const why = "it was made with another API key, and names no workspace";
    throw new PurgeRefusedError("apply", why);
  }
  const held = new Set(checked.holds);
  const planned = items.filter(({ action }) => action !== "keep");
  const audit = namesOfPlan(plan);
  const ids = planned.map(({ id }) => id);
  const past = await readHistory(checked.history ?? [], { plan: audit.plan, workspaceId, ids });
  const skipped = ({ id, archived: isGone }: PurgeItem): DeletionOutcome | undefined => {
    if (held.has(id)) return { outcome: "skipped", id, reason: "held" };
    const isLost = store !== undefined && archived === "keep" && isGone;
    return isLost ? { outcome: "skipped", id, reason: "archived" } : undefined;
  };
  const taskOf = (item: PurgeItem): Task => {
    const { id } = item;
    const cancel = item.action === "cancel_and_delete";
    const mayBeDeletedAlready = past.isUncertain(id);
    const absence = { allowMissing: true, mayBeDeletedAlready, missingAtOnce: true };
    return {
      id,
      known: past.outcome(id) ?? skipped(item),
      otherKey,
      waits: cancel,
      run: (call) => deleteOne(call, id, { ...absence, store, cancel, waitTimeout, archived }),
    };
  };
  const order = ["delete", "cancel_and_delete"];
  const work = order.flatMap((action) => planned.filter((item) => item.action === action));
  const hasMore = items.some(({ code }) => code === "not_among_oldest");
  return createRun(settings, work, taskOf, { concurrency, signal, workspaceId, audit, hasMore });
}

/** Whether a plan was made with another key, which may be the key of another workspace. */
async function isOtherKey(
  settings: Settings,
  { keyFingerprint: planned }: PurgePlan,
): Promise<boolean> {
  const own = await keyFingerprint(settings);
  return planned !== undefined && own !== undefined && planned !== own;
}

/** What earlier runs of a plan did, as far as it was recorded. */
export interface PurgeHistory {
  /** The outcome of a batch that was deleted by the audit trail; undefined: it is still to be. */
  outcome(id: string): DeletionOutcome | undefined;
  /** Whether a deletion of the batch was sent, and its outcome is unknown. */
  isUncertain(id: string): boolean;
  /** Whether a deletion of it was asked for with another key than this. */
  isOfOtherKey(id: string, key: string | undefined): boolean;
}

/**
 * Reads what earlier runs recorded. Outcomes in another workspace are ignored.
 *
 * @param of Whose entries count: those of a plan, by its fingerprint, or else all; and of which ids.
 * @throws {TypeError} It has something else than entries, such as the lines of a file.
 */
export async function readHistory(
  entries: Iterable<AuditEntry> | AsyncIterable<AuditEntry>,
  { plan, workspaceId, ids, kind = messageBatch.name }: {
    readonly plan?: string | undefined;
    readonly workspaceId?: string | undefined;
    readonly ids: readonly string[];
    readonly kind?: string;
  },
): Promise<PurgeHistory> {
  // By object, then by intent: its outcome, or itself.
  const past = new Map<string, Map<string, AuditEntry>>();
  let wanted: ReadonlySet<string> | undefined; // made on demand: a plan may have 100,000
  for await (const entry of entries) {
    if (typeof entry !== "object" || entry === null) {
      throw cannotUse("history", "one of it is not an entry");
    }
    wanted ??= new Set(ids);
    const { id, intent = id, objectId, operation, resource, phase } = entry;
    if (operation !== "delete" || resource !== kind || !wanted.has(objectId)) continue;
    if (plan !== undefined && entry.plan !== plan) continue;
    const deletions = past.get(objectId) ?? new Map<string, AuditEntry>();
    past.set(objectId, deletions);
    const known = deletions.get(intent);
    // The outcome of the deletion itself beats one that a later run settled.
    const isBetter = phase === "outcome" && (known?.phase === "intent" || known?.settled);
    if (known === undefined || isBetter) deletions.set(intent, entry);
  }
  const deletionsOf = (id: string) => [...past.get(id)?.values() ?? []];
  return {
    outcome(id) {
      const [deletion] = deletionsOf(id).flatMap((entry) => readDeletion(entry, workspaceId) ?? []);
      return deletion;
    },
    isUncertain: (id) =>
      deletionsOf(id).some(({ phase, outcome, error }) =>
        phase === "intent" || (outcome === "failed" && error?.outcomeKnown !== true)
      ),
    isOfOtherKey: (id, key) =>
      deletionsOf(id).some(({ keyFingerprint: its = key }) => key !== undefined && its !== key),
  };
}

/** The outcome of an object that was deleted by an entry. One that was missing may rest on one 404. */
function readDeletion(
  { objectId: id, outcome, evidence, requestId, attempts = 1, ...entry }: AuditEntry,
  expected: string | undefined,
): DeletionOutcome | undefined {
  const { workspaceId = expected } = entry;
  if (expected !== undefined && workspaceId !== expected) return undefined;
  if (outcome !== "deleted") return undefined;
  if (evidence !== "receipt" && evidence !== "absent_after_retry") return undefined;
  return defined({ outcome, id, evidence, requestId, attempts, recorded: true } as const);
}
