/**
 * The audit trail, and the two entries around a deletion.
 *
 * @module
 */
import { unlessAborted, within } from "./abort.ts";
import { BatchsweepError, CallError, type Refusal } from "./errors.ts";
import { type Call, endOfWait } from "./send.ts";

/**
 * One line of an audit trail. Every deletion has two: an intent before it, an outcome after it. An
 * intent without an outcome is a deletion of unknown outcome.
 */
export interface AuditEntry {
  readonly version: 1;
  /** When, as an RFC 3339 date-time. */
  readonly time: string;
  readonly operation: "delete" | "cancel";
  readonly phase: "intent" | "outcome";
  /** What kind of object: `"message_batch"`. */
  readonly resource: string;
  readonly id: string;
  /** On whose behalf: `actor` of the client. */
  readonly actor?: string | undefined;
  /** Why: `reason` of the client. */
  readonly reason?: string | undefined;
  /** Of an outcome. */
  readonly outcome?: "deleted" | "missing" | "canceled" | "failed" | undefined;
  /** How a deletion is known. */
  readonly evidence?: string | undefined;
  readonly requestId?: string | undefined;
  /** How many requests were sent. */
  readonly attempts?: number | undefined;
  /** The workspace that the API says it answered for. */
  readonly workspaceId?: string | undefined;
  /** Why it failed. If `outcomeKnown` is false, the object may be deleted all the same. */
  readonly error?: AuditError | undefined;
}

/** Why a recorded deletion failed. */
export interface AuditError {
  readonly code: string;
  readonly message: string;
  readonly outcomeKnown: boolean;
  readonly status?: number | undefined;
  readonly type?: string | undefined;
}

/** Where deletions are recorded: ids, times and request ids, never contents or secrets. */
export interface AuditTrail {
  /**
   * Adds an entry at the end. It resolves when the entry is safe. If it rejects for an intent, the
   * deletion is not made.
   */
  append(entry: AuditEntry): Promise<void>;
}

/** What the outcome entry says. */
interface Recorded {
  /** Of a deletion. */
  readonly evidence?: string | undefined;
  readonly requestId?: string | undefined;
  readonly attempts: number;
  readonly workspaceId?: string | undefined;
}

/** How long an aborted call waits to record that it did nothing. */
const closingTimeMs = 1_000;

/**
 * Makes a deletion or a cancellation with its two entries in the audit trail, where the client has
 * one. The call waits for each entry as long as for one attempt. Afterwards, an abort does not end
 * that wait.
 *
 * @param resource What kind of object.
 * @param id Which.
 * @param act Makes the deletion or the cancellation.
 * @returns The result, with `auditError` where the outcome could not be written.
 */
export async function withAuditTrail<Result extends Recorded>(
  call: Call,
  resource: string,
  id: string,
  act: () => Promise<Result>,
  operation: AuditEntry["operation"] = "delete",
): Promise<Result & { readonly auditError?: string }> {
  const { auditTrail, actor, reason, timeout, clock } = call.settings;
  if (auditTrail === undefined) return await act();
  const append = async (more: Partial<AuditEntry> & Pick<AuditEntry, "phase">): Promise<void> => {
    const time = new Date(clock.now()).toISOString();
    const entry = {
      version: 1,
      time,
      operation,
      resource,
      id,
      ...actor === undefined ? {} : { actor },
      ...reason === undefined ? {} : { reason },
      ...more,
    } as const;
    await auditTrail.append(entry);
  };
  const late = `no answer within ${timeout} ms`;
  const inTime = async (written: Promise<void>): Promise<void> => {
    if (await within(timeout, written) !== "late") return;
    throw new DOMException(`Cannot write the audit trail: ${late}`, "TimeoutError");
  };
  const record = async (outcome: Partial<AuditEntry>): Promise<string | undefined> => {
    try {
      await inTime(append({ phase: "outcome", ...outcome }));
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  };

  const intent = append({ phase: "intent" });
  try {
    await unlessAborted(inTime(intent), call.signal);
  } catch (error) {
    if (!call.signal?.aborted) call.facts.auditTrailFailure = messageOf(error);
    // The intent may still be written. Then it needs an outcome: nothing was sent.
    const nothingSent = { phase: "outcome", ...failureOf(call, error) } as const;
    await within(closingTimeMs, intent.then(() => append(nothingSent)).catch(() => {}));
    throw error;
  }
  try {
    const result = await act();
    const { evidence, requestId, attempts, workspaceId } = result;
    const done = operation === "cancel" ? "canceled" : "deleted";
    const outcome = evidence === "missing" ? "missing" : done;
    const auditError = await record({ outcome, evidence, requestId, attempts, workspaceId });
    return auditError === undefined ? result : { ...result, auditError };
  } catch (error) {
    const auditError = await record(failureOf(call, error));
    if (auditError !== undefined && error instanceof BatchsweepError) error.auditError = auditError;
    throw error;
  }
}

const messageOf = (error: unknown) => error instanceof Error ? error.message : "unknown reason";

function failureOf(call: Call, error: unknown): Partial<AuditEntry> {
  if (error instanceof CallError) {
    const { code, message, attempts, outcomeKnown, workspaceId }: CallError = error;
    const { status, type, requestId }: Partial<Refusal> = error;
    return {
      outcome: "failed",
      requestId,
      attempts,
      workspaceId,
      error: { code, message, outcomeKnown, status, type },
    };
  }
  // The text of the caller's own error is not for the trail: it may hold anything.
  const [code, message] = endOfWait(call)?.aborted
    ? ["ERR_ABORTED", "The call was aborted"] as const
    : ["ERR_CALLER", "The call ended in an error of the caller"] as const;
  return {
    outcome: "failed",
    attempts: call.facts.deletions,
    error: {
      code,
      message,
      outcomeKnown: !call.facts.mayBeDeleted && call.facts.canceled !== "unknown",
    },
  };
}
