/**
 * How large a share of the batches a retention policy may delete.
 *
 * @module
 */
import type { PurgePlan } from "../../purge/plan.ts";
import { CommandError } from "../exit-code.ts";
import { describeCount, plannedItems } from "./preview.ts";

/**
 * Reads a share of the command line, such as `50%`, as a number from 0 to 1.
 *
 * @throws {CommandError} It is none.
 */
export function maxShare(text: string): number {
  const [, percent] = /^(\d{1,3}(?:\.\d+)?)%$/.exec(text) ?? [];
  const share = Number(percent) / 100;
  if (share <= 1) return share;
  const given = JSON.stringify(text.slice(0, 80));
  throw new CommandError(`Cannot use --max-share ${given}: give a share from 0% to 100%`);
}

/**
 * Why a plan is not applied, if its share is too large.
 *
 * @param plan What a policy means now.
 * @param most The share that it may delete, from 0 to 1; any, if it is not given.
 */
export function refuseShare(plan: PurgePlan, most = 1): CommandError | undefined {
  const all = plan.items.length;
  if (all === 0 || plannedItems(plan).length / all <= most) return undefined;
  const limit = `${Number((most * 100).toFixed(6))}%`;
  return new CommandError(
    `Cannot apply the policy: it would delete ${describeCount(plan)}, and --max-share is ${limit}`,
  );
}
