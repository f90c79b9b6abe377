import { BatchsweepError } from "./errors.ts";

/** An audit trail is not as it was sealed. Nothing is sealed over that. */
export class AuditTrailError extends BatchsweepError {
  override readonly name = "AuditTrailError";
  override readonly code = "ERR_AUDIT_TRAIL";
  /** The first line that is not as it was sealed, from 1. */
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}
