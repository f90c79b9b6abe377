import { batchPath, retrieveMessageBatch } from "./batches.ts";
import type { Client } from "./client.ts";
import { APIError, NotEndedError } from "./errors.ts";
import { type DeleteOptions, deleteResource, type Evidence } from "./resource.ts";

/** A deleted Message Batch, and how its deletion is known. */
export interface Deletion {
  /** ID of the batch that was asked for. */
  readonly id: string;
  readonly type: "message_batch_deleted";
  readonly evidence: Evidence;
  /** The API's id of the request that brought the evidence. */
  readonly requestId?: string | undefined;
  /** Why the deletion could not be written to the audit trail, if it could not. */
  readonly auditError?: string | undefined;
}

const messageBatch = {
  name: "message_batch",
  path: batchPath,
  type: "message_batch_deleted",
  echoes: { id: "message_batch_id" },
} as const;

/**
 * Deletes a Message Batch that has ended, its requests and results with it. This cannot be undone.
 *
 * @param client Who calls, and how.
 * @param id ID of the batch.
 * @param options Options of the call.
 * @returns The deletion. Its `evidence` says how it is known: by a validated receipt, by a 404 after
 *   an attempt whose answer was lost, or, with `allowMissing`, by a 404 at once.
 * @throws {NotEndedError} The batch is still being processed.
 * @throws {NotFoundError} No such batch, and `allowMissing` is not set.
 * @throws {InvalidResponseError} The answer is not a receipt for this batch.
 * @throws {APIError} The API refused for another reason.
 * @throws {APIConnectionError | APITimeoutError} No answer came.
 * @throws {TypeError | RangeError} An argument cannot be used; no request was made.
 *
 * @example Delete one batch
 * ```ts
 * import { deleteMessageBatch } from "batchsweep";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * const { id } = sandbox.seed({ processing_status: "ended" });
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch };
 *
 * const deletion = await deleteMessageBatch(client, id);
 * console.log(deletion.evidence); // "receipt"
 * ```
 * @see [Delete a Message Batch](https://platform.claude.com/docs/en/api/messages/batches/delete)
 */
export async function deleteMessageBatch(
  client: Client,
  id: string,
  options: DeleteOptions = {},
): Promise<Deletion> {
  const once = () => deleteResource(client, messageBatch, { message_batch_id: id }, options);
  try {
    return await once();
  } catch (error) {
    if (!(error instanceof APIError) || ![400, 409, 422].includes(error.status)) throw error;
    // How the API refuses a batch that has not ended is published nowhere: look at the batch.
    const status = await retrieveMessageBatch(client, id, options).then(
      (batch) => batch.processing_status,
      () => undefined,
    );
    options.signal?.throwIfAborted();
    if (status === undefined) throw error;
    if (status === "ended") return await once(); // it ended meanwhile, or the refusal means something else
    throw new NotEndedError(
      `Cannot delete message batch ${JSON.stringify(id)}: it is ${status}`,
      error,
      status,
    );
  }
}
