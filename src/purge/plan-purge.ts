import { cannotUse } from "../core/cannot-use.ts";
import type { CallOptions, Client } from "../core/client.ts";
import { settingsOf } from "../core/settings.ts";
import { evaluateFilter } from "./evaluate-filter.ts";
import { type MessageBatchFilter, parseMessageBatchFilter } from "./filter.ts";
import { makePlan } from "./make-plan.ts";
import type { PurgePlan } from "./purge-plan.ts";

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
  settingsOf(client);
  if (typeof options !== "object" || options === null) throw cannotUse("options", "there are none");
  const { cancelInProgress, signal, betas } = options;
  const filter = parseMessageBatchFilter(options.filter);
  if (cancelInProgress !== undefined && typeof cancelInProgress !== "boolean") {
    throw cannotUse("cancelInProgress", "it is not a boolean");
  }
  return await makePlan(
    client,
    { filter },
    (batches, now) => evaluateFilter(filter, batches, now, { cancelInProgress }),
    { signal, betas },
  );
}
