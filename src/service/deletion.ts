/**
 * A deletion on demand: what the webhook and the gateway have in common.
 *
 * @module
 */
import type { GatewayToken } from "../config/mod.ts";
import { unlessAborted } from "../core/abort.ts";
import type { AuditEntry } from "../core/audit.ts";
import { subjectOf } from "../core/batches.ts";
import { defined, fillPath } from "../core/check.ts";
import { type AnthropicBeta, checkClient, type Client, type Fetch } from "../core/client.ts";
import {
  type DeletableResource,
  deleteBatch,
  deleteResource,
  type Deletion,
  type DeletionFacts,
  type Evidence,
  messageBatch,
  paramsOf,
} from "../core/delete.ts";
import { APIConnectionError, BatchsweepError, CallError } from "../core/errors.ts";
import { type Call, createCall } from "../core/send.ts";
import { datedBatch } from "../purge/filter.ts";
import { dayMs } from "../purge/time.ts";
import { StorageError } from "../storage/mod.ts";
import { type Context, nowOf, type State, timeOf } from "./context.ts";
import { forbidden, isLimit, noteError, notRecorded, Problem } from "./problem.ts";

/** What a caller of the gateway says of its call. */
export interface Caller {
  readonly betas?: readonly AnthropicBeta[] | undefined;
  readonly apiVersion?: string | undefined;
  /** How often an official SDK has repeated the call; `undefined` for any other caller. */
  readonly repeats?: number | undefined;
}

/** A deletion that somebody asks for. */
export interface Wanted extends Caller {
  /** The id, or those of the path with `/` between them. */
  readonly id: string;
  /** What kind of object. @default a message batch */
  readonly resource?: DeletableResource | undefined;
  /** The token that asks; the webhook has none. */
  readonly token?: GatewayToken | undefined;
  /** The id of the webhook that asks. */
  readonly webhookId?: string | undefined;
}

/** The client, with its requests counted in the log. */
export function countingClient({ state, line }: Context): Client {
  const { onRequest, ...client } = state.config.client();
  return {
    ...client,
    onRequest: (event) => {
      line.requests += 1;
      return onRequest?.(event);
    },
  };
}

/**
 * The client for deletions and cancellations. It records them, unless `AUDIT=off`.
 *
 * @param maxDeletes How many deletions the actor may begin within 24 hours.
 */
export function recordingClient(context: Context, actor?: string, maxDeletes?: number): Client {
  const { state, line } = context;
  const client = countingClient(context);
  const audit = state.config.audit();
  const storage = recordOf(state);
  const auditTrail = client.auditTrail ?? storage?.auditTrail;
  if (auditTrail === undefined && audit) {
    throw new Problem(503, `Cannot delete message batches: ${noDatabase}`);
  }
  if (maxDeletes !== undefined && storage === undefined) {
    throw new Problem(503, "Cannot count deletions (maxDeletesPerDay): the database has no record");
  }
  const append = async (entry: AuditEntry): Promise<void> => {
    if (entry.phase === "outcome" || !storage || maxDeletes === undefined) {
      return await auditTrail?.append(entry);
    }
    const yesterday = nowOf(state) - dayMs;
    const since = new Date(yesterday).toISOString();
    const full = await storage.appendWithin(entry, maxDeletes, since);
    if (full === undefined) return;
    const wait = Math.max(1, Math.ceil((Date.parse(full) - yesterday) / 1_000));
    const detail = `The token ${JSON.stringify(actor)} permits ${maxDeletes} deletions a day`;
    throw new Problem(429, detail, {}, { "retry-after": String(wait) });
  };
  const noting = async (entry: AuditEntry): Promise<void> => {
    try {
      await append(entry);
      state.notWritten = undefined;
    } catch (error) {
      if (error instanceof Problem) throw error;
      state.notWritten = nowOf(state);
      state.health = undefined;
      line.notWritten = [...line.notWritten ?? [], `${entry.phase} of ${entry.objectId}`];
      throw error;
    }
  };
  return defined({
    ...client,
    actor: actor ?? client.actor,
    auditTrail: auditTrail && { append: noting },
  });
}

/** The storage, if the audit trail is there. */
function recordOf({ config, storage }: State): State["storage"] {
  return config.audit() && !config.client().auditTrail ? storage : undefined;
}

const noDatabase =
  "there is no database for the audit trail (in a Worker: the D1 database DB is not bound); AUDIT=off deletes without one";

/** Checks the ids of a path. */
export function checkIds(path: string, ids: Readonly<Record<string, string>>): void {
  try {
    fillPath(path, ids);
  } catch (error) {
    throw new Problem(400, error instanceof Error ? error.message : "Cannot use the id");
  }
}

/**
 * Begins a call for a caller who waits for its answer. An official SDK repeats a 429 or 529 itself: it
 * comes back at once, unless an attempt before may have deleted the object.
 */
export function callFor(
  { state, limit }: Context,
  client: Client,
  { betas, apiVersion = client.apiVersion, repeats }: Caller,
  webhookId?: string,
): Call {
  const time = timeOf(state);
  const settings = checkClient({
    ...client,
    apiVersion,
    fetch: repeats === undefined
      ? client.fetch
      : withoutRepeats(client.fetch, () => !call.facts.mayBeDeleted),
    timeout: Math.min(client.timeout ?? Infinity, time / 2),
    maxRetryDelay: Math.min(client.maxRetryDelay ?? Infinity, time / 2),
  });
  // Not with the signal of the request: a caller that hangs up does not stop what was begun.
  const call = createCall(settings, { signal: limit, betas }, undefined, { webhookId });
  return call;
}

/** Refuses to do anything to a batch that is held. */
export async function checkHold(state: State, id: string): Promise<void> {
  if (await isHeld(state, id)) throw heldProblem(id);
}

/** Whether the policy or the table `holds` forbids to change a batch, as they are now. */
export async function isHeld({ config, storage }: State, id: string): Promise<boolean> {
  return config.policy()?.holds.includes(id) || await storage?.isHeld(id) || false;
}

/** The problem that a batch is held. */
export function heldProblem(id: string): Problem {
  const detail = `Cannot cancel or delete ${subjectOf(id)}: it is held`;
  return new Problem(409, detail, { code: "ERR_HELD" });
}

/**
 * Deletes an object, unless it is held or the audit trail has the answer. A caller that asks for the
 * same deletion meanwhile gets the same answer.
 */
export async function deleteOnDemand(context: Context, wanted: Wanted): Promise<DeletionFacts> {
  const { state, line, limit } = context;
  const { underWay } = state;
  const { id, resource = messageBatch, token, webhookId } = wanted;
  Object.assign(line, defined({ id, actor: token?.name, webhookId }), { outcome: "failed" });
  const key = JSON.stringify([token?.name, resource.name, id]);
  const known = underWay.get(key);
  const deletion = known ?? begin(context, wanted).finally(() => underWay.delete(key));
  underWay.set(key, deletion);
  try {
    const facts = await unlessAborted(deletion, known && limit);
    const { evidence, requestId, attempts } = facts;
    const outcome = evidence === "missing" ? "missing" : "deleted";
    Object.assign(line, defined({ outcome, evidence, requestId, attempts }));
    return facts;
  } catch (error) {
    if (known && limit.aborted) {
      underWay.delete(key); // on Cloudflare, the request that began the deletion may be gone
      throw tookTooLong(context, false);
    }
    if (error instanceof StorageError) state.health = undefined; // it is looked at again
    if (error instanceof CallError) {
      const { code, outcomeKnown } = error;
      const reason = error instanceof APIConnectionError ? error.reason : undefined;
      Object.assign(line, defined({ code, reason, outcomeKnown }));
    }
    throw error;
  }
}

async function begin(context: Context, wanted: Wanted): Promise<DeletionFacts> {
  const { state, line, limit } = context;
  const { id, token, webhookId } = wanted;
  const resource: DeletableResource = wanted.resource ?? messageBatch;
  const client = recordingClient(context, token?.name, token?.maxDeletesPerDay);
  // What belongs to the organization takes another key, and is in no workspace.
  const administrator = resource.administrative && {
    apiKey: state.config.adminKey(),
    ...{ authToken: undefined, workspaceId: undefined },
  };
  await checkHold(state, id);
  const { answer, doubt } = await recall(state, wanted);
  if (answer !== undefined) return answer;

  const call = callFor(context, { ...client, ...administrator }, wanted, webhookId);
  const allowMissing = webhookId !== undefined;
  const options = { allowMissing, mayBeDeletedAlready: doubt, lookFirst: true };
  try {
    const ids = id.split("/");
    const params = Object.fromEntries(paramsOf(resource).map((name, at) => [name, ids[at]]));
    const deletion = resource === messageBatch
      ? await deleteBatch(call, id, { ...options, check: checkAge(call, token) })
      : await deleteResource(call, resource, params, options);
    if (deletion.auditError === undefined) return deletion;
    noteError(line, deletion.auditError);
    return { ...deletion, auditError: notRecorded };
  } catch (error) {
    if (limit.aborted) throw tookTooLong(context, !doubt && !call.facts.mayBeDeleted);
    if (error instanceof BatchsweepError) noteError(line, error.auditError);
    throw error;
  }
}

/** A fetch whose 429 and 529 are not repeated where a caller repeats them. */
function withoutRepeats(
  fetch: Fetch = (url, init) => globalThis.fetch(url, init),
  isPassedOn: () => boolean,
): Fetch {
  return async (url, init) => {
    const { body, status, headers } = await fetch(url, init);
    const passed = new Headers(headers);
    if (isLimit(status) && isPassedOn()) passed.set("x-should-retry", "false");
    return new Response(body, { status, headers: passed });
  };
}

/** The check of the age of a batch, if a token has one. */
function checkAge(
  { settings: { clock }, facts }: Call,
  { name, minDaysSinceEnded: days }: Partial<GatewayToken> = {},
) {
  if (days === undefined) return undefined;
  return (batch: unknown) => {
    const now = clock.now() - Math.max(0, facts.clockOffset ?? 0); // our clock may be ahead
    if (now - datedBatch(Object(batch)).endedAt >= days * dayMs) return;
    const detail = `permits no deletion of a batch before ${days} days after it has ended`;
    throw forbidden(`The token ${JSON.stringify(name)} ${detail}`);
  };
}

/** The problem of a call that was aborted because its time is over. */
export function tookTooLong({ state }: Context, outcomeKnown: boolean): Problem {
  const seconds = state.config.gracePeriod() / 1_000;
  const doubt = outcomeKnown ? "" : "; it may have been done";
  const detail = `Cannot answer: the API gave no answer within ${seconds} seconds${doubt}`;
  return new Problem(504, detail, { code: "ERR_TIMEOUT", outcomeKnown });
}

/**
 * What the audit trail knows of a deletion that is asked for again. For a webhook, that is all that
 * became of the batch; for an SDK that repeats a call, what its token made of it in the last ten minutes.
 * If the trail is elsewhere or off, the call that is repeated may have deleted the object.
 */
export async function recall(
  state: State,
  { id, resource = messageBatch, token, webhookId, repeats = 0 }: Wanted,
): Promise<{ readonly answer?: Deletion | undefined; readonly doubt: boolean }> {
  const isWebhook = webhookId !== undefined;
  if (!isWebhook && repeats === 0) return { doubt: false };
  const record = recordOf(state);
  if (record === undefined) return { doubt: !isWebhook };
  const since = isWebhook ? undefined : new Date(nowOf(state) - 600_000).toISOString();
  const open = new Set<string>();
  let answer: Deletion | undefined;
  let doubt = false;
  for await (const entry of record.entries({ objectId: id, since })) {
    const { phase, intent = "", outcome, error, operation, actor } = entry;
    if (operation !== "delete" || entry.resource !== resource.name) continue;
    if (!isWebhook && actor !== token?.name) continue;
    if (phase === "intent") open.add(entry.id);
    else open.delete(intent);
    if (error !== undefined) doubt = !error.outcomeKnown || (doubt && entry.settled === undefined);
    // That a batch was missing answers the same webhook only.
    const isSame = isWebhook && entry.webhookId === webhookId;
    if (outcome === "deleted" || (outcome === "missing" && isSame)) {
      const { requestId, attempts = 0, workspaceId } = entry;
      const evidence = entry.evidence as Evidence;
      const known = { id, evidence, requestId, attempts, workspaceId };
      answer = defined<Deletion>({ ...known, type: "message_batch_deleted" });
    }
  }
  return { answer, doubt: doubt || open.size > 0 };
}
