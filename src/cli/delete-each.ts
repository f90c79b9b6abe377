import type { Client } from "../core/client.ts";
import { deleteOne } from "../operations/delete-one.ts";
import type { DeletionOutcome } from "../operations/outcome.ts";
import { isOutage, type StopReason, stopReason } from "../operations/stop-reason.ts";
import type { Kind } from "./kinds.ts";

/** How a run behaves. */
export interface RunOptions {
  /** Whether an object that is already gone is `missing` rather than `failed`. */
  readonly allowMissing: boolean;
  /** Stops the run: the attempt in flight comes to its end, a wait before another one does not. */
  readonly signal: AbortSignal;
}

/**
 * Deletes objects of a kind one after the other. Every one ends in one outcome: the failure of one
 * goes on with the next, and what cannot end better stops the run and leaves the rest `unattempted`.
 *
 * @throws Only what is not an error of the library, after the last outcome.
 */
export async function* deleteEach(
  kind: Kind,
  client: Client,
  ids: Iterable<string>,
  { allowMissing, signal }: RunOptions,
): AsyncGenerator<DeletionOutcome, void> {
  let failuresInARow = 0;
  let reason: StopReason | undefined;
  const thrown: unknown[] = [];
  const options = { signal, onCallerError: (error: unknown) => void thrown.push(error) };
  for (const id of ids) {
    if (signal.aborted) reason ??= "interrupted";
    if (reason !== undefined) {
      yield { outcome: "unattempted", id, reason };
      continue;
    }
    const run = (seen: Client) => kind.delete(seen, id, { allowMissing });
    const outcome = await deleteOne(client, id, run, options);
    if (outcome.outcome === "failed") {
      failuresInARow = isOutage(outcome.error) ? failuresInARow + 1 : 0;
      reason = stopReason(outcome.error, failuresInARow);
    } else {
      failuresInARow = 0;
      if (outcome.outcome === "unattempted") reason = outcome.reason;
    }
    yield outcome;
  }
  if (thrown.length > 0) throw thrown[0];
}
