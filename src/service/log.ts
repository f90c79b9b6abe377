/**
 * The log of the service: one record a request, a retention run and an operation, as plain data without secrets.
 *
 * @module
 */

/** What the log says of one request, retention run or operation. */
export interface LogRecord {
  /** When it began, as an RFC 3339 date-time. */
  readonly time: string;
  readonly event: "request" | "run" | "operation";
  /** How long it took, in milliseconds. */
  readonly duration: number;
  /** How many requests it made to the API. */
  readonly requests: number;
  /** What went wrong, as far as a caller may not see it. */
  readonly error?: { readonly code: string; readonly message: string } | undefined;
  /** More facts: ids, the outcome and the status of the answer; the counts of a run. */
  readonly [fact: string]: unknown;
}

/** The facts of a record, collected while it goes on. */
export interface Line {
  requests: number;
  error?: LogRecord["error"];
  /** The entries of the audit trail that could not be written, by their batches. */
  notWritten?: readonly string[];
  [fact: string]: unknown;
}
