import { cancelMessageBatch, retrieveMessageBatch } from "../../core/batches.ts";
import type { Client } from "../../core/client.ts";
import { APIError, BatchsweepError, NotFoundError, WaitTimeoutError } from "../../core/errors.ts";
import type { MessageBatch } from "../../core/message-batch.ts";
import { observe } from "../../purge/observe.ts";
import { outcomeError } from "../../purge/outcome.ts";
import { waitUntilMessageBatchEnded } from "../../purge/wait.ts";
import type { Undone } from "../run/run-each.ts";

/** What became of a batch that was to be canceled. */
export type CancelOutcome =
  | {
    /** Its cancellation is requested; it has not ended. */
    readonly outcome: "canceling";
    readonly id: string;
    readonly batch: MessageBatch;
    /** Why its end was not waited for any longer, where it was waited for. */
    readonly waitEnded?: "timed_out" | "interrupted" | undefined;
  }
  | {
    /** It has ended: by its cancellation, or before it. */
    readonly outcome: "ended";
    readonly id: string;
    readonly batch: MessageBatch;
  }
  | { readonly outcome: "missing"; readonly id: string }
  | Undone;

/** How one batch is canceled. */
export interface CancelOneOptions {
  /** Ends waits; a request under way comes to its end. */
  readonly signal: AbortSignal;
  /** Whether a batch that is not there is `missing` rather than `failed`. */
  readonly allowMissing: boolean;
  /** How long to wait for its end, in milliseconds; without it, nothing is waited for. */
  readonly waitFor?: number | undefined;
  /** Is given what is no error of the library. */
  readonly onCallerError: (error: unknown) => void;
}

/** Cancels a batch, and says what became of it. It never rejects. */
export async function cancelOne(
  client: Client,
  id: string,
  { signal, allowMissing, waitFor, onCallerError }: CancelOneOptions,
): Promise<CancelOutcome> {
  let asked = false;
  const onRequest: Client["onRequest"] = (event) => {
    asked = true;
    return client.onRequest?.(event);
  };
  const seen = observe({ ...client, onRequest }, signal).client;
  const interrupted = (error: unknown) => signal.aborted && error === signal.reason;
  let batch: MessageBatch | undefined;
  try {
    batch = await cancel(seen, id);
    if (batch.processing_status === "ended") return { outcome: "ended", id, batch };
    if (waitFor === undefined) return { outcome: "canceling", id, batch };
    batch = await waitUntilMessageBatchEnded(seen, id, { timeout: waitFor });
    return { outcome: "ended", id, batch };
  } catch (error) {
    if (batch !== undefined && (interrupted(error) || error instanceof WaitTimeoutError)) {
      const waitEnded = interrupted(error) ? "interrupted" : "timed_out";
      return { outcome: "canceling", id, batch, waitEnded };
    }
    if (interrupted(error)) {
      if (!asked) return { outcome: "unattempted", id, reason: "interrupted" };
      const message = "The run was interrupted; it may have been canceled all the same";
      return { outcome: "failed", id, error: { code: "ERR_ABORTED", message } };
    }
    if (error instanceof NotFoundError && allowMissing) return { outcome: "missing", id };
    if (error instanceof BatchsweepError) {
      return { outcome: "failed", id, error: outcomeError(error) };
    }
    onCallerError(error);
    const message = "The function of the secret failed";
    return { outcome: "failed", id, error: { code: "ERR_CALLER", message } };
  }
}

/**
 * The batch after its cancellation. How the API refuses one that has ended is published nowhere: then
 * a look at it decides, and where that fails the refusal stands.
 */
async function cancel(client: Client, id: string): Promise<MessageBatch> {
  try {
    return await cancelMessageBatch(client, id);
  } catch (error) {
    if (!(error instanceof APIError) || ![400, 409, 422].includes(error.status)) throw error;
    const batch = await retrieveMessageBatch(client, id).catch(() => undefined);
    if (batch === undefined || batch.processing_status === "in_progress") throw error;
    return batch;
  }
}
