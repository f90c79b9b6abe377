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
export { deleteMessageBatch, type Deletion } from "./src/core/delete.ts";
export { cancelMessageBatch, retrieveMessageBatch } from "./src/core/batches.ts";
export { listMessageBatches, type ListOptions } from "./src/core/list.ts";
export type { MessageBatch } from "./src/core/message-batch.ts";
export type { DeleteOptions, Evidence } from "./src/core/resource.ts";

// Operations
export { type WaitOptions, waitUntilMessageBatchEnded } from "./src/operations/wait.ts";
export {
  cancelAndDeleteMessageBatch,
  type CancelAndDeleteOptions,
} from "./src/operations/cancel-and-delete.ts";
export type { StepConfig, Steps } from "./src/core/ports.ts";
export { type MessageBatchFilter, parseMessageBatchFilter } from "./src/operations/filter.ts";
export { evaluateFilter, type PurgeDecision } from "./src/operations/evaluate-filter.ts";
export { planPurge, type PlanPurgeOptions } from "./src/operations/plan-purge.ts";
export { parsePurgePlan, type PurgeItem, type PurgePlan } from "./src/operations/purge-plan.ts";
export {
  applyPurge,
  type ApplyPurgeOptions,
  type PurgeSummary,
} from "./src/operations/apply-purge.ts";
export type { DeletionOutcome, OutcomeError } from "./src/operations/outcome.ts";
export type { StopReason } from "./src/operations/stop-reason.ts";

// The other deletions
export * from "./src/resources/registry.ts";
export {
  type DeletableResource,
  type DeleteFunction,
  deleteResource,
  type ResourceDeletion,
  type ResourceId,
  type ResourceParams,
} from "./src/core/resource.ts";

// Who calls, and how
export type { CallOptions, Client, Fetch, RequestEvent, Secret } from "./src/core/client.ts";
export type { AnthropicBeta } from "./src/core/betas.ts";
export { checkClient } from "./src/core/settings.ts";
export type { Clock } from "./src/core/ports.ts";

// The record
export type { AuditEntry, AuditError, AuditTrail } from "./src/core/ports.ts";
export { createMemoryAuditTrail, type MemoryAuditTrail } from "./src/audit/memory.ts";

// What can go wrong
export {
  type AnyBatchsweepError,
  APIConnectionError,
  APIError,
  APITimeoutError,
  BatchsweepError,
  type Exchange,
  InvalidResponseError,
  isBatchsweepError,
  type Issue,
  NotEndedError,
  NotFoundError,
  PurgeRefusedError,
  type Refusal,
  WaitTimeoutError,
} from "./src/core/errors.ts";

export { version } from "./src/version.ts";
