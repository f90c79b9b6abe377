import type { CallOptions, Client } from "../core/client.ts";
import { makePlan } from "../purge/make-plan.ts";
import type { PurgePlan } from "../purge/purge-plan.ts";
import { evaluateRetention } from "./evaluate.ts";
import { parseRetentionPolicy, type RetentionPolicy } from "./policy.ts";

/**
 * Plans what a retention policy means now: lists all batches, and says for each what
 * {@link applyPurge} will do about it, and why. It changes nothing.
 *
 * What arrives while the list is read is not in the plan, and what was created after the plan was
 * begun is kept. That and every age are judged by the client's clock: one that is behind the API's
 * keeps batches longer; one that is ahead makes them older than they are, by as much.
 *
 * The plan holds what the policy holds: such a batch is kept, and a plan that was changed to delete it
 * is refused. Holds that were placed since are given to {@link applyPurge}.
 *
 * @param client Who calls, and how.
 * @param policy What is kept how long.
 * @param options Options of the calls.
 * @returns The plan: plain data, fit for JSON.
 * @throws {InvalidPolicyError} The policy cannot be used; no request was made.
 * @throws {PurgeRefusedError} The answers are not from the client's workspace, or from several, or
 *   hold an id that could not be deleted.
 * @throws {APIError | InvalidResponseError | APIConnectionError | APITimeoutError} As every call.
 * @throws {TypeError | RangeError} An argument cannot be used; no request was made.
 *
 * @example Delete what the policy does not keep
 * ```ts
 * import { applyPurge, parseRetentionPolicy, planRetention } from "batchsweep";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * sandbox.seed({ created_at: "2026-01-01T00:00:00Z" });
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch };
 *
 * const policy = parseRetentionPolicy({
 *   version: 1,
 *   rules: [{ type: "delete_after", days: 30, since: "ended" }],
 *   holds: [],
 * });
 * const plan = await planRetention(client, policy);
 * for (const { id, action, reason } of plan.items) console.log(id, action, reason);
 * for await (const { outcome, id } of applyPurge(client, plan)) console.log(outcome, id);
 * ```
 * @see [List Message Batches](https://platform.claude.com/docs/en/api/messages/batches/list)
 */
export async function planRetention(
  client: Client,
  policy: RetentionPolicy,
  { signal, betas }: CallOptions = {},
): Promise<PurgePlan> {
  const parsed = parseRetentionPolicy(policy);
  return await makePlan(
    client,
    { policy: parsed },
    (batches, now) => evaluateRetention(parsed, batches, now),
    { signal, betas },
  );
}
