/**
 * Audit trails as JSON lines, their verification by a remembered head, and a report of what they say.
 *
 * @module
 */
export type { AuditEntry, AuditError, AuditTrail } from "../core/audit.ts";
export type { ByteSource } from "../core/bytes.ts";
export { type AuditVerification, verifyAuditTrail, type VerifyAuditTrailOptions } from "./head.ts";
export {
  type AppendFile,
  createJsonlAuditTrail,
  readAuditTrail,
  type ReadAuditTrailOptions,
  type UnreadableLine,
  type UnreadableReason,
} from "./jsonl.ts";
export { type AuditCounts, type AuditGroup, type AuditReport, reportAuditTrail } from "./report.ts";
