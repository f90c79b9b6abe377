/** The audit trail, and the two entries around a deletion. @module */
import { unlessAborted, within } from "./abort.ts";
import { defined } from "./check.ts";
import type { Settings } from "./client.ts";
import { BatchsweepError, CallError, type Refusal } from "./errors.ts";
import { type Call, endOfWait } from "./send.ts";

/**
 * One line of an audit trail. Every deletion has two: an intent before it, an outcome after it. An
 * intent without an outcome is a deletion of unknown outcome.
 */
export interface AuditEntry {
  readonly version: 1;
  /** Random: an entry that is written twice is the same entry. */
  readonly id: string;
  /** Of an outcome: the id of its intent. */
  readonly intent?: string | undefined;
  /** When, as an RFC 3339 date-time. */
  readonly time: string;
  readonly phase: "intent" | "outcome";
  readonly operation: "delete" | "cancel";
  /** What kind of object: `"message_batch"`. */
  readonly resource: string;
  /** ID of the object. */
  readonly objectId: string;
  /** The workspace: as the client names it, or in an outcome as the API says it. */
  readonly workspaceId?: string | undefined;
  /** Which API key was used, where it was a text: see {@link keyFingerprint}. */
  readonly keyFingerprint?: string | undefined;
  /** On whose behalf: `actor` of the client. */
  readonly actor?: string | undefined;
  /** Why: `reason` of the client. */
  readonly reason?: string | undefined;
  /** The fingerprint of the purge plan that lists the object. */
  readonly plan?: string | undefined;
  /** The fingerprint of the plan as it was applied, where it was changed after it was made. */
  readonly changedPlan?: string | undefined;
  /** The fingerprint of the retention policy that does not keep the object. */
  readonly policy?: string | undefined;
  /** The SHA-256 of the results that were stored before the deletion, in hexadecimal. */
  readonly exportHash?: string | undefined;
  /** ID of the webhook that asked for the deletion. */
  readonly webhookId?: string | undefined;
  /** Of an outcome. */
  readonly outcome?: "deleted" | "missing" | "canceled" | "failed" | undefined;
  /** How a deletion is known. */
  readonly evidence?: string | undefined;
  readonly requestId?: string | undefined;
  /** How many requests were sent. */
  readonly attempts?: number | undefined;
  /** Why it failed. If `outcomeKnown` is false, the object may have been deleted. */
  readonly error?: AuditError | undefined;
  /**
   * Whether a later run wrote the outcome, because the deletion itself had left none. If the deletion
   * writes its own outcome after all, that one counts.
   */
  readonly settled?: true | undefined;
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

/** What asked for a deletion, as its entries say it. */
export type AuditContext = Pick<
  AuditEntry,
  "plan" | "changedPlan" | "policy" | "webhookId" | "exportHash"
>;

/**
 * How long a deletion can last. An intent that has no outcome is open if it is older, or so far in the
 * future: then a clock was wrong.
 */
export const openAfterMs = 900_000;

/** What the outcome entry says. */
type Recorded =
  & Required<Pick<AuditEntry, "attempts">>
  & Pick<AuditEntry, "evidence" | "requestId" | "workspaceId">;

/** How long an aborted call waits to record that it did nothing. */
const closingTimeMs = 1_000;

/**
 * Makes a deletion or a cancellation with its two entries in the audit trail, where the client has
 * one. The call waits for each entry as long as for one attempt. Afterwards, an abort does not end
 * that wait.
 *
 * @returns The result, with `auditError` where the outcome could not be written.
 */
export async function withAuditTrail<Result extends Recorded>(
  call: Call,
  resource: string,
  objectId: string,
  act: () => Promise<Result>,
  operation: AuditEntry["operation"] = "delete",
): Promise<Result & { readonly auditError?: string }> {
  const { settings, signal } = call;
  const { auditTrail, actor, reason, workspaceId, clock } = settings;
  if (auditTrail === undefined) return await act();
  const { exportHash, ...context } = call.audit;
  const intent: AuditEntry = {
    version: 1,
    id: crypto.randomUUID(),
    time: new Date(clock.now()).toISOString(),
    phase: "intent",
    operation,
    resource,
    objectId,
    workspaceId,
    keyFingerprint: await keyFingerprint(settings),
    actor,
    reason,
    ...context,
  };
  const append = async (entry: AuditEntry) => await auditTrail.append(entry);
  const outcomeOf = (facts: OutcomeFacts) =>
    createOutcome(intent, clock.now(), { exportHash, ...facts });
  const record = (facts: OutcomeFacts) =>
    appendEntry(auditTrail, settings, outcomeOf(facts)).then(() => undefined, messageOf);

  const written = append(intent);
  try {
    await unlessAborted(inTime(settings, written), signal);
  } catch (error) {
    call.facts.auditTrailFailure = messageOf(error);
    // The intent may still be written. Then it needs an outcome: nothing was sent.
    const nothingSent = outcomeOf(failureOf(call, error));
    await within(closingTimeMs, written.then(() => append(nothingSent)).catch(() => {}));
    throw error;
  }
  let result: Result;
  try {
    result = await act();
  } catch (error) {
    const auditError = await record(failureOf(call, error));
    if (auditError !== undefined && error instanceof BatchsweepError) error.auditError = auditError;
    throw error;
  }
  const { evidence, requestId, attempts, workspaceId: answered } = result;
  const deleted = evidence === "missing" ? evidence : "deleted";
  const outcome = operation === "cancel" ? "canceled" : deleted;
  const facts = { outcome, evidence, requestId, attempts, workspaceId: answered } as const;
  const auditError = await record(facts);
  return auditError === undefined ? result : { ...result, auditError };
}

/** What an outcome says beyond its intent. */
type OutcomeFacts = Omit<Partial<AuditEntry>, "id" | "intent" | "phase" | "time" | "objectId">;

/** Makes the outcome of an intent. */
export function createOutcome(intent: AuditEntry, now: number, facts: OutcomeFacts): AuditEntry {
  return {
    ...intent,
    ...defined(facts),
    id: crypto.randomUUID(),
    intent: intent.id,
    time: new Date(now).toISOString(),
    phase: "outcome",
  };
}

/** Adds an entry to the audit trail of a client, which has as long for it as for one attempt. */
export async function appendEntry(
  auditTrail: AuditTrail,
  settings: Settings,
  entry: AuditEntry,
): Promise<void> {
  await inTime(settings, auditTrail.append(entry));
}

async function inTime({ timeout }: Settings, written: Promise<void>): Promise<void> {
  if (await within(timeout, written) !== "late") return;
  const late = `no answer within ${timeout} ms`;
  throw new DOMException(`Cannot write the audit trail: ${late}`, "TimeoutError");
}

/**
 * Tells API keys apart without naming them. It is kept with the credential, so that intents that begin
 * together are appended together.
 *
 * @returns The first 16 hexadecimal digits of the SHA-256 of `batchsweep:key:` and the key; undefined
 *   for a token, and where a function gives the key.
 */
export async function keyFingerprint({ credential }: Settings): Promise<string | undefined> {
  const { name, secret } = credential;
  if (name !== "apiKey" || typeof secret !== "string") return undefined;
  const bytes = new TextEncoder().encode(`batchsweep:key:${secret}`);
  const hash = await (credential.hash ??= crypto.subtle.digest("SHA-256", bytes));
  return new DataView(hash).getBigUint64(0).toString(16).padStart(16, "0");
}

const messageOf = (error: unknown) => error instanceof Error ? error.message : "unknown reason";

function failureOf(call: Call, thrown: unknown): OutcomeFacts {
  const { deletions, mayBeDeleted, canceled } = call.facts;
  const isAborted = endOfWait(call)?.aborted;
  const {
    code = isAborted ? "ERR_ABORTED" : "ERR_CALLER",
    // The text of the caller's own error is not for the trail: it may hold anything.
    message = `The call ${isAborted ? "was aborted" : "ended in an error of the caller"}`,
    outcomeKnown = !mayBeDeleted && canceled !== "unknown",
    attempts = deletions,
    workspaceId,
    status,
    type,
    requestId,
  }: Partial<CallError & Refusal> = thrown instanceof CallError ? thrown : {};
  const error = { code, message, outcomeKnown, status, type };
  return { outcome: "failed", requestId, attempts, workspaceId, error };
}
