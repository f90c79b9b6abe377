/** Retention: how long batches stay, as a policy that runs on a schedule. @module */
export { InvalidPolicyError, type Issue } from "../core/errors.ts";
export { evaluateRetention } from "../purge/decision.ts";
export { fingerprintPolicy } from "../purge/plan.ts";
export {
  type DeleteAfterRule,
  type KeepLastRule,
  parsePolicyText,
  parseRetentionPolicy,
  type RetentionPolicy,
  type RetentionRule,
} from "../purge/policy.ts";
export { type RetentionRun, type RunError, runRetention, type RunRetentionOptions } from "./run.ts";
