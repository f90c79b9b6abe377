import type { Client } from "../../core/client.ts";
import { type Deleted, deleteOne } from "../../purge/delete-one.ts";
import type { DeletionOutcome } from "../../purge/outcome.ts";
import { withPace } from "../../purge/with-pace.ts";
import { watchFirstAnswer } from "../run/first-answer.ts";
import { requestsAtOnce, runEach } from "../run/run-each.ts";

/** Deletes one object with the client that it is given; the signal ends waits and exports. */
export type Delete = (client: Client, id: string, signal: AbortSignal) => Promise<Deleted>;

/** How a run behaves. */
export interface RunOptions {
  /** Stops the run: the attempt in flight comes to its end, a wait before another one does not. */
  readonly signal: AbortSignal;
  /**
   * How many are worked on at a time, as fast as the API's limits allow.
   *
   * @default 1, and then without regard to the limits
   */
  readonly concurrency?: number | undefined;
  /** Ids that are not deleted, whatever else is said. @default none */
  readonly holds?: ReadonlySet<string> | undefined;
}

/**
 * Deletes objects. Every one ends in one outcome, as {@link runEach} has it; those that are held come
 * first, and nothing is sent for them.
 *
 * @throws Only what is not an error of the library, after the last outcome.
 */
export async function* deleteEach(
  client: Client,
  ids: Iterable<string>,
  run: Delete,
  { signal, concurrency, holds = new Set() }: RunOptions,
): AsyncGenerator<DeletionOutcome, void> {
  const thrown: unknown[] = [];
  const onCallerError = (error: unknown) => void thrown.push(error);
  const paced = concurrency === undefined ? client : withPace(client, requestsAtOnce);
  const watched = watchFirstAnswer(paced);
  const free: string[] = [];
  for (const id of ids) {
    if (holds.has(id)) yield { outcome: "skipped", id, reason: "held" };
    else free.push(id);
  }
  yield* runEach(
    free,
    (id, ends): Promise<DeletionOutcome> =>
      deleteOne(watched.client, id, (seen) => run(seen, id, ends.early), {
        signal: ends.now,
        early: ends.early,
        onCallerError,
      }),
    { signal, concurrency, proven: watched.answered },
  );
  if (thrown.length > 0) throw thrown[0];
}
