import type { Client } from "./client.ts";
import { systemClock } from "./clock.ts";
import { APIError, BatchsweepError, CallError, type Refusal } from "./errors.ts";
import type { AuditEntry } from "./ports.ts";
import { type Reply, workspaceIdOf } from "./response.ts";

/**
 * Makes a deletion with its two entries in the trail, where the client has one.
 *
 * @param client Who calls, with the trail.
 * @param resource What kind of object.
 * @param id Which.
 * @param act Makes the deletion.
 * @returns The result, with `auditError` where the outcome could not be written.
 */
export async function record<
  Result extends { readonly evidence: string; readonly requestId?: string },
>(
  { auditTrail, actor, clock = systemClock }: Client,
  resource: string,
  id: string,
  act: () => Promise<{ readonly result: Result; readonly reply: Reply }>,
): Promise<Result & { readonly auditError?: string }> {
  if (auditTrail === undefined) return (await act()).result;
  const entry = (phase: AuditEntry["phase"], more: Partial<AuditEntry> = {}): AuditEntry => {
    const time = new Date(clock.now()).toISOString();
    const whom = actor === undefined ? {} : { actor };
    return { version: 1, time, operation: "delete", phase, resource, id, ...whom, ...more };
  };
  const append = async (more: Partial<AuditEntry>): Promise<string | undefined> => {
    try {
      await auditTrail.append(entry("outcome", more));
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : "The audit trail could not be written";
    }
  };

  await auditTrail.append(entry("intent"));
  try {
    const { result, reply } = await act();
    const { evidence, requestId } = result;
    const auditError = await append({
      outcome: evidence === "missing" ? "missing" : "deleted",
      evidence,
      requestId,
      attempts: reply.attempts,
      workspaceId: workspaceIdOf(reply),
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
    // Not the API's: the caller aborted, or its key could not be had. Its text is the caller's own.
    const message = "The caller ended the call";
    return { outcome: "failed", error: { code: "ERR_CALLER", message, outcomeKnown: false } };
  }
  const { code, message, attempts, outcomeKnown } = error;
  const { status, type, requestId }: Partial<Refusal> = error instanceof APIError ? error : {};
  return {
    outcome: "failed",
    requestId,
    attempts,
    error: { code, message, outcomeKnown, status, type },
  };
}
