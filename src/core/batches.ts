import type { CallOptions, Client } from "./client.ts";
import { send } from "./http.ts";
import { fillPath } from "./path.ts";
import { judge, type Reply } from "./response.ts";
import type { MessageBatch } from "./message-batch.ts";
import { messageBatchSchema } from "./schemas.ts";
import { settingsOf } from "./settings.ts";

/** Where one Message Batch is. */
export const batchPath = "/v1/messages/batches/{message_batch_id}" as const;

/**
 * Retrieves a Message Batch: its status, its counts, its times.
 *
 * @param client Who calls, and how.
 * @param id ID of the batch.
 * @param options Options of the call.
 * @returns The batch, with every field the API gives.
 * @throws {NotFoundError} No such batch in the workspace of the key.
 * @throws {APIError | InvalidResponseError | APIConnectionError | APITimeoutError} As every call.
 * @throws {TypeError | RangeError} An argument cannot be used; no request was made.
 *
 * @example See whether a batch can be deleted
 * ```ts
 * import { retrieveMessageBatch } from "batchsweep";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * const { id } = sandbox.seed();
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch };
 *
 * const batch = await retrieveMessageBatch(client, id);
 * console.log(batch.processing_status);
 * ```
 * @see [Retrieve a Message Batch](https://platform.claude.com/docs/en/api/messages/batches/retrieve)
 */
export async function retrieveMessageBatch(
  client: Client,
  id: string,
  options: CallOptions = {},
): Promise<MessageBatch> {
  return judge(await sendTo(client, "retrieve", id, options), messageBatchSchema(id));
}

/**
 * Asks the API to stop processing a Message Batch. It answers at once; the batch is `"canceling"`
 * then, and `"ended"` later. Results it has until then are kept, and paid for.
 *
 * @param client Who calls, and how.
 * @param id ID of the batch.
 * @param options Options of the call.
 * @returns The batch as it is now.
 * @throws {NotFoundError} No such batch in the workspace of the key.
 * @throws {APIError} The API refused: as a rule, because the batch has ended.
 * @throws {InvalidResponseError | APIConnectionError | APITimeoutError} As every call.
 * @throws {TypeError | RangeError} An argument cannot be used; no request was made.
 *
 * @example Stop a batch
 * ```ts
 * import { cancelMessageBatch } from "batchsweep";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * const { id } = sandbox.seed({ processing_status: "in_progress" });
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch };
 *
 * const batch = await cancelMessageBatch(client, id);
 * console.log(batch.processing_status); // "canceling"
 * ```
 * @see [Cancel a Message Batch](https://platform.claude.com/docs/en/api/messages/batches/cancel)
 */
export async function cancelMessageBatch(
  client: Client,
  id: string,
  options: CallOptions = {},
): Promise<MessageBatch> {
  return judge(await sendTo(client, "cancel", id, options), messageBatchSchema(id));
}

/** Sends a request about one batch, without judging the answer. */
export async function sendTo(
  client: Client,
  verb: "retrieve" | "cancel",
  id: string,
  options: CallOptions,
): Promise<Reply> {
  const [method, suffix] = verb === "cancel" ? ["POST", "/cancel"] as const : ["GET", ""] as const;
  const pathTemplate = batchPath + suffix;
  const path = fillPath(batchPath, { message_batch_id: id }) + suffix;
  const action = `${verb} message batch ${JSON.stringify(id)}`;
  return await send(settingsOf(client), { action, method, path, pathTemplate }, options);
}
