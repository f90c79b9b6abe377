/**
 * Steps of a long operation, and results as data that survives a step.
 *
 * @module
 */
import { isAbort, unlessAborted } from "../core/abort.ts";
import {
  APIConnectionError,
  APIError,
  APITimeoutError,
  CallError,
  type Exchange,
  type Failed,
  InvalidResponseError,
  NotEndedError,
  NotFoundError,
  type Refusal,
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
   * @param config How it is repeated.
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

/** Steps, and the longest pause between two looks, in milliseconds: with an engine, a look is billed. */
export interface PacedSteps extends Steps {
  readonly longestPause: number;
}

/**
 * The steps of a call. Without an engine, each runs at once.
 *
 * An abort ends the steps of an engine with `signal.reason`. A step that has begun comes to its end
 * first: it heeds the signal, and may have something to record.
 *
 * @param engine The engine; undefined: none.
 */
export function stepsOf(call: Call, engine: Steps | undefined): PacedSteps {
  const { signal } = call;
  if (engine === undefined) {
    return {
      longestPause: 60_000, // as in the documentation's own example
      do: (_name, _config, run) => run(),
      sleep: (_name, duration) => pause(call, duration),
    };
  }
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
    longestPause: 3_600_000,
    do: (name, config, run) => heed(() => engine.do(name, config, run)),
    sleep: (name, duration) => heed(() => unlessAborted(engine.sleep(name, duration), signal)),
  };
}

/** An error of a call as JSON data. */
export type SerializedError =
  & { readonly code: string; readonly auditError?: string | undefined }
  & Failed
  & Exchange
  & Partial<Refusal>;

/** The result of a call as JSON data, unless its value is not. */
export type Result<Value> = { readonly value: Value } | { readonly error: SerializedError };

/**
 * Makes a call, and turns its errors into data. It throws the caller's own errors: an abort, even one
 * whose reason is an error of this library, and the failure of a key function or an audit trail.
 */
export async function toResult<Value>(
  signal: AbortSignal | undefined,
  run: () => Promise<Value>,
): Promise<Result<Value>> {
  try {
    return { value: await run() };
  } catch (error) {
    if (!(error instanceof CallError) || isAbort(error, signal)) throw error;
    return { error: { ...error } };
  }
}

const classes = {
  ERR_API: APIError,
  ERR_NOT_FOUND: NotFoundError,
  ERR_NOT_ENDED: NotEndedError,
  ERR_CONNECTION: APIConnectionError,
  ERR_TIMEOUT: APITimeoutError,
  ERR_INVALID_RESPONSE: InvalidResponseError,
};

/** The error that was serialized. */
export function deserializeError(error: SerializedError): CallError {
  const Class = (classes as Record<string, unknown>)[error.code] ?? APIError;
  return new (Class as new (facts: SerializedError) => CallError)(error);
}

/** Whether a failure may pass: no complete answer, too many requests, a 5xx. */
export function isPassing({ code, status = 0, errorCode }: SerializedError): boolean {
  if (errorCode === "enforced_spend_limit_reached") return false; // it stays reached
  if (code === "ERR_CONNECTION" || code === "ERR_TIMEOUT") return true;
  return status === 408 || status === 429 || status >= 500;
}
