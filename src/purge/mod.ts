/**
 * Deleting many Message Batches: a filter or a retention policy makes a plan, and the plan is applied.
 * Also what one batch needs before it is deleted: waiting, canceling, and saving its results.
 *
 * @module
 */
export { PurgeRefusedError } from "../core/errors.ts";
export {
  type DecisionSource,
  describeDecision,
  type KeepCode,
  type PurgeDecision,
} from "./decision.ts";
export {
  evaluateFilter,
  type ListedBatch,
  type MessageBatchFilter,
  parseMessageBatchFilter,
} from "./filter.ts";
export {
  type DeleteAfterRule,
  type KeepLastRule,
  parsePolicyText,
  parseRetentionPolicy,
  type RetentionPolicy,
  type RetentionRule,
} from "./policy.ts";
export { evaluateRetention } from "./evaluate-policy.ts";
export {
  type PlanByFilter,
  type PlanByPolicy,
  planPurge,
  type PlanPurgeOptions,
} from "./plan-purge.ts";
export { parsePurgePlan, type PurgeItem, type PurgePlan } from "./plan.ts";
export { applyPurge, type ApplyPurgeOptions, type PurgeSummary } from "./apply-purge.ts";
export type { DeletionOutcome, OutcomeError } from "./outcome.ts";
export type { StopReason } from "./stop-reason.ts";
export { createPace, type PaceOptions } from "./pace.ts";
export { type WaitOptions, waitUntilMessageBatchEnded } from "./wait.ts";
export { cancelAndDeleteMessageBatch, type CancelAndDeleteOptions } from "./cancel-and-delete.ts";
export { exportMessageBatchResults, type ResultsExport } from "./export-results.ts";
