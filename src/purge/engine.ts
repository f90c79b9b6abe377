/** Works on many objects: concurrency, pace, order, stop, totals. @module */
import { isAbort } from "../core/abort.ts";
import type { AuditContext } from "../core/audit.ts";
import { defined } from "../core/check.ts";
import type { Pace, Settings } from "../core/client.ts";
import {
  APIConnectionError,
  BatchsweepError,
  NotEndedError,
  WaitTimeoutError,
} from "../core/errors.ts";
import { type Call, type CallFacts, createCall } from "../core/send.ts";
import { ExportFailure } from "./export.ts";
import {
  type CancelOutcome,
  type DeletionOutcome,
  type ExportOutcome,
  isOutage,
  outcomeError,
  type StopReason,
  stopReason,
} from "./outcome.ts";
import { createPace } from "./pace.ts";

/** What a run does about one object. */
export interface Task<Done extends RunOutcome = DeletionOutcome> {
  readonly id: string;
  /** Its outcome, where that is known without a request. */
  readonly known?: Done | undefined;
  /** Whether it was planned with another key. Then an absence counts only if the answer names the workspace. */
  readonly otherKey?: boolean | undefined;
  /** Whether it waits for long. Such tasks run beside the others, 500 at most. */
  readonly waits?: boolean | undefined;
  /** Works on the object, and gives the outcome where it succeeded. */
  run(call: Call): Promise<Done>;
}

/** What can become of an object of a run. */
export type RunOutcome = DeletionOutcome | CancelOutcome | ExportOutcome;

/** What a run does, and what it has done then. */
const operations = { delete: "deleted", cancel: "canceled", export: "exported" } as const;
type Operation = keyof typeof operations;

/** How a run behaves. */
export interface RunOptions {
  /** What it does, for messages. @default "delete" */
  readonly operation?: Operation | undefined;
  /** The most tasks at a time, those that wait aside. */
  readonly concurrency: number;
  /** Stops the run: no task begins, waits end, and attempts in flight finish. */
  readonly signal?: AbortSignal | undefined;
  /** The only workspace whose answers count. */
  readonly workspaceId?: string | undefined;
  /**
   * Whether tasks run in chunks of so many: the next chunk begins when all of the last has ended.
   *
   * @default false
   */
  readonly inChunks?: boolean | undefined;
  /** What asked for the run, for the audit trail. */
  readonly audit?: AuditContext | undefined;
  /** Whether there is more to do than its objects. */
  readonly hasMore?: boolean | undefined;
}

/**
 * How many objects of a run ended in each outcome; what a plan keeps is not counted. `planned` is the
 * sum of the five after it.
 */
export interface PurgeSummary {
  /** How many objects there were. */
  readonly planned: number;
  readonly deleted: number;
  readonly missing: number;
  readonly skipped: number;
  readonly failed: number;
  readonly unattempted: number;
  /** Whether the run stopped before the end, or its plan left some to the next by `oldest`. */
  readonly hasMore: boolean;
}

/**
 * How many batches are waited for at a time. Each is looked at once a minute: with so many, half of
 * the lowest limit of today, 1,000 requests a minute, is left for the rest.
 */
const maxWaiting = 500;

/**
 * Settings with a pace: the client's own, or a new one.
 *
 * @param concurrency The most requests that a new one has in flight at a time.
 */
export function withPace(
  settings: Settings,
  concurrency: number,
): Settings & { readonly pace: Pace } {
  const { clock, maxRetryDelay: longestWait } = settings;
  const pace = settings.pace ?? createPace({ clock, concurrency, longestWait });
  return { ...settings, pace };
}

/** A run of tasks. */
export interface Run<Done extends RunOutcome = DeletionOutcome> {
  /**
   * Runs the tasks, and gives each outcome as it happens, in no order. If the iteration ends early,
   * the tasks in flight are awaited, but their outcomes are not reported.
   *
   * @throws What the audit trail or the function of the secret failed with, after all outcomes.
   */
  outcomes(): AsyncGenerator<Done | DeletionOutcome, void, undefined>;
  /** The totals so far. */
  summary(): PurgeSummary;
}

/**
 * Prepares a run over many objects, side by side and in their order. Until one is not refused, they go
 * alone: what stops a run, such as a wrong key, shows there.
 *
 * @param taskOf Makes the task of an object when its turn comes: there may be 100,000.
 */
export function createRun<Item, Done extends RunOutcome = DeletionOutcome>(
  settings: Settings,
  items: readonly Item[],
  taskOf: (item: Item) => Task<Done>,
  options: RunOptions,
): Run<Done> {
  const { concurrency, signal, workspaceId, operation = "delete", inChunks, audit } = options;
  const paced = withPace(settings, concurrency);
  const interruption = new AbortController(); // by the signal, or the caller ended the iteration
  const stop = new AbortController(); // by that, or for a reason of the run
  const interrupted = interruption.signal;
  const early = stop.signal;
  const interrupt = () => {
    interruption.abort(signal?.reason);
    stop.abort(signal?.reason);
  };
  // Once a deletion may have happened, only an interruption ends the attempts to learn its outcome.
  const waitSignal: Call["waitSignal"] = ({ mayBeDeleted }) => mayBeDeleted ? interrupted : early;
  const counts = { deleted: 0, missing: 0, skipped: 0, failed: 0 };
  let unattempted = items.length;
  const callerErrors: unknown[] = [];
  let reason: StopReason | undefined;
  const inARow = { outages: 0, refusals: 0 };
  let proven = false;
  let canceledOnly = 0; // batches that this run canceled and did not delete

  const attempt = async (task: Task<Done>): Promise<RunOutcome> => {
    const call = createCall(paced, {}, waitSignal, audit);
    const { facts } = call;
    const outcome: RunOutcome = await task.run(call).catch((error): DeletionOutcome => {
      if (isAbort(error, interrupted, early)) return stoppedOutcome(task.id, call, "interrupted");
      if (!(error instanceof BatchsweepError || error instanceof ExportFailure)) {
        callerErrors.push(error);
      }
      return failedOutcome(task.id, call, error, operation);
    });
    if (!(outcome.outcome in counts) && outcome.outcome !== "unattempted") return outcome;
    // A 404 of another workspace says nothing of this object. A receipt does, whoever gave it.
    const restsOnAbsence = outcome.outcome === "missing" ||
      (outcome.outcome === "deleted" && outcome.evidence !== "receipt");
    const isNamed = facts.workspaceIds.size > 0;
    const elsewhere = isNamed
      ? workspaceId !== undefined &&
        [...facts.workspaceIds].some((answered) => answered !== workspaceId)
      : task.otherKey && restsOnAbsence;
    if (elsewhere) reason ??= "other_workspace";
    const why = isNamed
      ? "the answer came from another workspace than the plan was made for"
      : "it was asked for with another API key before, and the answer names no workspace";
    return defined({
      ...elsewhere && restsOnAbsence ? failed(task.id, "ERR_PURGE_REFUSED", why, facts) : outcome,
      canceled: facts.canceled || undefined,
    }) as RunOutcome;
  };
  const work = async (task: Task<Done>): Promise<RunOutcome> => {
    const outcome = await attempt(task);
    if (outcome.outcome === "unattempted") reason ??= outcome.reason;
    const error = "error" in outcome ? outcome.error : undefined;
    inARow.outages = error && isOutage(error) ? inARow.outages + 1 : 0;
    inARow.refusals = error?.status === 403 ? inARow.refusals + 1 : 0;
    if (error) reason ??= stopReason(error, inARow);
    proven ||= inARow.refusals === 0;
    if (reason) stop.abort();
    return outcome.outcome === "unattempted" && reason ? { ...outcome, reason } : outcome;
  };
  const count = (outcome: RunOutcome): Done | DeletionOutcome => {
    if (outcome.outcome !== "unattempted") unattempted -= 1;
    if (outcome.outcome in counts) counts[outcome.outcome as keyof typeof counts] += 1;
    if (outcome.outcome === "skipped" && outcome.reason === "canceled") canceledOnly += 1;
    return outcome as Done | DeletionOutcome; // a task's own, or one made here
  };

  // Taking an outcome costs the same however many tasks are in flight.
  const ended: RunOutcome[] = [];
  let inFlight = 0;
  let wake = () => {};
  const begin = (task: Task<Done>) => {
    inFlight += 1;
    work(task).then((outcome) => {
      ended.push(outcome);
      wake();
    });
  };
  const next = async () => {
    while (ended.length === 0) await new Promise<void>((resolve) => wake = resolve);
    inFlight -= 1;
    return count(ended.shift() as RunOutcome);
  };

  async function* outcomes(): AsyncGenerator<Done | DeletionOutcome, void, undefined> {
    signal?.addEventListener("abort", interrupt);
    try {
      if (signal?.aborted) interrupt();
      for (const item of items) {
        const task = taskOf(item);
        const room = () => task.waits ? maxWaiting : proven ? concurrency : 1;
        if (inFlight >= room()) {
          do yield await next(); while (inFlight >= (inChunks ? 1 : room()));
        }
        if (signal?.aborted) reason ??= "interrupted";
        if (task.known !== undefined) yield count(task.known);
        else if (reason) yield count({ outcome: "unattempted", id: task.id, reason });
        else begin(task);
      }
      while (inFlight > 0) yield await next();
    } finally {
      signal?.removeEventListener("abort", interrupt);
      interrupt();
      while (inFlight > 0) await next();
    }
    if (callerErrors.length > 0) throw callerErrors[0];
  }

  return {
    outcomes,
    summary() {
      const hasMore = unattempted + canceledOnly > 0 || options.hasMore === true;
      return { planned: items.length, ...counts, unattempted, hasMore };
    },
  };
}

/** The outcome of a task that the run could not finish. */
function stoppedOutcome(id: string, { facts }: Call, reason: StopReason): DeletionOutcome {
  if (facts.mayBeDeleted) {
    const why = "the run was interrupted; it may have been deleted";
    return failed(id, "ERR_ABORTED", why, facts);
  }
  return facts.canceled === false
    ? { outcome: "unattempted", id, reason }
    : { outcome: "skipped", id, reason: "canceled" };
}

function failedOutcome(
  id: string,
  call: Call,
  error: unknown,
  operation: Operation,
): DeletionOutcome {
  const { facts } = call;
  if (error instanceof ExportFailure) {
    return error.failure.code === "ERR_ARCHIVED"
      ? { outcome: "skipped", id, reason: "archived" }
      : { outcome: "skipped", id, reason: "export_failed", error: error.failure };
  }
  if (error instanceof BatchsweepError) {
    const { auditError } = error;
    const isOverLimit = error instanceof APIConnectionError && error.reason === "request_limit";
    if (isOverLimit && !facts.mayBeDeleted) {
      return defined({ ...stoppedOutcome(id, call, "unreachable"), auditError });
    }
    return defined(
      error instanceof NotEndedError || error instanceof WaitTimeoutError
        ? { outcome: "skipped", id, reason: "not_ended", auditError }
        : { outcome: "failed", id, error: outcomeError(error), auditError },
    );
  }
  const what = facts.auditTrailFailure === undefined
    ? "the function of the secret failed"
    : `the audit trail failed: ${facts.auditTrailFailure}`;
  const isDone = facts.mayBeDeleted || facts.canceled !== false;
  const nothing = `; nothing was ${operations[operation]}`;
  const why = isDone ? what : what + nothing;
  return failed(id, "ERR_CALLER", why, { mayBeDeleted: isDone }, operation);
}

function failed(
  id: string,
  code: string,
  why: string,
  { mayBeDeleted }: Pick<CallFacts, "mayBeDeleted">,
  operation = "delete",
): DeletionOutcome {
  const message = `Cannot ${operation} ${JSON.stringify(id)}: ${why}`;
  const outcomeKnown = mayBeDeleted ? false as const : undefined;
  return { outcome: "failed", id, error: { code, message, why, outcomeKnown } };
}
