import { BatchsweepError, CallError, type Refusal } from "./errors.ts";
import type { AuditEntry } from "./ports.ts";
import { idIn, type Reply } from "./response.ts";
import type { Settings } from "./settings.ts";
import { unlessAborted } from "./unless-aborted.ts";

/**
 * Makes a deletion with its two entries in the trail, where the client has one.
 *
 * @param settings Who calls, with the trail.
 * @param resource What kind of object.
 * @param id Which.
 * @param signal Ends the wait for the first entry, as the time of an attempt does.
 * @param act Makes the deletion.
 * @returns The result, with `auditError` where the outcome could not be written.
 */
export async function record<
  Result extends { readonly evidence: string; readonly requestId?: string },
>(
  { auditTrail, actor, timeout, clock }: Settings,
  resource: string,
  id: string,
  signal: AbortSignal | undefined,
  act: () => Promise<{ readonly result: Result; readonly reply: Reply }>,
): Promise<Result & { readonly auditError?: string }> {
  if (auditTrail === undefined) return (await act()).result;
  const entry = (phase: AuditEntry["phase"], more: Partial<AuditEntry> = {}): AuditEntry => {
    const time = new Date(clock.now()).toISOString();
    const whom = actor === undefined ? {} : { actor };
    return { version: 1, time, operation: "delete", phase, resource, id, ...whom, ...more };
  };
  const write = (phase: AuditEntry["phase"], more?: Partial<AuditEntry>) => {
    const end = AbortSignal.timeout(timeout);
    return unlessAborted(auditTrail.append(entry(phase, more)), end).catch((error) => {
      const late = `The audit trail could not be written within ${timeout} ms`;
      throw end.aborted ? new DOMException(late, "TimeoutError") : error;
    });
  };
  // After the deed there is nothing left to abort: only time ends this wait.
  const append = async (more: Partial<AuditEntry>): Promise<string | undefined> => {
    try {
      await write("outcome", more);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : "The audit trail could not be written";
    }
  };

  await unlessAborted(write("intent"), signal);
  try {
    const { result, reply } = await act();
    const { evidence, requestId } = result;
    const auditError = await append({
      outcome: evidence === "missing" ? "missing" : "deleted",
      evidence,
      requestId,
      attempts: reply.attempts,
      workspaceId: idIn(reply, "anthropic-workspace-id"),
    });
    return auditError === undefined ? result : { ...result, auditError };
  } catch (error) {
    const auditError = await append(failure(error));
    if (auditError !== undefined && error instanceof BatchsweepError) error.auditError = auditError;
    throw error;
  }
}

function failure(error: unknown): Partial<AuditEntry> {
  if (!(error instanceof CallError)) {
    // The caller aborted, or its key could not be had. What it says of that is its own.
    const message = "The call ended in an error of the caller";
    return { outcome: "failed", error: { code: "ERR_CALLER", message, outcomeKnown: false } };
  }
  const { code, message, attempts, outcomeKnown, status, type, requestId }:
    & CallError
    & Partial<Refusal> = error;
  return {
    outcome: "failed",
    requestId,
    attempts,
    error: { code, message, outcomeKnown, status, type },
  };
}
