import { literal, object, string } from "../deps.ts";
import { sendTo } from "./batches.ts";
import type { Client } from "./client.ts";
import { APIError, NotEndedError } from "./errors.ts";
import { type DeleteOptions, deleteResource, type Evidence } from "./resource.ts";
import { judge } from "./response.ts";

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

/** Message Batches, as data. */
export const messageBatch = {
  name: "message_batch",
  path: "/v1/messages/batches/{message_batch_id}",
  type: "message_batch_deleted",
  echoes: { id: "message_batch_id" },
  prefixes: { message_batch_id: "msgbatch_" },
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
  const once = (attempted = options.attempted) =>
    deleteResource(client, messageBatch, { message_batch_id: id }, { ...options, attempted });
  try {
    return await once();
  } catch (error) {
    if (!(error instanceof APIError) || ![400, 409, 422].includes(error.status)) throw error;
    // How the API refuses a batch that has not ended is published nowhere: look at the batch.
    const status = await statusOf(client, id, options).catch(() => undefined);
    options.signal?.throwIfAborted();
    // It ended meanwhile, or the refusal means something else: then it comes again.
    if (status === "ended") return await once(options.attempted || !error.outcomeKnown);
    // Nothing else is repeated in an error: it would be a server's text.
    if (status !== "in_progress" && status !== "canceling") throw error;
    const message = `Cannot delete message batch ${JSON.stringify(id)}: it is ${status}`;
    throw new NotEndedError(message, error, status);
  }
}

async function statusOf(client: Client, id: string, options: DeleteOptions): Promise<string> {
  const schema = object({ id: literal(id), processing_status: string() });
  return judge(await sendTo(client, "retrieve", id, options), schema).processing_status;
}
