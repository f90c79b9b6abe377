import type { PurgePlan } from "../purge/purge-plan.ts";

/**
 * Which share of the batches there were a plan deletes: what a run that nobody watches can be limited
 * by. A policy that is wrong, or a clock that is, shows as a share that is far too large.
 *
 * @param plan What {@link planRetention} or {@link planPurge} gave.
 * @returns From 0 to 1: those that are not kept, of all; 0 where there are none.
 *
 * @example Stop where a policy would delete more than half
 * ```ts
 * import { deletionShare, planRetention } from "batchsweep";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const client = { apiKey: "sk-ant-api03-example", fetch: createSandbox().fetch };
 *
 * const plan = await planRetention(client, {
 *   version: 1,
 *   rules: [{ type: "keep_last", count: 10 }],
 *   holds: [],
 * });
 * if (deletionShare(plan) > 0.5) throw new Error("The policy would delete more than half");
 * ```
 */
export function deletionShare({ items }: Pick<PurgePlan, "items">): number {
  const planned = items.filter(({ action }) => action !== "keep").length;
  return items.length === 0 ? 0 : planned / items.length;
}
