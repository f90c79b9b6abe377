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
export { type WaitOptions, waitUntilMessageBatchEnded } from "./src/purge/wait.ts";
export {
  cancelAndDeleteMessageBatch,
  type CancelAndDeleteOptions,
} from "./src/purge/cancel-and-delete.ts";
export { exportMessageBatchResults, type ResultsExport } from "./src/purge/export-results.ts";
export type { ResultStore } from "./src/core/ports.ts";
export type { StepConfig, Steps } from "./src/core/ports.ts";
export { type MessageBatchFilter, parseMessageBatchFilter } from "./src/purge/filter.ts";
export { evaluateFilter, type PurgeDecision } from "./src/purge/evaluate-filter.ts";
export type { ListedBatch } from "./src/purge/listed-batch.ts";
export { planPurge, type PlanPurgeOptions } from "./src/purge/plan-purge.ts";
export { parsePurgePlan, type PurgeItem, type PurgePlan } from "./src/purge/purge-plan.ts";
export type { PlannedPolicy } from "./src/purge/planned-policy.ts";
export { applyPurge, type ApplyPurgeOptions, type PurgeSummary } from "./src/purge/apply-purge.ts";
export type { DeletionOutcome, OutcomeError } from "./src/purge/outcome.ts";
export type { StopReason } from "./src/purge/stop-reason.ts";

// Retention
export { parseRetentionPolicy, type RetentionPolicy } from "./src/retention/policy.ts";
export type { RetentionRule } from "./src/retention/rule-kind.ts";
export { evaluateRetention, type RetentionDecision } from "./src/retention/evaluate.ts";
export { planRetention } from "./src/retention/plan.ts";
export { deletionShare } from "./src/retention/share.ts";

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
export { createPace, type PaceOptions } from "./src/purge/pace.ts";

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
