import { cannotUse } from "../core/cannot-use.ts";
import type { Client } from "../core/client.ts";
import type { AuditEntry } from "../core/ports.ts";
import type { DeletionOutcome } from "./outcome.ts";
import { checkPlan, type PurgePlan } from "./purge-plan.ts";
import { createPurgeRun } from "./purge-run.ts";

/** Options of {@link applyPurge}. */
export interface ApplyPurgeOptions {
  /**
   * Stops the run: nothing new is begun, waits end, and what is under way comes to its end, so that
   * what it did is known. The generator does not throw; what is left is `unattempted`.
   */
  readonly signal?: AbortSignal | undefined;
  /** Ids that are not deleted, whatever the plan says. */
  readonly holds?: Iterable<string> | undefined;
  /**
   * How many batches are worked on at a time, from 1 to 100. The first deletion goes alone: what stops
   * a run, such as a refused key, shows there.
   *
   * @default 4
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
 * be waited out, and ten connection failures or 5xx in a row stop the run; the rest is `unattempted`.
 *
 * Outcomes come in no order. Who ends the iteration early waits for what is under way, and loses its
 * outcomes; the audit trail of the client has them.
 *
 * @param client Who calls, and how.
 * @param plan What {@link planPurge} gave, as it was or read from JSON.
 * @param options Options of the run.
 * @returns One outcome a batch; at the end, how many there were of each kind.
 * @throws {PurgeRefusedError} It is no plan, or one for another API or workspace; nothing was done.
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
  const run = await createPurgeRun(client, checked, { ...settings, over: over.signal });
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

  const running = new Map<string, Promise<DeletionOutcome>>();
  try {
    for (const item of work) {
      const most = run.proven() || item.action !== "delete" ? concurrency : 1;
      while (running.size >= most) yield count(await first(running));
      const outcome = run.known(item);
      if (outcome !== undefined) yield count(outcome);
      else running.set(item.id, run.act(item));
    }
    while (running.size > 0) yield count(await first(running));
  } finally {
    over.abort(); // who ends the iteration early need not wait for the end of a batch
    await Promise.all(running.values());
  }
  run.throwCallerError();
  return { planned: planned.length, ...counts, hasMore: counts.unattempted > 0 };
}

/** The first of them that ends, taken out. */
async function first(running: Map<string, Promise<DeletionOutcome>>): Promise<DeletionOutcome> {
  const outcome = await Promise.race(running.values());
  running.delete(outcome.id);
  return outcome;
}

function checkOptions({ concurrency = 4, holds, ...options }: ApplyPurgeOptions) {
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 100) {
    throw new RangeError("Cannot use concurrency: it is not a whole number from 1 to 100");
  }
  if (typeof holds === "string") throw cannotUse("holds", "they are a text and not a list of ids");
  return { ...options, concurrency, holds: new Set(holds) };
}
