import type { Client, Fetch } from "../../core/client.ts";
import type { DeletionOutcome } from "../../purge/outcome.ts";
import { settingsOf } from "../../core/settings.ts";

/** What a run has canceled, which is not taken back. */
export interface Cancellations<Watched extends Client> {
  /** The client whose cancellations are noticed. */
  readonly client: Watched;
  /** Whether the API has agreed to cancel a batch. */
  requested(id: string): boolean;
  /** Counts an outcome. */
  add(outcome: DeletionOutcome): void;
  /**
   * How many were canceled and are still there, as a line; undefined: none.
   *
   * @param all Whether those count, too, that have not ended in time: each is told of by itself, where
   *   outcomes are told.
   */
  left(all: boolean): string | undefined;
}

/** Notices which message batches a run cancels, so that it can say so of those it does not delete. */
export function watchCancellations<Watched extends Client>(
  client: Watched,
): Cancellations<Watched> {
  const canceled = new Set<string>();
  let total = 0;
  let undone = 0;
  let unended = 0;
  const { fetch: send } = settingsOf(client);
  const fetch: Fetch = async (url, init) => {
    const response = await send(url, init);
    if (init.method === "POST" && response.status === 200) {
      const [, id] = /\/batches\/([^/]+)\/cancel$/.exec(new URL(url).pathname) ?? [];
      if (id !== undefined) canceled.add(decodeURIComponent(id));
    }
    return response;
  };
  return {
    client: { ...client, fetch },
    requested: (id) => canceled.has(id),
    add(outcome) {
      total += 1;
      if (!canceled.has(outcome.id)) return;
      if (outcome.outcome === "skipped" && outcome.reason === "not_ended") unended += 1;
      else if (!["deleted", "missing"].includes(outcome.outcome)) undone += 1;
    },
    left(all) {
      const left = all ? undone + unended : undone;
      if (left === 0) return undefined;
      const which = total === 1 ? "It is" : `${left} of them ${left === 1 ? "is" : "are"}`;
      return `${which} canceled all the same, and still there`;
    },
  };
}
