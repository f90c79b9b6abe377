import { cannotUse } from "../core/cannot-use.ts";
import type { CallOptions, Client } from "../core/client.ts";
import { PurgeRefusedError } from "../core/errors.ts";
import { listMessageBatches } from "../core/list.ts";
import type { MessageBatch } from "../core/message-batch.ts";
import { settingsOf } from "../core/settings.ts";
import { evaluateFilter, type PurgeDecision } from "./evaluate-filter.ts";
import { isBatchId, type MessageBatchFilter, parseMessageBatchFilter } from "./filter.ts";
import { observe } from "./observe.ts";
import type { PurgeItem, PurgePlan } from "./purge-plan.ts";
import { parseTimestamp } from "./timestamp.ts";

/** Options of {@link planPurge}. */
export interface PlanPurgeOptions extends CallOptions {
  /** Which batches; `"*"` says all. */
  readonly filter: MessageBatchFilter | "*";
  /**
   * Whether batches that have not ended are to be canceled and deleted, where the filter means them.
   * Results they have by then go with them.
   *
   * @default false
   */
  readonly cancelInProgress?: boolean | undefined;
}

/**
 * Plans a purge: lists all batches, and says for each what {@link applyPurge} will do about it, and
 * why. It changes nothing.
 *
 * What arrives while the list is read is not in the plan: the list goes from the newest down, so it
 * stands before what is read; and what was created after the plan was begun is kept. That is judged
 * by the client's clock. One that is behind the API's keeps the newest batches, unless the filter names
 * them by id; one that is ahead makes batches older than they are, by as much.
 *
 * @param client Who calls, and how.
 * @param options Which batches.
 * @returns The plan: plain data, fit for JSON.
 * @throws {PurgeRefusedError} The answers are not from the client's workspace, or from several, or
 *   hold an id that could not be deleted.
 * @throws {APIError | InvalidResponseError | APIConnectionError | APITimeoutError} As every call.
 * @throws {TypeError | RangeError} An argument cannot be used; no request was made.
 *
 * @example See what a purge would do
 * ```ts
 * import { planPurge } from "batchsweep";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * sandbox.seed({ created_at: "2026-01-01T00:00:00Z" });
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch };
 *
 * const plan = await planPurge(client, { filter: { minDaysSinceEnded: 30 } });
 * for (const { id, action, reason } of plan.items) console.log(id, action, reason);
 * ```
 * @see [List Message Batches](https://platform.claude.com/docs/en/api/messages/batches/list)
 */
export async function planPurge(client: Client, options: PlanPurgeOptions): Promise<PurgePlan> {
  const { baseUrl, clock, headers } = settingsOf(client);
  if (typeof options !== "object" || options === null) throw cannotUse("options", "there are none");
  const { cancelInProgress, signal, betas } = options;
  const filter = parseMessageBatchFilter(options.filter);
  if (cancelInProgress !== undefined && typeof cancelInProgress !== "boolean") {
    throw cannotUse("cancelInProgress", "it is not a boolean");
  }
  const now = clock.now();
  const seen = observe(client);
  const batches = new Map<string, MessageBatch>();
  for await (const batch of listMessageBatches(seen.client, { signal, betas })) {
    if (!isBatchId(batch.id)) throw refuse("the list holds an id that cannot be used");
    batches.set(batch.id, batch);
  }
  const asked = headers["anthropic-workspace-id"];
  const [answered = asked, ...others] = seen.workspaces;
  if (others.length > 0) throw refuse("the answers come from several workspaces");
  if (asked !== undefined && answered !== asked) {
    throw refuse("the answers come from another workspace than the client names");
  }
  const decisions = evaluateFilter(filter, batches.values(), now, { cancelInProgress });
  return {
    version: 1,
    createdAt: new Date(now).toISOString(),
    baseUrl,
    ...(answered === undefined ? {} : { workspaceId: answered }),
    filter,
    items: [...batches.values()].flatMap((batch) => {
      const decision = decisions.get(batch.id);
      return decision === undefined ? [] : [itemOf(batch, decision)];
    }),
  };
}

/** What a plan says of a batch: nothing of the server's but what was read and understood. */
function itemOf(batch: MessageBatch, decision: PurgeDecision): PurgeItem {
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
