/**
 * Audit trails as JSON lines, and their verification by a remembered head.
 *
 * @module
 */
export type { AuditEntry, AuditError, AuditTrail } from "../core/audit.ts";
export { type AuditVerification, verifyAuditTrail, type VerifyAuditTrailOptions } from "./head.ts";
export {
  type AppendFile,
  type ByteSource,
  createJsonlAuditTrail,
  readAuditTrail,
  type ReadAuditTrailOptions,
  type UnreadableLine,
  type UnreadableReason,
} from "./jsonl.ts";
