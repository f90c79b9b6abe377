import { cannotUse } from "../core/cannot-use.ts";
import type { Client } from "../core/client.ts";
import type { AuditEntry, ResultStore } from "../core/ports.ts";
import { checkSignal } from "./check-signal.ts";
import { checkWaitTime } from "./check-wait-time.ts";
import { isBatchId } from "./filter.ts";
import { hasMethods } from "./has-methods.ts";
import type { DeletionOutcome } from "./outcome.ts";
import { checkPlan, type PurgePlan } from "./plan.ts";
import { createPurgeRun } from "./purge-run.ts";
import { createUnderWay } from "./under-way.ts";
import { withPace } from "./with-pace.ts";

/** Options of {@link applyPurge}. Only `undefined` means that one is absent: `null` is refused. */
export interface ApplyPurgeOptions {
  /**
   * Stops the run: nothing new is begun, waits end, and what is under way comes to its end, so that
   * what it did is known. The generator does not throw; what is left is `unattempted`.
   */
  readonly signal?: AbortSignal | undefined;
  /** Ids that are not deleted, whatever the plan says. */
  readonly holds?: Iterable<string> | undefined;
  /**
   * The most requests that are under way at a time, from 1 to 100. The run goes as fast as the API's
   * limit allows: this is what it needs for that where answers take long. The first deletion goes
   * alone: what stops a run, such as a refused key, shows there. Batches that have to be canceled
   * wait side by side, 500 at most. `pace` of the {@link Client} has a limit of its own.
   *
   * @default 32
   */
  readonly concurrency?: number | undefined;
  /**
   * How long to wait for a batch that had to be canceled, in milliseconds. One that has not ended by
   * then is `skipped`.
   *
   * @default 86_400_000
   */
  readonly cancelTimeout?: number | undefined;
  /**
   * Where the results of a batch are stored before it is deleted. What cannot be stored whole is not
   * deleted, but `skipped`. A deletion then costs three requests. A batch that is gone costs three,
   * too, over 2.5 seconds: live batches were seen to be answered 404 for a moment, so that only three
   * looks in a row are believed. What had to be canceled costs those of its wait besides.
   *
   * @default results go with their batches
   */
  readonly exportTo?: ResultStore | undefined;
  /**
   * What earlier runs of this plan recorded in their audit trail. What is gone by the record is
   * reported from it, without a request. Entries that are older than the plan are left out.
   */
  readonly history?: Iterable<AuditEntry> | AsyncIterable<AuditEntry> | undefined;
}

/** How many batches ended in what. `planned` is the sum of the five after it. */
export interface PurgeSummary {
  /** How many items of the plan were to be deleted: all but those with the action `"keep"`. */
  readonly planned: number;
  readonly deleted: number;
  readonly missing: number;
  readonly skipped: number;
  readonly failed: number;
  readonly unattempted: number;
  /** Whether the run stopped before the end of the plan. It can be applied again. */
  readonly hasMore: boolean;
}

/**
 * Applies a plan: deletes what it names, and nothing else. What can have changed since is looked at
 * again: a batch that had not ended. Each batch but those that are kept ends in one outcome, which is
 * given as it happens; a failure of one goes on with the next. A 401, 402 or 403, a 429 that cannot
 * be waited out, ten connection failures or 5xx in a row, and an answer from another workspace than
 * the plan's stop the run; the rest is `unattempted`.
 *
 * All requests keep to the API's limits together, by what its answers say of them, and by its
 * refusals (429): after one, all rest. Nothing fails because others use the limit as well.
 *
 * Outcomes come in no order. Who ends the iteration early waits for what is under way, and loses its
 * outcomes; the audit trail of the client has them.
 *
 * @param client Who calls, and how.
 * @param plan What {@link planPurge} gave, as it was or read from JSON.
 * @param options Options of the run.
 * @returns One outcome a batch; at the end, how many there were of each kind.
 * @throws {PurgeRefusedError} It is no plan, or one for another API, or for another workspace than the
 *   client names; nothing was done.
 * @throws {TypeError | RangeError} An argument cannot be used; no request was made.
 * @throws What the audit trail or the function of the secret fails with, after all outcomes.
 *
 * @example Apply a plan that was agreed to
 * ```ts
 * import { applyPurge, planPurge } from "batchsweep";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * sandbox.seed({ created_at: "2026-01-01T00:00:00Z" });
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch };
 *
 * const plan = await planPurge(client, { filter: { minDaysSinceEnded: 30 } });
 * for await (const { outcome, id } of applyPurge(client, plan)) console.log(outcome, id);
 * ```
 * @see [Delete a Message Batch](https://platform.claude.com/docs/en/api/messages/batches/delete)
 */
export async function* applyPurge(
  client: Client,
  plan: PurgePlan,
  options: ApplyPurgeOptions = {},
): AsyncGenerator<DeletionOutcome, PurgeSummary, undefined> {
  const checked = checkPlan(client, plan);
  const { concurrency, ...settings } = checkOptions(options);
  const planned = checked.items.filter(({ action }) => action !== "keep");
  const over = new AbortController();
  const paced = withPace(client, concurrency);
  const run = await createPurgeRun(paced, checked, { ...settings, over: over.signal });
  // Waits come last: they hold up nothing.
  const work = [
    ...planned.filter(({ action }) => action === "delete"),
    ...planned.filter(({ action }) => action === "cancel_and_delete"),
  ];
  const counts = { deleted: 0, missing: 0, skipped: 0, failed: 0, unattempted: 0 };
  const count = (outcome: DeletionOutcome): DeletionOutcome => {
    counts[outcome.outcome] += 1;
    return outcome;
  };

  const underWay = createUnderWay<DeletionOutcome>();
  try {
    for (const item of work) {
      const most = () => item.action !== "delete" ? mostUnended : run.proven() ? concurrency : 1;
      while (underWay.size >= most()) yield count(await underWay.next());
      const outcome = run.known(item);
      if (outcome !== undefined) yield count(outcome);
      else underWay.add(run.act(item));
    }
    while (underWay.size > 0) yield count(await underWay.next());
  } finally {
    over.abort(); // who ends the iteration early need not wait for the end of a batch
    while (underWay.size > 0) await underWay.next();
  }
  run.throwCallerError();
  return { planned: planned.length, ...counts, hasMore: counts.unattempted > 0 };
}

/**
 * How many batches are waited for at a time. Each is looked at once a minute: with so many, half of
 * the lowest limit of today, 1,000 requests a minute, is left for the rest.
 */
const mostUnended = 500;

/** Checks everything that can be wrong, and what is meant to protect something above all. */
function checkOptions(given: ApplyPurgeOptions) {
  if (typeof given !== "object" || given === null || Symbol.iterator in given) {
    throw cannotUse("options", "they are not a plain object");
  }
  // By name: what is inherited, such as a getter of a class, is no less meant.
  const { concurrency = 32, holds = [], signal, cancelTimeout, exportTo, history = [] } = given;
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 100) {
    throw new RangeError("Cannot use concurrency: it is not a whole number from 1 to 100");
  }
  checkSignal(signal);
  checkWaitTime(cancelTimeout, "cancelTimeout");
  if (exportTo !== undefined && !hasMethods(exportTo, "open")) {
    throw cannotUse("exportTo", "it is not a ResultStore");
  }
  if (!isList(history) && !hasMethods(history, Symbol.asyncIterator)) {
    throw cannotUse("history", "it is not a list of entries");
  }
  if (!isList(holds)) throw cannotUse("holds", "they are not a list of ids");
  const held = new Set(holds);
  for (const id of held) {
    // A hold that is not the id, by a space or a line break, would hold nothing.
    if (typeof id !== "string" || !isBatchId(id) || /[\s\p{C}]/u.test(id)) {
      throw cannotUse("holds", "one is not an id of a batch");
    }
  }
  return { signal, cancelTimeout, exportTo, history, concurrency, holds: held };
}

/** A text is one, too, of its letters, and never meant as such. */
const isList = (value: unknown) => typeof value !== "string" && hasMethods(value, Symbol.iterator);
