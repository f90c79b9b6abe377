import type { Client, RequestEvent } from "../core/client.ts";
import { BatchsweepError } from "../core/errors.ts";
import type { Kind } from "./kinds.ts";
import {
  type DeletionOutcome,
  isOutage,
  outcomeError,
  type StopReason,
  stopReason,
} from "./outcome.ts";

/** How a run behaves. */
export interface RunOptions {
  /** Whether an object that is already gone is `missing` rather than `failed`. */
  readonly allowMissing: boolean;
  /** Stops the run after the deletion that is in flight. */
  readonly signal: AbortSignal;
}

/**
 * Deletes objects of a kind one after the other. Every one ends in one outcome: the failure of one goes on
 * with the next, and what cannot end better stops the run and leaves the rest `unattempted`.
 *
 * @throws Only what is not an error of the library.
 */
export async function* deleteEach(
  kind: Kind,
  client: Client,
  ids: Iterable<string>,
  { allowMissing, signal }: RunOptions,
): AsyncGenerator<DeletionOutcome, void> {
  let failuresInARow = 0;
  let reason: StopReason | undefined;
  for (const id of ids) {
    if (signal.aborted) reason ??= "interrupted";
    if (reason !== undefined) {
      yield { outcome: "unattempted", id, reason };
      continue;
    }
    const outcome = await deleteOne(kind, client, id, allowMissing);
    if (outcome.outcome === "failed") {
      failuresInARow = isOutage(outcome.error) ? failuresInARow + 1 : 0;
      reason = stopReason(outcome.error, failuresInARow);
    } else {
      failuresInARow = 0;
    }
    yield outcome;
  }
}

async function deleteOne(
  kind: Kind,
  client: Client,
  id: string,
  allowMissing: boolean,
): Promise<DeletionOutcome> {
  let attempts = 0;
  const onRequest = (event: RequestEvent) => {
    if (event.method === "DELETE") attempts += 1;
    return client.onRequest?.(event);
  };
  try {
    const deletion = await kind.delete({ ...client, onRequest }, id, { allowMissing });
    const { evidence, requestId } = deletion;
    if (evidence === "missing") return { outcome: "missing", id };
    return { outcome: "deleted", id, evidence, requestId, attempts };
  } catch (error) {
    if (!(error instanceof BatchsweepError)) throw error;
    return { outcome: "failed", id, error: outcomeError(error) };
  }
}
