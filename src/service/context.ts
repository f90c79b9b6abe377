/**
 * What the service works with: its options, what its requests and runs share, what each has, how long it
 * may take, and its line in the log.
 *
 * @module
 */
import type { Config, Environment } from "../config/mod.ts";
import { type Client, maxTimer, systemClock } from "../core/client.ts";
import type { DeletionFacts } from "../core/delete.ts";
import { type Storage, StorageError } from "../storage/mod.ts";
import type { Operations } from "./operations.ts";
import { noteError } from "./problem.ts";

/** What the service works with. */
export interface ServiceOptions {
  /** The variables that configure it, such as `process.env` or a Worker's `env`. */
  readonly environment: Environment;
  /** Options of the client that no variable has, such as its `fetch`, its `clock` or an `auditTrail`. */
  readonly client?: Client | undefined;
  /**
   * Where deletions are recorded, and where holds and the results of runs are.
   *
   * @default none: nothing is deleted, unless `AUDIT=off` or the client has an `auditTrail`
   */
  readonly storage?: Storage | undefined;
  /** What runs operations. It needs `storage`. @default none: a batch that has not ended is not canceled */
  readonly operations?: Operations | undefined;
  /** How many requests a retention run may make, if `RETENTION_REQUESTS` does not say. @default no limit */
  readonly requests?: number | undefined;
  /** How long a run may begin deletions, in milliseconds. The next run goes on. @default 3_540_000 */
  readonly runTime?: number | undefined;
  /**
   * Gets a record of every request, retention run and operation when it has ended, without secrets. Of
   * requests to `/healthz`, those that meet an error of the database. @default none
   */
  readonly log?: ((record: LogRecord) => void) | undefined;
  /**
   * Stops the service: requests are answered 503, and nothing begins a deletion. What has not ended
   * within `GRACE_PERIOD` is aborted, and recorded as unknown. @default none
   */
  readonly signal?: AbortSignal | undefined;
  /** Aborts the deletions that are under way. They are recorded as unknown. @default none */
  readonly cutSignal?: AbortSignal | undefined;
}

/** What the log says of one request, retention run or operation. */
export interface LogRecord {
  /** When it began, as an RFC 3339 date-time. */
  readonly time: string;
  readonly event: "request" | "run" | "operation";
  /** How long it took, in milliseconds. */
  readonly duration: number;
  /** How many requests it made to the API. */
  readonly requests: number;
  /** What went wrong, as far as a caller may not see it. */
  readonly error?: { readonly code: string; readonly message: string } | undefined;
  /** More facts: ids, the outcome and the status of the answer; the counts of a run. */
  readonly [fact: string]: unknown;
}

/** The facts of a record, collected while it goes on. */
export interface Line {
  requests: number;
  error?: LogRecord["error"];
  /** The entries of the audit trail that could not be written, by their batches. */
  notWritten?: readonly string[];
  [fact: string]: unknown;
}

/** What a service has for all its requests and runs. */
export interface State extends ServiceOptions {
  readonly config: Config;
  /** The ids of the retention runs that run now. */
  readonly running: Set<string>;
  /** The deletions on demand that are under way, by caller and batch. */
  readonly underWay: Map<string, Promise<DeletionFacts>>;
  /** When an entry could not be written last, until one is written again. */
  notWritten?: number | undefined;
  /** What `/healthz` found last, and when. */
  health?: { readonly at: number; readonly found: object } | undefined;
}

/** What one request or run works with. */
export interface Context {
  readonly state: State;
  /** Its line in the log. */
  readonly line: Line;
  /** Aborted when its time is over: what is in flight is aborted. */
  readonly limit: AbortSignal;
  /** Aborted when it is to begin nothing more. */
  readonly stop: AbortSignal;
  /** Logs the line once more: the answer has broken off while it was sent. */
  readonly report: () => void;
}

/** The time now, in milliseconds. */
export function nowOf({ client }: State): number {
  return (client?.clock ?? systemClock).now();
}

/** The grace period, less the time that it takes to record how a deletion ended, in milliseconds. */
export function timeOf({ config }: State): number {
  return Math.min(config.gracePeriod() * 0.9, maxTimer);
}

/** Works on a request, a run or an operation, and logs what became of it. */
export async function work<Result>(
  event: LogRecord["event"],
  state: State,
  make: (context: Context) => Promise<Result>,
): Promise<Result> {
  const { log, signal, cutSignal, runTime = 3_540_000 } = state;
  const startedAt = nowOf(state);
  const line: Line = { requests: 0 };
  const [limit, stop] = [new AbortController(), new AbortController()];
  const timers: ReturnType<typeof setTimeout>[] = [];
  const cut = () => limit.abort();
  const end = () => {
    stop.abort();
    let time = 22_500;
    try {
      time = timeOf(state);
    } catch {
      // A deletion says that GRACE_PERIOD is invalid, and so does /healthz.
    }
    timers.push(setTimeout(cut, time));
  };
  const time = new Date(startedAt).toISOString();
  const report = () => {
    try {
      log?.({ time, event, duration: nowOf(state) - startedAt, ...line });
    } catch {
      // It must not change an answer.
    }
  };
  if (event === "request" || signal?.aborted) end();
  if (event === "run") timers.push(setTimeout(() => stop.abort(), runTime));
  signal?.addEventListener("abort", end);
  cutSignal?.addEventListener("abort", cut);
  try {
    return await make({ state, line, limit: limit.signal, stop: stop.signal, report });
  } finally {
    timers.forEach(clearTimeout);
    signal?.removeEventListener("abort", end);
    cutSignal?.removeEventListener("abort", cut);
    const isNews = line.error !== undefined ||
      (event === "request" ? line["route"] !== "/healthz" : "outcome" in line);
    if (isNews) report();
  }
}

/**
 * Streams an answer. It breaks off after an hour, or when the service stops. A break is logged.
 *
 * @param source A reader of a stream, or what is read like one.
 */
export function whileServed(
  source: {
    read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
    cancel(reason?: unknown): Promise<void>;
  },
  { state, line, report }: Context,
): ReadableStream<Uint8Array> {
  const timers: ReturnType<typeof setTimeout>[] = [];
  const cutAfter = (duration: number) => timers.push(setTimeout(() => cut(), duration));
  let cut = () => {}; // workerd does not heed the signal of pipeTo() while it waits for a chunk
  const time = timeOf(state); // here an invalid GRACE_PERIOD is an answer
  const stop = () => cutAfter(time);
  let isOpen = true;
  const end = (error?: unknown) => {
    timers.forEach(clearTimeout);
    state.signal?.removeEventListener("abort", stop);
    if (isOpen && error !== undefined) {
      line["outcome"] = "failed";
      if (error instanceof StorageError) noteError(line, error);
      report();
    }
    isOpen = false;
  };
  return new ReadableStream<Uint8Array>({
    start(controller) {
      cut = () => {
        const error = new Error("The answer takes too long, or the service stops");
        end(error);
        controller.error(error);
        source.cancel().catch(() => {});
      };
      cutAfter(3_600_000);
      state.signal?.addEventListener("abort", stop);
      if (state.signal?.aborted) stop();
    },
    async pull(controller) {
      try {
        const { done, value } = await source.read();
        if (!done && value !== undefined) return controller.enqueue(value);
        controller.close();
        end();
      } catch (error) {
        end(error);
        throw error;
      }
    },
    async cancel(reason) {
      end();
      await source.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
