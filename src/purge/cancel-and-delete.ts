import type { Client } from "../core/client.ts";
import { deleteMessageBatch, type Deletion } from "../core/delete.ts";
import { NotFoundError } from "../core/errors.ts";
import type { DeleteOptions } from "../core/resource.ts";
import { cancelUntilEnded } from "./cancel-until-ended.ts";
import { errorOf, settle } from "./failure.ts";
import { stepConfig } from "./steps.ts";
import { prepare, type WaitOptions } from "./wait.ts";

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
  try {
    await cancelUntilEnded(client, id, options, steps);
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
