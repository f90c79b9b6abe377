import type { DeletionOutcome, OutcomeError } from "../../purge/outcome.ts";
import { isOutage, type StopReason, stopReason } from "../../purge/stop-reason.ts";
import { createUnderWay } from "../../purge/under-way.ts";

/** How many requests are under way at a time; the API's limits are kept besides. */
export const requestsAtOnce = 32;

/** How many batches are waited for at a time: each is looked at once a minute. */
export const waitsAtOnce = 500;

/** What can become of an id whatever is done about it. */
export type Undone = Extract<DeletionOutcome, { readonly outcome: "failed" | "unattempted" }>;

/** What became of an id. */
export interface Outcome {
  readonly outcome: string;
  readonly id: string;
  /** Why it is no success. */
  readonly error?: OutcomeError | undefined;
}

/** How a run behaves. */
export interface RunEachOptions {
  /** Stops the run: nothing new is begun. */
  readonly signal: AbortSignal;
  /**
   * How many ids are worked on at a time. The first goes alone until something is known of it: what
   * stops a run, such as a refused key, shows there.
   *
   * @default 1
   */
  readonly concurrency?: number | undefined;
  /** Resolves when something is known of the first id. @default when it has come to its end */
  readonly proven?: Promise<void> | undefined;
}

/** What ends the work on an id before its time. */
export interface Ends {
  /** The run is interrupted, or nobody is interested any more. */
  readonly now: AbortSignal;
  /** The same; or the run is stopped, which is no reason to leave something half done. */
  readonly early: AbortSignal;
}

/**
 * Works on ids. Every one ends in one outcome, given as it happens: the failure of one goes on with
 * the next, and what cannot end better stops the run and leaves the rest `unattempted`.
 *
 * @param ids The ids, each once.
 * @param act Works on one. It never rejects.
 * @param options How the run behaves.
 */
export async function* runEach<Done extends Outcome>(
  ids: Iterable<string>,
  act: (id: string, ends: Ends) => Promise<Done | Undone>,
  { signal, concurrency = 1, proven }: RunEachOptions,
): AsyncGenerator<Done | Undone, void> {
  const over = new AbortController();
  const stopped = new AbortController();
  const now = AbortSignal.any([signal, over.signal]);
  const ends = { now, early: AbortSignal.any([now, stopped.signal]) };
  const underWay = createUnderWay<Done | Undone>();
  let most = 1;
  const opened = proven?.then(() => void (most = concurrency));
  let failuresInARow = 0;
  let reason: StopReason | undefined;

  const next = async (): Promise<Done | Undone> => {
    const outcome = await underWay.next();
    const { error }: Outcome = outcome;
    failuresInARow = error !== undefined && isOutage(error) ? failuresInARow + 1 : 0;
    if (error === undefined) most = concurrency;
    else reason ??= stopReason(error, failuresInARow);
    if (isUnattempted(outcome)) reason ??= outcome.reason;
    if (reason !== undefined) stopped.abort();
    return isUnattempted(outcome) && reason !== undefined ? { ...outcome, reason } : outcome;
  };

  try {
    for (const id of ids) {
      while (underWay.size >= most) yield await next();
      if (signal.aborted) reason ??= "interrupted";
      if (reason !== undefined) {
        yield { outcome: "unattempted", id, reason };
        continue;
      }
      const work = act(id, ends);
      underWay.add(work);
      if (most < concurrency) await Promise.race([work, ...opened === undefined ? [] : [opened]]);
    }
    while (underWay.size > 0) yield await next();
  } finally {
    over.abort(); // who ends the iteration early need not wait for the end of a batch
    while (underWay.size > 0) await underWay.next();
  }
}

function isUnattempted(
  outcome: { readonly outcome: string },
): outcome is Extract<Undone, { readonly outcome: "unattempted" }> {
  return outcome.outcome === "unattempted";
}
