/**
 * Waits until a batch has ended; cancels it first, and deletes it then, if that is asked for.
 *
 * @module
 */
import { isAbort, unlessAborted } from "../core/abort.ts";
import {
  cancelBatch,
  type MessageBatch,
  messageBatchSchema,
  retrieveBatch,
  subjectOf,
} from "../core/batches.ts";
import { checkOptions, type Checks, hasMethods, isWaitTime, segment } from "../core/check.ts";
import { callChecks, type CallOptions, checkClient, type Client } from "../core/client.ts";
import {
  batchTarget,
  deleteBatch,
  deleteChecks,
  type DeleteOptions,
  type Deletion,
  lookForAbsence,
  looksForAbsence,
  mayMeanNotEnded,
  withDoubt,
} from "../core/delete.ts";
import {
  APIConnectionError,
  APIError,
  APITimeoutError,
  CallError,
  type Canceled,
  InvalidResponseError,
  NotEndedError,
  NotFoundError,
  type Refusal,
  WaitTimeoutError,
} from "../core/errors.ts";
import { parseResponse } from "../core/response.ts";
import { type Call, createCall, pause } from "../core/send.ts";
/** How an engine repeats a step that throws. */
export interface StepConfig {
  /** How many times at most, and the wait before, in milliseconds. */
  readonly retries: { readonly limit: number; readonly delay: number };
}

/**
 * Runs a long operation in steps, each once however often the process dies. Cloudflare's
 * `WorkflowStep` fits by shape.
 *
 * Errors do not survive a step. So a step returns its result as JSON data, and throws only where it
 * should be run again.
 */
export interface Steps {
  /**
   * Runs a step, or returns the result of an earlier run.
   *
   * @param name Unlike that of any other step of the operation.
   * @param run Runs it. `attempt` is above 1 if an earlier run of this step did not end. An engine
   *   that does not say so cannot tell its own deletion from that of another client.
   */
  do<Result>(
    name: string,
    config: StepConfig,
    run: (context?: { readonly attempt?: number }) => Promise<Result>,
  ): Promise<Result>;
  /** Waits, in milliseconds. */
  sleep(name: string, duration: number): Promise<void>;
}

/**
 * How an engine repeats our steps. A call repeats itself, and a refusal is data: this is for a process
 * that dies, and for a key or an audit trail that fails.
 */
export const stepConfig: StepConfig = { retries: { limit: 3, delay: 1_000 } };

/** Options of a wait. */
export interface WaitOptions extends CallOptions {
  /**
   * How long to wait in all, in milliseconds; at its end there is one more look. It cuts no request
   * short. The API ends every batch 24 hours after its creation. @default 86_400_000
   */
  readonly waitTimeout?: number | undefined;
  /**
   * Runs the steps. With durable steps the operation outlives its process: call it again with the
   * same arguments, and it goes on. Since an engine may bill each step, a wait of 24 hours takes about
   * 45 looks. @default steps in memory
   */
  readonly steps?: Steps | undefined;
}

/** Options of {@link cancelAndDeleteMessageBatch}. */
export interface CancelAndDeleteOptions extends WaitOptions, DeleteOptions {}

const waitChecks: Checks<WaitOptions> = {
  ...callChecks,
  waitTimeout: isWaitTime,
  steps: /* @__PURE__ */ hasMethods<Steps>("a Steps object with do() and sleep()", "do", "sleep"),
};

const maxFailures = 10;

/**
 * Waits until a Message Batch has ended. The API has no event for it, so the batch is retrieved again
 * and again: at once, after a second, then at intervals that grow by half up to a minute, with `steps`
 * up to an hour, or longer where the API asks for it. Failures that may pass do not end the wait.
 *
 * @returns The batch, ended.
 * @throws {WaitTimeoutError} It has not ended in time.
 * @throws {NotFoundError} Three looks in a row found no such batch.
 * @throws {APIError | InvalidResponseError} The API refused to show it.
 * @throws {APIConnectionError | APITimeoutError} Ten looks in a row failed.
 * @throws {TypeError | RangeError} An argument cannot be used; no request was made.
 *
 * @example Wait for a batch, an hour at most
 * ```ts
 * import { waitUntilMessageBatchEnded } from "batchsweep";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox({ processingTime: 0 });
 * const { id } = sandbox.seed({ processing_status: "in_progress" });
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch };
 *
 * const batch = await waitUntilMessageBatchEnded(client, id, { waitTimeout: 3_600_000 });
 * console.log(batch.request_counts.succeeded); // 1
 * ```
 * @see [Retrieve a Message Batch](https://platform.claude.com/docs/en/api/messages/batches/retrieve)
 */
export async function waitUntilMessageBatchEnded(
  client: Client,
  id: string,
  options: WaitOptions = {},
): Promise<MessageBatch> {
  const checked = checkOptions(options, waitChecks);
  const call = createCall(checkClient(client), checked);
  segment(id, "message_batch_id");
  return await waitUntilEnded(call, id, checked);
}

/**
 * Deletes a Message Batch whatever its state: cancels it if it is being processed, waits until it has
 * ended as {@link waitUntilMessageBatchEnded} does, and deletes it. Results it has by then are deleted
 * with it.
 *
 * @returns The deletion, with its evidence, and whether the batch was canceled.
 * @throws {WaitTimeoutError} It has not ended in time, and was not deleted. `canceled` says whether
 *   it was canceled: a cancellation is not taken back.
 * @throws {NotFoundError} No such batch, or no longer, and `allowMissing` is not set.
 * @throws {NotEndedError | InvalidResponseError} As {@link deleteMessageBatch}.
 * @throws {APIError | APIConnectionError | APITimeoutError} As every call.
 * @throws {TypeError | RangeError} An argument cannot be used; no request was made.
 *
 * @example Delete a batch that is still being processed
 * ```ts
 * import { cancelAndDeleteMessageBatch } from "batchsweep";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox({ cancelingTime: 0 });
 * const { id } = sandbox.seed({ processing_status: "in_progress" });
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch };
 *
 * const deletion = await cancelAndDeleteMessageBatch(client, id);
 * console.log(deletion.evidence, deletion.canceled); // "receipt" true
 * ```
 * @see [Cancel a Message Batch](https://platform.claude.com/docs/en/api/messages/batches/cancel)
 */
export async function cancelAndDeleteMessageBatch(
  client: Client,
  id: string,
  options: CancelAndDeleteOptions = {},
): Promise<Deletion & { readonly canceled: Canceled }> {
  const checked = checkOptions(options, { ...waitChecks, ...deleteChecks });
  const call = createCall(checkClient(client), checked);
  segment(id, "message_batch_id");
  return await cancelAndDelete(call, id, checked);
}

/** Does what {@link cancelAndDeleteMessageBatch} does. */
export async function cancelAndDelete(
  call: Call,
  id: string,
  { waitTimeout, steps: engine, allowMissing, mayBeDeletedAlready, lookFirst }:
    CancelAndDeleteOptions,
): Promise<Deletion & { readonly canceled: Canceled }> {
  const steps = stepsOf(call, engine);
  try {
    await waitUntilEnded(call, id, { waitTimeout, steps: engine, cancel: true });
  } catch (error) {
    // The deletion says how the absence is known, and records it.
    if (!(error instanceof NotFoundError && (allowMissing || mayBeDeletedAlready))) {
      throw withDoubt(call, error, mayBeDeletedAlready);
    }
  }
  const { result } = await steps.run("delete", async (attempt) => {
    // An earlier run of this step did not end, so its outcome is unknown.
    const absence = { allowMissing, mayBeDeletedAlready: mayBeDeletedAlready || attempt > 1 };
    return await deleteBatch(call, id, { ...absence, lookFirst });
  });
  if (result instanceof CallError) throw result;
  return { ...result, canceled: call.facts.canceled };
}

/** How the end of a batch is waited for. */
interface Wait extends Pick<WaitOptions, "waitTimeout" | "steps"> {
  /** Whether a batch that is being processed is canceled. */
  readonly cancel?: boolean;
}

/**
 * Retrieves a batch until it has ended or the time is over. Times come from steps, so that an
 * operation that is run again takes the same turns.
 */
export async function waitUntilEnded(
  call: Call,
  id: string,
  { waitTimeout = 86_400_000, steps: engine, cancel = false }: Wait,
): Promise<MessageBatch> {
  const { facts } = call;
  const steps = stepsOf(call, engine);
  const start = await steps.run("start", () => Promise.resolve(null));
  let nextDelay = 1_000;
  let lastStatus: WaitTimeoutError["lastStatus"];
  let misses = 0; // looks since one that found the batch
  let failures = 0;
  let refusal: CallError | undefined; // of the cancellation
  /** What is known of a batch that has not ended, once it was canceled. */
  const cancelOnce = async (batch: MessageBatch, turn: number) => {
    if (batch.processing_status === "canceling" || facts.canceled === true) return batch;
    if (refusal) return refusal;
    const { result } = await steps.run(`cancel ${turn}`, () => cancelBatch(call, id));
    if (!(result instanceof CallError)) facts.canceled = true;
    else if (!result.outcomeKnown) facts.canceled = "unknown";
    if (mayMeanNotEnded(result)) refusal = result; // it has just ended, or was canceled already
    // The next look decides.
    return refusal || result instanceof NotFoundError ? batch : result;
  };
  for (let turn = 1;; turn += 1) {
    const look = await steps.run(`look ${turn}`, () => retrieveBatch(call, id));
    facts.looks = turn;
    let seen = look.result;
    if (!(seen instanceof CallError)) {
      facts.wasThere = true;
      misses = 0;
      lastStatus = knownStatus(seen);
      if (cancel && !hasEnded(seen)) seen = await cancelOnce(seen, turn);
    }
    const { retryAfter = 0 }: Partial<Refusal> = seen instanceof CallError ? seen : {};
    if (!(seen instanceof CallError)) {
      if (hasEnded(seen)) return seen;
      lastStatus = knownStatus(seen);
      failures = 0;
    } else if (seen instanceof NotFoundError) {
      misses += 1;
      if (misses === looksForAbsence) {
        facts.wasThere = false;
        throw seen;
      }
    } else {
      failures += 1;
      const { code, status = 0, errorCode }: CallError & Partial<Refusal> = seen;
      if (failures === maxFailures || !isPassing(code, status, errorCode)) throw seen;
    }
    const left = start.at + waitTimeout - look.at;
    if (left <= 0) {
      const it = lastStatus === undefined ? "its status is not known" : `it is still ${lastStatus}`;
      const canceled = lastStatus === "canceling" || facts.canceled;
      const was = canceled === true ? "was" : "may have been";
      const cancellation = canceled === false ? "" : `its cancellation ${was} requested, and `;
      throw new WaitTimeoutError({
        operation: cancel ? "delete" : "wait any longer for",
        subject: subjectOf(id),
        why: `${it} after ${waitTimeout} ms${cancel ? `; ${cancellation}nothing was deleted` : ""}`,
        lastStatus,
        canceled,
      });
    }
    await steps.sleep(`wait ${turn}`, Math.min(Math.max(nextDelay, retryAfter), left));
    nextDelay = Math.min(nextDelay * 1.5, steps.longestPause);
  }
}

/** Whether a failure may pass: no complete answer, too many requests, a 5xx. */
function isPassing(code: string, status: number, errorCode: string | undefined): boolean {
  if (errorCode === "enforced_spend_limit_reached") return false; // it stays reached
  if (code === "ERR_CONNECTION" || code === "ERR_TIMEOUT") return true;
  return status === 408 || status === 429 || status >= 500;
}

const hasEnded = ({ processing_status }: MessageBatch) => processing_status === "ended";

/** A status that an error can repeat: any other would be a server's text. */
function knownStatus({ processing_status }: MessageBatch): WaitTimeoutError["lastStatus"] {
  return (["in_progress", "canceling"] as const).find((status) => status === processing_status);
}

/** Looks for a batch, three times at most. It throws the error of a look that shows neither. */
export async function lookFor(call: Call, id: string): Promise<MessageBatch | NotFoundError> {
  const found = await lookForAbsence(batchTarget(call, id));
  if (found instanceof NotFoundError) return found;
  if (found instanceof CallError) throw found;
  return parseResponse(found, messageBatchSchema(id));
}

/** Steps without an engine: each runs at once. */
export function memorySteps(call: Call): Steps {
  return { do: (_name, _config, run) => run(), sleep: (_name, duration) => pause(call, duration) };
}

/**
 * The steps of a call. An abort ends them with `signal.reason`. A step that has begun ends
 * first: it heeds the signal, and may have something to record.
 */
function stepsOf(call: Call, engine?: Steps) {
  const { signal, settings: { clock } } = call;
  const steps = engine ?? memorySteps(call);
  const heed = async <Result>(step: () => Promise<Result>): Promise<Result> => {
    signal?.throwIfAborted();
    try {
      return await step();
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  };
  return {
    /** Between two looks, in milliseconds: with an engine, a look is billed. */
    longestPause: engine ? 3_600_000 : 60_000, // a minute, as in the documentation's own example
    /**
     * Runs a step, or gives what came of it in an earlier run: its value or the error of the call, and
     * when. It throws the caller's own errors: an abort, even one whose reason is an error of this
     * library, and the failure of a key function or an audit trail.
     */
    async run<Value>(name: string, work: (attempt: number) => Promise<Value>) {
      const settle = async ({ attempt = 1 }: { readonly attempt?: number } = {}) => {
        try {
          return { value: await work(attempt), at: clock.now() };
        } catch (error) {
          if (!(error instanceof CallError) || isAbort(error, signal)) throw error;
          return { error: { ...error }, at: clock.now() };
        }
      };
      const settled = await heed(() => steps.do(name, stepConfig, settle));
      const result = "error" in settled ? deserializeError(settled.error) : settled.value;
      return { result, at: settled.at };
    },
    sleep: (name: string, duration: number) =>
      heed(() => unlessAborted(steps.sleep(name, duration), signal)),
  };
}

const classes: Readonly<Record<string, unknown>> = {
  ERR_NOT_FOUND: NotFoundError,
  ERR_NOT_ENDED: NotEndedError,
  ERR_CONNECTION: APIConnectionError,
  ERR_TIMEOUT: APITimeoutError,
  ERR_INVALID_RESPONSE: InvalidResponseError,
};

/** The error that was serialized. */
function deserializeError(error: Pick<CallError, "code">): CallError {
  const Class = classes[error.code] ?? APIError;
  return new (Class as new (facts: object) => CallError)(error);
}
