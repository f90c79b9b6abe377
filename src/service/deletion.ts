/**
 * A deletion on demand: what the webhook and the gateway have in common.
 *
 * @module
 */
import type { Config } from "../config/mod.ts";
import { unlessAborted } from "../core/abort.ts";
import type { AuditEntry } from "../core/audit.ts";
import { batchPath } from "../core/batches.ts";
import { defined, fillPath } from "../core/check.ts";
import {
  type AnthropicBeta,
  checkClient,
  type Client,
  type Fetch,
  maxTimer,
  systemClock,
} from "../core/client.ts";
import { deleteBatch, type Deletion, type Evidence } from "../core/delete.ts";
import { BatchsweepError, CallError } from "../core/errors.ts";
import { createCall } from "../core/send.ts";
import { type Storage, StorageError } from "../storage/mod.ts";
import type { Line } from "./log.ts";
import { noteError, notRecorded, Problem } from "./problem.ts";

/** What a service has for all its requests and runs. */
export interface State {
  readonly config: Config;
  readonly storage: Storage | undefined;
  /** How many requests a retention run may make, if the environment does not say. */
  readonly requests: number | undefined;
  /** Aborted when the service is to stop. */
  readonly signal: AbortSignal | undefined;
  /** The ids of the retention runs that run now. */
  readonly running: Set<string>;
  /** The deletions on demand that are under way, by caller and batch. */
  readonly underWay: Map<string, Promise<Deletion>>;
  /** When an entry could not be written last, until one is written again. */
  notWritten?: number | undefined;
  /** What `/healthz` found last, and when. */
  health?: { readonly at: number; readonly found: object } | undefined;
}

/** What one request or run works with. */
export interface Context {
  readonly state: State;
  /** Its line in the log. */
  readonly line: Line;
  /** Aborted when its time is over: what is in flight is aborted. */
  readonly limit: AbortSignal;
  /** Aborted when it is to begin nothing more. */
  readonly stop: AbortSignal;
}

/** A deletion that somebody asks for. */
export interface Wanted {
  readonly id: string;
  /** The name of the token that asks; the webhook has none. */
  readonly actor?: string | undefined;
  /** The id of the webhook that asks. */
  readonly webhookId?: string | undefined;
  readonly betas?: readonly AnthropicBeta[] | undefined;
  /** How often an official SDK has repeated the call; `undefined` for any other caller. */
  readonly repeats?: number | undefined;
}

/** The time after which a repeated call is another call, in milliseconds. */
const repeatedWithin = 600_000;

/**
 * The client for deletions, with its requests counted in the log. It records deletions, unless
 * `AUDIT=off`.
 *
 * @throws {ArgumentError} A variable is invalid.
 * @throws {Problem} 503: deletions cannot be recorded.
 */
export function recordingClient({ state, line }: Context, actor?: string): Client {
  const { config, storage } = state;
  const client = config.client();
  const { clock = systemClock, onRequest } = client;
  const auditTrail = client.auditTrail ??
    (config.storage().audit ? storage?.auditTrail : undefined);
  if (auditTrail === undefined && config.storage().audit) {
    throw new Problem(503, `Cannot delete message batches: ${noDatabase}`);
  }
  return defined({
    ...client,
    actor: actor ?? client.actor,
    onRequest: (event) => {
      line.requests += 1;
      return onRequest?.(event);
    },
    auditTrail: auditTrail && {
      append: async (entry) => {
        try {
          await auditTrail.append(entry);
          state.notWritten = undefined;
        } catch (error) {
          state.notWritten = clock.now();
          state.health = undefined;
          line.notWritten = [...line.notWritten ?? [], `${entry.phase} of ${entry.objectId}`];
          throw error;
        }
      },
    },
  });
}

const noDatabase =
  "there is no database for the audit trail (in a Worker: the D1 database DB is not bound); AUDIT=off deletes without one";

/**
 * Checks the id of a batch.
 *
 * @throws {Problem} 400: it cannot be one.
 */
export function checkId(id: string): void {
  try {
    fillPath(batchPath, { message_batch_id: id });
  } catch (error) {
    throw new Problem(400, error instanceof Error ? error.message : "Cannot use the id");
  }
}

/**
 * The grace period, less the time that it takes to record how a deletion ended, in milliseconds.
 *
 * @throws {ArgumentError} `GRACE_PERIOD` is invalid.
 */
export function timeOf({ config }: State): number {
  return Math.min(config.gracePeriod() * 0.9, maxTimer);
}

/**
 * Deletes a batch, unless it is held or the audit trail has the answer. A caller that asks for the same
 * deletion meanwhile gets the same answer.
 *
 * @throws {Problem} 409 with the code `ERR_HELD`: it is held. 504: it took too long.
 * @throws {BatchsweepError} The deletion failed.
 */
export async function deleteOnDemand(context: Context, wanted: Wanted): Promise<Deletion> {
  const { state, line, limit } = context;
  const { underWay } = state;
  const { id, actor, webhookId } = wanted;
  Object.assign(line, defined({ id, actor, webhookId }), { outcome: "failed" });
  const key = JSON.stringify([actor, id]);
  let deletion = underWay.get(key);
  const isFirst = deletion === undefined;
  if (deletion === undefined) {
    deletion = begin(context, wanted).finally(() => underWay.delete(key));
    underWay.set(key, deletion);
  }
  try {
    const { evidence, requestId, attempts } = await unlessAborted(
      deletion,
      isFirst ? undefined : limit,
    );
    const outcome = evidence === "missing" ? "missing" : "deleted";
    Object.assign(line, defined({ outcome, evidence, requestId, attempts }));
    return await deletion;
  } catch (error) {
    if (!isFirst && limit.aborted) {
      underWay.delete(key); // on Cloudflare, the request that began the deletion may be gone
      throw tookTooLong(context, false);
    }
    if (error instanceof StorageError) state.health = undefined; // it is looked at again
    if (error instanceof CallError) {
      const { code, outcomeKnown } = error;
      Object.assign(line, { code, outcomeKnown });
    }
    throw error;
  }
}

async function begin(context: Context, wanted: Wanted): Promise<Deletion> {
  const { state, line, limit } = context;
  const { id, actor, webhookId, betas, repeats } = wanted;
  const client = recordingClient(context, actor);
  if (state.config.policy()?.holds.includes(id) || await state.storage?.isHeld(id)) {
    throw new Problem(409, "Cannot delete the message batch: it is held", { code: "ERR_HELD" });
  }
  const { answer, doubt } = await recall(state, wanted);
  if (answer !== undefined) return answer;

  const time = timeOf(state);
  const { fetch = (url, init) => globalThis.fetch(url, init) } = client;
  const settings = checkClient({
    ...client,
    fetch: repeats === undefined ? fetch : withoutRepeats(fetch),
    timeout: Math.min(client.timeout ?? Infinity, time / 2),
    maxRetryDelay: Math.min(client.maxRetryDelay ?? Infinity, time / 2),
  });
  // Not with the signal of the request: a caller that hangs up does not stop what was begun.
  const call = createCall(settings, { signal: limit, betas }, undefined, { webhookId });
  try {
    const deletion = await deleteBatch(call, id, {
      allowMissing: webhookId !== undefined,
      mayBeDeletedAlready: doubt,
      lookFirst: true,
    });
    if (deletion.auditError === undefined) return deletion;
    noteError(line, deletion.auditError);
    return { ...deletion, auditError: notRecorded };
  } catch (error) {
    if (limit.aborted) throw tookTooLong(context, !doubt && !call.facts.mayBeDeleted);
    if (error instanceof BatchsweepError) noteError(line, error.auditError);
    // A look changes nothing, and an earlier call of unknown outcome leaves its doubt.
    if (error instanceof CallError && (doubt || call.facts.deletions === 0)) {
      Object.assign(error, { outcomeKnown: !doubt });
    }
    throw error;
  }
}

/** A fetch for a caller that repeats a 429 or 529 itself: they come back at once. */
function withoutRepeats(fetch: Fetch): Fetch {
  return async (url, init) => {
    const { body, status, headers } = await fetch(url, init);
    const passed = new Headers(headers);
    if (status === 429 || status === 529) passed.set("x-should-retry", "false");
    return new Response(body, { status, headers: passed });
  };
}

function tookTooLong({ state }: Context, outcomeKnown: boolean): Problem {
  const seconds = state.config.gracePeriod() / 1_000;
  const doubt = outcomeKnown ? "" : "; it may be deleted all the same";
  const detail = `Cannot delete the message batch: no answer within ${seconds} seconds${doubt}`;
  return new Problem(504, detail, { code: "ERR_TIMEOUT", outcomeKnown });
}

/**
 * What the audit trail knows of a deletion that is asked for again. For a webhook, that is all that
 * became of the batch; for an SDK that repeats a call, what became of it in the last ten minutes, if the
 * last entry is of the same token.
 */
async function recall(
  { config, storage }: State,
  { id, actor, webhookId, repeats = 0 }: Wanted,
): Promise<{ readonly answer?: Deletion | undefined; readonly doubt: boolean }> {
  const isWebhook = webhookId !== undefined;
  if (storage === undefined || (!isWebhook && repeats === 0)) return { doubt: false };
  const { clock = systemClock } = config.client();
  const since = isWebhook ? undefined : new Date(clock.now() - repeatedWithin).toISOString();
  const open = new Set<string>();
  let last: AuditEntry | undefined;
  let answer: Deletion | undefined;
  let doubt = false;
  for await (const entry of storage.entries({ objectId: id, since })) {
    const { phase, intent = "", outcome, error, operation } = entry;
    if (operation !== "delete") continue;
    last = entry;
    if (phase === "intent") open.add(entry.id);
    else open.delete(intent);
    if (error !== undefined) doubt = !error.outcomeKnown || (doubt && entry.settled === undefined);
    // That a batch was missing answers the same webhook only.
    const isSame = isWebhook && entry.webhookId === webhookId;
    if (outcome === "deleted" || (outcome === "missing" && isSame)) answer = deletionOf(entry);
  }
  if (!isWebhook && last?.actor !== actor) return { doubt: false };
  return { answer, doubt: doubt || open.size > 0 };
}

/** The deletion that an entry of the audit trail has recorded. */
function deletionOf(
  { objectId, evidence, requestId, attempts, workspaceId }: AuditEntry,
): Deletion {
  return defined({
    id: objectId,
    type: "message_batch_deleted",
    evidence: evidence as Evidence,
    requestId,
    attempts: attempts ?? 0,
    workspaceId,
  });
}
