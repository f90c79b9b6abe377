/**
 * batchsweep deletes Message Batches of the Claude API, surely and verifiably, wherever `fetch` runs.
 *
 * @example Delete a batch, and know how it is known
 * ```ts
 * import { deleteMessageBatch } from "batchsweep";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * const { id } = sandbox.seed({ processing_status: "ended" });
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch };
 *
 * console.log(await deleteMessageBatch(client, id));
 * ```
 *
 * @module
 */

// The calls
export {
  deleteMessageBatch,
  type DeleteOptions,
  type Deletion,
  type Evidence,
} from "./src/core/delete.ts";
export {
  cancelMessageBatch,
  listMessageBatches,
  type ListOptions,
  type MessageBatch,
  retrieveMessageBatch,
} from "./src/core/batches.ts";
export {
  cancelAndDeleteMessageBatch,
  type CancelAndDeleteOptions,
  type StepConfig,
  type Steps,
  type WaitOptions,
  waitUntilMessageBatchEnded,
} from "./src/purge/wait.ts";
export { exportMessageBatchResults, type ResultsExport } from "./src/purge/export.ts";

// Who calls, and how
export type {
  AnthropicBeta,
  CallOptions,
  Client,
  Clock,
  Fetch,
  Pace,
  Permit,
  RequestEvent,
  Secret,
} from "./src/core/client.ts";
export type { AuditEntry, AuditError, AuditTrail } from "./src/core/audit.ts";

// What can go wrong
export {
  type AnyBatchsweepError,
  APIConnectionError,
  APIError,
  APITimeoutError,
  BatchsweepError,
  type Canceled,
  InvalidPolicyError,
  InvalidResponseError,
  type Issue,
  NotEndedError,
  NotFoundError,
  PurgeRefusedError,
  type Refusal,
  WaitTimeoutError,
} from "./src/core/errors.ts";

export { version } from "./src/version.ts";
