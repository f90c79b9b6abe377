/**
 * Audit trails as JSON lines, and their seals.
 *
 * @module
 */
export type { AuditEntry, AuditError, AuditTrail } from "../core/audit.ts";
export { AuditTrailError } from "../core/errors.ts";
export type { AuditSource } from "./follow-seals.ts";
export {
  type AppendFile,
  type AuditLines,
  type ByteSource,
  createJsonlAuditTrail,
  readAuditTrail,
  type ReadAuditTrailOptions,
  type UnreadableLine,
  type UnreadableReason,
} from "./jsonl.ts";
export type { AuditProblem } from "./problem.ts";
export { type AuditSealing, sealAuditTrail } from "./seal.ts";
export {
  type AuditVerification,
  verifyAuditTrail,
  type VerifyAuditTrailOptions,
} from "./verify.ts";
