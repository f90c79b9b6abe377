/**
 * A deletion on demand: what the webhook and the gateway have in common.
 *
 * @module
 */
import type { Config } from "../config/mod.ts";
import type { AnthropicBeta, Client } from "../core/client.ts";
import { deleteMessageBatch, type Deletion } from "../core/delete.ts";
import { BatchsweepError } from "../core/errors.ts";
import type { Storage } from "../storage/mod.ts";
import { notRecorded, Problem } from "./problem.ts";

/** What the handlers of the service work with. */
export interface Context {
  readonly config: Config;
  readonly storage: Storage | undefined;
  /** How many requests a retention run may make, if the environment does not say. */
  readonly requests: number;
  /** How many requests one deletion of a retention run costs. */
  readonly costOfDeletion: number;
  /** The ids of the retention runs that run now. */
  readonly running: Set<string>;
  /** Tells the owner of the service what no caller may see. `undefined` is no error. */
  report(error: unknown): void;
}

/**
 * The client for deletions. It records them, unless `AUDIT=off`.
 *
 * @throws {ArgumentError} A variable is invalid.
 * @throws {Problem} 503: deletions cannot be recorded.
 */
export function recordingClient({ config, storage }: Context, actor?: string): Client {
  const client = { ...config.client(), ...(actor === undefined ? {} : { actor }) };
  if (client.auditTrail !== undefined || !config.storage().audit) return client;
  if (storage !== undefined) return { ...client, auditTrail: storage.auditTrail };
  throw new Problem(503, `Cannot delete message batches: ${noDatabase}`);
}

const noDatabase =
  "there is no database for the audit trail (in a Worker: the D1 database DB is not bound); AUDIT=off deletes without one";

/** Checks whether a batch is held, by the policy or in the database. */
export async function isHeld({ config, storage }: Context, id: string): Promise<boolean> {
  return config.policy()?.holds.includes(id) || (await storage?.isHeld(id) ?? false);
}

/**
 * Deletes a batch, unless it is held.
 *
 * @throws {Problem} 409 with the code `ERR_HELD`: it is held.
 * @throws {BatchsweepError} The deletion failed.
 */
export async function deleteOnDemand(
  context: Context,
  id: string,
  { actor, betas }: {
    readonly actor?: string;
    readonly betas?: readonly AnthropicBeta[];
  } = {},
): Promise<Deletion> {
  const client = recordingClient(context, actor);
  if (await isHeld(context, id)) {
    throw new Problem(409, "Cannot delete the message batch: it is held", { code: "ERR_HELD" });
  }
  try {
    // Not with the signal of the request: a caller that hangs up does not stop what was begun.
    const deletion = await deleteMessageBatch(client, id, { betas });
    if (deletion.auditError === undefined) return deletion;
    context.report(deletion.auditError);
    return { ...deletion, auditError: notRecorded };
  } catch (error) {
    if (error instanceof BatchsweepError) context.report(error.auditError);
    throw error;
  }
}
