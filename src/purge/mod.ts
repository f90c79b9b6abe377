/**
 * Deletes many Message Batches: a filter or a retention policy makes a plan, and the plan is applied.
 *
 * @module
 */
export { InvalidPolicyError, PurgeRefusedError } from "../core/errors.ts";
export { applyPurge, type ApplyPurgeOptions, type PurgeRun } from "./apply.ts";
export {
  type DecisionSource,
  describeDecision,
  evaluateFilter,
  type EvaluateFilterOptions,
  type KeepCode,
  type PurgeDecision,
} from "./decision.ts";
export type { PurgeSummary } from "./engine.ts";
export type { ConnectionFailure } from "../core/connection.ts";
export type { DeletionFacts } from "../core/delete.ts";
export type { CallError, Exchange } from "../core/errors.ts";
export type { ResultsExport, ResultStore } from "./export.ts";
export { type ListedBatch, type MessageBatchFilter, parseMessageBatchFilter } from "./filter.ts";
export type { DeletionOutcome, OutcomeError, StopReason } from "./outcome.ts";
export { createPace, type PaceOptions } from "./pace.ts";
export {
  type CommonPlanOptions,
  fingerprintPlan,
  parsePurgePlan,
  type PlanByFilter,
  type PlanByPolicy,
  planPurge,
  type PlanPurgeOptions,
  type PurgeItem,
  type PurgePlan,
} from "./plan.ts";
