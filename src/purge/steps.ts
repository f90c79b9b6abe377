import type { Clock, StepConfig, Steps } from "../core/ports.ts";
import { unlessAborted } from "../core/unless-aborted.ts";

/**
 * How every step here is repeated by its engine. What the API says of a call is data, and a call
 * repeats itself: this is for a process that dies, and for a key or a trail that cannot be had.
 */
export const stepConfig: StepConfig = { retries: { limit: 3, delay: 1_000 } };

/** Steps in memory: each is made at once, and made again when the operation is. */
export function createSteps(clock: Clock, signal?: AbortSignal): Steps {
  return {
    do: (_name, _config, run) => run(),
    sleep: (_name, duration) => clock.sleep(duration, signal),
  };
}

/**
 * Steps that end at an abort with `signal.reason`, whatever an engine makes of it. A step under way
 * comes to its end first: what it does heeds the signal, and may have something to record.
 */
export function abortable(steps: Steps, signal: AbortSignal | undefined): Steps {
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
    do: (name, config, run) => heed(() => steps.do(name, config, run)),
    sleep: (name, duration) => heed(() => unlessAborted(steps.sleep(name, duration), signal)),
  };
}
