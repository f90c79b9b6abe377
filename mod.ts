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

// What stands around the call: waiting, purging, retention
export {
  applyPurge,
  type ApplyPurgeOptions,
  cancelAndDeleteMessageBatch,
  type CancelAndDeleteOptions,
  createPace,
  type DecisionSource,
  type DeleteAfterRule,
  type DeletionOutcome,
  describeDecision,
  evaluateFilter,
  evaluateRetention,
  exportMessageBatchResults,
  type KeepCode,
  type KeepLastRule,
  type ListedBatch,
  type MessageBatchFilter,
  type OutcomeError,
  type PaceOptions,
  parseMessageBatchFilter,
  parsePurgePlan,
  parseRetentionPolicy,
  type PlanByFilter,
  type PlanByPolicy,
  planPurge,
  type PlanPurgeOptions,
  type PurgeDecision,
  type PurgeItem,
  type PurgePlan,
  type PurgeSummary,
  type ResultsExport,
  type RetentionPolicy,
  type RetentionRule,
  type StopReason,
  type WaitOptions,
  waitUntilMessageBatchEnded,
} from "./src/purge/mod.ts";
export type { ResultStore, StepConfig, Steps } from "./src/core/ports.ts";

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
export type { Clock, Pace, Permit } from "./src/core/ports.ts";

// The record
export type { AppendFile, AuditEntry, AuditError, AuditTrail } from "./src/core/ports.ts";
export { createMemoryAuditTrail, type MemoryAuditTrail } from "./src/audit/memory.ts";
export {
  createJsonlAuditTrail,
  readAuditTrail,
  type ReadAuditTrailOptions,
  type UnreadableLine,
} from "./src/audit/jsonl.ts";
export { createMemoryAppendFile, type MemoryAppendFile } from "./src/audit/memory-append-file.ts";
export { type AuditSealing, sealAuditTrail } from "./src/audit/seal.ts";
export {
  type AuditVerification,
  verifyAuditTrail,
  type VerifyAuditTrailOptions,
} from "./src/audit/verify.ts";
export type { AuditSource } from "./src/audit/follow-seals.ts";
export type { AuditProblem } from "./src/audit/problem.ts";
export type { AuditLines, ByteSource } from "./src/audit/bytes.ts";
export { AuditTrailError } from "./src/core/audit-trail-error.ts";

// What can go wrong
export { type AnyBatchsweepError, isBatchsweepError } from "./src/core/any-error.ts";
export {
  APIConnectionError,
  APIError,
  APITimeoutError,
  BatchsweepError,
  type Exchange,
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
