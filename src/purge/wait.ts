import { batchPath, retrieveMessageBatch } from "../core/batches.ts";
import { cannotUse } from "../core/cannot-use.ts";
import type { CallOptions, Client } from "../core/client.ts";
import { WaitTimeoutError } from "../core/errors.ts";
import type { MessageBatch } from "../core/message-batch.ts";
import { fillPath } from "../core/path.ts";
import type { Steps } from "../core/ports.ts";
import { checkBetas, settingsOf } from "../core/settings.ts";
import { checkSignal } from "./check-signal.ts";
import { checkWaitTime } from "./check-wait-time.ts";
import { errorOf, isPassing, settle, type Settled } from "./failure.ts";
import { hasMethods } from "./has-methods.ts";
import { createLooks } from "./looks.ts";
import { abortable, createSteps, stepConfig } from "./steps.ts";

/** Options of a wait. */
export interface WaitOptions extends CallOptions {
  /**
   * How long to wait in all, in milliseconds; at its end there is one more look. It is not
   * `timeout` of the {@link Client}, which is the time of one attempt at one request: a request
   * under way is not cut short by this one. The API ends every batch 24 hours after its creation.
   *
   * @default 86_400_000
   */
  readonly timeout?: number | undefined;
  /**
   * What makes the steps. Durable ones let the operation outlive its process: make it again with the
   * same arguments, and it goes on where it was. Names of steps are unique within one operation.
   *
   * @default steps in memory
   */
  readonly steps?: Steps | undefined;
}

const longest = 86_400_000; // after it, the API has ended every batch
const believedFailures = 10;

/**
 * Waits until a Message Batch has ended. The API has no event for it, so the batch is looked at: at
 * once, after a second, then at intervals that grow by half to a minute, or longer where the API asks
 * for it. Failures that may pass are waited out.
 *
 * @param client Who calls, and how.
 * @param id ID of the batch.
 * @param options Options of the wait.
 * @returns The batch, ended.
 * @throws {WaitTimeoutError} It has not ended in time.
 * @throws {NotFoundError} Three looks found no such batch, and none between them found it.
 * @throws {APIError | InvalidResponseError} The API refused to show it.
 * @throws {APIConnectionError | APITimeoutError} Ten looks failed, and none between them succeeded.
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
 * const batch = await waitUntilMessageBatchEnded(client, id, { timeout: 3_600_000 });
 * console.log(batch.request_counts.succeeded); // 1
 * ```
 * @see [Retrieve a Message Batch](https://platform.claude.com/docs/en/api/messages/batches/retrieve)
 */
export async function waitUntilMessageBatchEnded(
  client: Client,
  id: string,
  options: WaitOptions = {},
): Promise<MessageBatch> {
  const end = await untilEnded(client, id, options, prepare(client, id, options));
  if ("batch" in end) return end.batch;
  const action = `Cannot wait for message batch ${JSON.stringify(id)} any longer`;
  throw new WaitTimeoutError(`${action}: ${end.still}`, end.lastStatus);
}

/**
 * Checks every argument of an operation before its first step.
 *
 * @returns The steps it is made of.
 */
export function prepare(client: Client, id: string, options: WaitOptions): Steps {
  const { signal, betas, timeout, steps } = options;
  const { clock } = settingsOf(client);
  checkBetas(betas);
  fillPath(batchPath, { message_batch_id: id });
  checkWaitTime(timeout, "timeout");
  checkSignal(signal);
  if (steps !== undefined && !hasMethods(steps, "do", "sleep")) {
    throw cannotUse("steps", "they have no do() or no sleep()");
  }
  return abortable(steps ?? createSteps(clock, signal), signal);
}

/** How a wait ended: with the batch, or without it. */
export type WaitEnd = { readonly batch: MessageBatch } | {
  /** The last status that was seen; undefined where none was, or one that is not known here. */
  readonly lastStatus: WaitTimeoutError["lastStatus"];
  /** The same in words. */
  readonly still: string;
};

/**
 * Looks at a batch until it has ended or the time is over.
 *
 * Times come from steps, so that an operation that is made again takes the same turns.
 *
 * @param act Is given every batch that has not ended, and the number of the turn. What it returns
 *   counts as what was seen.
 */
export async function untilEnded(
  client: Client,
  id: string,
  { signal, betas, timeout = longest }: WaitOptions,
  steps: Steps,
  act?: (batch: MessageBatch, turn: number) => Promise<Settled<MessageBatch>>,
): Promise<WaitEnd> {
  const { clock } = settingsOf(client);
  const start = await steps.do("start", stepConfig, () => Promise.resolve(clock.now()));
  const looks = createLooks();
  let lastStatus: WaitTimeoutError["lastStatus"];
  let failures = 0;
  for (let turn = 1;; turn += 1) {
    const look = await steps.do(`look ${turn}`, stepConfig, async () => ({
      seen: await settle(() => retrieveMessageBatch(client, id, { signal, betas }), signal),
      at: clock.now(),
    }));
    let { seen } = look;
    if ("value" in seen) {
      lastStatus = nameable(seen.value);
      if (act && !hasEnded(seen.value)) seen = await act(seen.value, turn);
    }
    if ("value" in seen) {
      if (hasEnded(seen.value)) return { batch: seen.value };
      lastStatus = nameable(seen.value);
      looks.found();
      failures = 0;
    } else if (seen.failure.code === "ERR_NOT_FOUND") {
      if (looks.missed()) throw errorOf(seen.failure);
    } else {
      failures += 1;
      if (failures === believedFailures || !isPassing(seen.failure)) throw errorOf(seen.failure);
    }
    const left = start + timeout - look.at;
    if (left <= 0) {
      const it = lastStatus === undefined ? "its status is not known" : `it is still ${lastStatus}`;
      return { lastStatus, still: `${it} after ${timeout} ms` };
    }
    const asked = "failure" in seen ? seen.failure.retryAfter ?? 0 : 0;
    await steps.sleep(`wait ${turn}`, Math.min(Math.max(looks.pause(), asked), left));
  }
}

const hasEnded = ({ processing_status }: MessageBatch) => processing_status === "ended";

/** A status that an error can repeat: any other would be a server's text. */
function nameable({ processing_status }: MessageBatch): WaitTimeoutError["lastStatus"] {
  return (["in_progress", "canceling"] as const).find((status) => status === processing_status);
}
