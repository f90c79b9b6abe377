import { cancelMessageBatch } from "../core/batches.ts";
import type { Client } from "../core/client.ts";
import { deleteMessageBatch, type Deletion } from "../core/delete.ts";
import { NotFoundError, WaitTimeoutError } from "../core/errors.ts";
import type { MessageBatch } from "../core/message-batch.ts";
import type { Steps } from "../core/ports.ts";
import type { DeleteOptions } from "../core/resource.ts";
import { errorOf, type Failure, settle, type Settled } from "./failure.ts";
import { stepConfig } from "./steps.ts";
import { prepare, untilEnded, type WaitOptions } from "./wait.ts";

/** Options of {@link cancelAndDeleteMessageBatch}. */
export interface CancelAndDeleteOptions extends WaitOptions, DeleteOptions {}

/**
 * Deletes a Message Batch whatever its state: cancels it if it is being processed, waits until it has
 * ended as {@link waitUntilMessageBatchEnded} does, and deletes it. Results it has by then go with it.
 *
 * @param client Who calls, and how.
 * @param id ID of the batch.
 * @param options Options of the operation.
 * @returns The deletion, with its evidence.
 * @throws {WaitTimeoutError} It has not ended in time: nothing was deleted. The message says whether
 *   its cancellation was requested, which is not taken back.
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
 * console.log(deletion.evidence); // "receipt"
 * ```
 * @see [Cancel a Message Batch](https://platform.claude.com/docs/en/api/messages/batches/cancel)
 */
export async function cancelAndDeleteMessageBatch(
  client: Client,
  id: string,
  options: CancelAndDeleteOptions = {},
): Promise<Deletion> {
  const { signal, betas, allowMissing } = options;
  const steps = prepare(client, id, options);
  const cancel = createCancel(client, id, options, steps);
  try {
    const end = await untilEnded(client, id, options, steps, cancel.act);
    if (!("batch" in end)) {
      const action = `Cannot delete message batch ${JSON.stringify(id)}`;
      const requested = end.lastStatus === "canceling" ? "was" : cancel.requested();
      const canceled = requested ? `its cancellation ${requested} requested, and ` : "";
      const message = `${action}: ${end.still}; ${canceled}nothing was deleted`;
      throw new WaitTimeoutError(message, end.lastStatus);
    }
  } catch (error) {
    // The deletion itself says how the absence is known, and records it.
    if (!(error instanceof NotFoundError && (allowMissing || options.attempted))) throw error;
  }
  const deleted = await steps.do("delete", stepConfig, async ({ attempt = 1 } = {}) => {
    // What an earlier run of this step did is not known: it did not come to its end.
    const again = attempt > 1;
    const call = { signal, betas, allowMissing, attempted: options.attempted || again };
    const settled = await settle(() => deleteMessageBatch(client, id, call), signal);
    if (!again || "value" in settled || settled.failure.code === "ERR_NOT_ENDED") return settled;
    return { failure: { ...settled.failure, outcomeKnown: false } };
  });
  if ("failure" in deleted) throw errorOf(deleted.failure);
  return deleted.value;
}

interface Cancel {
  /** What a wait does about a batch that has not ended. */
  readonly act: (batch: MessageBatch, turn: number) => Promise<Settled<MessageBatch>>;
  /** Whether the cancellation was requested, to say so; undefined: it was not. */
  readonly requested: () => "was" | "may have been" | undefined;
}

/**
 * What cancels a batch in the course of a wait. One that is canceling needs nothing. A refusal means
 * as a rule that the batch has just ended, or that somebody else was quicker: the next look decides.
 */
function createCancel(
  client: Client,
  id: string,
  { signal, betas }: WaitOptions,
  steps: Steps,
): Cancel {
  let requested: "was" | "may have been" | undefined;
  let refusal: Failure | undefined;
  const act = async (batch: MessageBatch, turn: number): Promise<Settled<MessageBatch>> => {
    if (batch.processing_status === "canceling" || requested === "was") return { value: batch };
    if (refusal) return { failure: refusal };
    const canceled = await steps.do(
      `cancel ${turn}`,
      stepConfig,
      () => settle(() => cancelMessageBatch(client, id, { signal, betas }), signal),
    );
    if ("value" in canceled) {
      requested = "was";
      return canceled;
    }
    const { failure } = canceled;
    if (!failure.outcomeKnown) requested = "may have been";
    if (![400, 409, 422].includes(failure.status ?? 0)) return canceled;
    refusal = failure;
    return { value: batch };
  };
  return { act, requested: () => requested };
}
