/**
 * Steps of a long operation, and their results as data that survives a step.
 *
 * @module
 */
import { isAbort, unlessAborted } from "../core/abort.ts";
import {
  APIConnectionError,
  APIError,
  APITimeoutError,
  CallError,
  InvalidResponseError,
  NotEndedError,
  NotFoundError,
} from "../core/errors.ts";
import { type Call, pause } from "../core/send.ts";

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

/** Steps of our own calls. */
export interface CallSteps {
  /** The longest pause between two looks, in milliseconds: with an engine, a look is billed. */
  readonly longestPause: number;
  /**
   * Runs a step, or gives what came of it in an earlier run: its value or the error of the call, and
   * when. It throws the caller's own errors: an abort, even one whose reason is an error of this
   * library, and the failure of a key function or an audit trail.
   *
   * @param work Runs it. It gets the number of the attempt, from 1.
   */
  run<Value>(name: string, work: (attempt: number) => Promise<Value>): Promise<{
    readonly result: Value | CallError;
    readonly at: number;
  }>;
  sleep(name: string, duration: number): Promise<void>;
}

/** Steps without an engine: each runs at once. */
export function memorySteps(call: Call): Steps {
  return { do: (_name, _config, run) => run(), sleep: (_name, duration) => pause(call, duration) };
}

/**
 * The steps of a call. An abort ends them with `signal.reason`. A step that has begun comes to its end
 * first: it heeds the signal, and may have something to record.
 */
export function stepsOf(call: Call, engine?: Steps): CallSteps {
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
    longestPause: engine ? 3_600_000 : 60_000, // a minute, as in the documentation's own example
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
      const { at } = settled;
      return "error" in settled
        ? { result: deserializeError(settled.error), at }
        : { result: settled.value, at };
    },
    sleep: (name, duration) => heed(() => unlessAborted(steps.sleep(name, duration), signal)),
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
