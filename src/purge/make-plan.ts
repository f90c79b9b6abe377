import type { CallOptions, Client } from "../core/client.ts";
import { PurgeRefusedError } from "../core/errors.ts";
import { listMessageBatches } from "../core/list.ts";
import { settingsOf } from "../core/settings.ts";
import { checkSignal } from "./check-signal.ts";
import type { PurgeDecision } from "./evaluate-filter.ts";
import { isBatchId } from "./filter.ts";
import type { ListedBatch } from "./listed-batch.ts";
import { observe } from "./observe.ts";
import type { PurgeItem, PurgePlan } from "./purge-plan.ts";
import { parseTimestamp } from "./timestamp.ts";
import { withPace } from "./with-pace.ts";

/** What a plan is made from: exactly one of the two. */
export type PlanSource =
  | { readonly filter: NonNullable<PurgePlan["filter"]> }
  | { readonly policy: NonNullable<PurgePlan["policy"]> };

/** Says for each batch what is to happen to it, judged by the time at which the plan was begun. */
export type Decide = (
  batches: Iterable<ListedBatch>,
  now: number,
) => ReadonlyMap<string, PurgeDecision>;

/**
 * Lists all batches, and makes a plan of what is decided for each.
 *
 * @throws {PurgeRefusedError} The answers are not from the client's workspace, or from several, or
 *   hold an id that could not be deleted.
 */
export async function makePlan(
  client: Client,
  source: PlanSource,
  decide: Decide,
  options: CallOptions,
): Promise<PurgePlan> {
  const { baseUrl, clock, headers } = settingsOf(client);
  checkSignal(options.signal);
  const now = clock.now();
  const seen = observe(withPace(client, 1));
  const batches = new Map<string, ListedBatch>();
  for await (const batch of listMessageBatches(seen.client, options)) {
    const { id, processing_status, created_at, ended_at } = batch; // the rest would fill the memory
    if (!isBatchId(id)) throw refuse("the list holds an id that cannot be used");
    batches.set(id, { id, processing_status, created_at, ended_at });
  }
  const asked = headers["anthropic-workspace-id"];
  const [answered = asked, ...others] = seen.workspaces;
  if (others.length > 0) throw refuse("the answers come from several workspaces");
  if (asked !== undefined && answered !== asked) {
    throw refuse("the answers come from another workspace than the client names");
  }
  const decisions = decide(batches.values(), now);
  return {
    version: 1,
    createdAt: new Date(now).toISOString(),
    baseUrl,
    ...(answered === undefined ? {} : { workspaceId: answered }),
    ...source,
    items: [...batches.values()].flatMap((batch) => {
      const decision = decisions.get(batch.id);
      return decision === undefined ? [] : [itemOf(batch, decision)];
    }),
  };
}

/** What a plan says of a batch: nothing of the server's but what was read and understood. */
function itemOf(batch: ListedBatch, decision: PurgeDecision): PurgeItem {
  const { id, created_at, ended_at, processing_status: status } = batch;
  const readable = (text: string | null) => parseTimestamp(text) === undefined ? null : text;
  const known = (["in_progress", "canceling", "ended"] as const).find((one) => one === status);
  return {
    id,
    createdAt: readable(created_at),
    endedAt: readable(ended_at),
    status: known ?? "unknown",
    ...decision,
  };
}

function refuse(why: string): PurgeRefusedError {
  return new PurgeRefusedError(`Cannot plan a purge: ${why}`);
}
