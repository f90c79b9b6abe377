import { checkClient } from "../../core/client.ts";
import { CallError, InvalidResponseError, PurgeRefusedError } from "../../core/errors.ts";
import { evaluateRetention } from "../../purge/evaluate-policy.ts";
import type { RetentionPolicy } from "../../purge/policy.ts";
import type { Budget } from "./budget.ts";
import { createListing, isCursorRefused, type Listing, whose } from "./listing.ts";
import type { RetentionWork, WorkDesk } from "./work.ts";

/** What is left of a plan. */
export interface RestOfPlan {
  /** How many batches were listed for it in this run. */
  readonly listed: number;
  /** When it was begun. */
  readonly createdAt: string;
  readonly workspaceId?: string | undefined;
  /** What it deletes, the oldest first as a rule; undefined: the list has not come to its end. */
  readonly ids: readonly string[] | undefined;
  /** Those that an earlier run may have deleted, though nobody saw what became of them. */
  readonly tried: ReadonlySet<string>;
}

/** What a plan is made of. */
export interface PlanOptions {
  readonly policy: RetentionPolicy;
  readonly purpose: string;
  readonly maxShare: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Goes on with the plan that is on the desk, or with its list, or begins anew: as far as the budget
 * suffices. What it could not do is on the desk then.
 *
 * @throws {PurgeRefusedError} The plan would delete too large a share; or the list cannot be trusted.
 */
export async function planOn(
  { work, save }: WorkDesk,
  budget: Budget,
  { policy, purpose, maxShare, signal }: PlanOptions,
): Promise<RestOfPlan> {
  const { clock, workspaceId } = checkClient(budget.client);
  if (work?.ids !== undefined) {
    const { createdAt } = work;
    const [ids, tried] = [idsIn(work.ids), idsIn(work.tried)];
    return { listed: 0, createdAt, ...whose(work.workspaceId), ids: [...ids], tried };
  }
  const begin = (from?: RetentionWork) => ({
    createdAt: from?.createdAt ?? new Date(clock.now()).toISOString(),
    listing: createListing(budget.client, from, workspaceId),
  });
  let { createdAt, listing } = begin(work);
  const keep = async () => {
    const rest = listing.toWork();
    await save(rest && { version: 1, purpose, createdAt, ...rest });
  };

  let isComplete = false;
  let mayBeginAnew = true;
  while (!isComplete && budget.left() > 0 && !signal?.aborted) {
    try {
      isComplete = !await listing.readPage(signal);
    } catch (error) {
      if (isCursorRefused(error) && listing.isBegun() && mayBeginAnew) {
        mayBeginAnew = false;
        ({ createdAt, listing } = begin());
        continue;
      }
      if (budget.overdrawn() || signal?.aborted) break;
      if (isWorthKeeping(error)) await keep();
      else await save(undefined);
      throw error;
    }
  }
  const listed = listing.readNow();
  if (!isComplete) {
    await keep();
    return { listed, createdAt, ids: undefined, tried: new Set() };
  }
  const ids = choose(policy, listing, createdAt);
  const share = ids.length / Math.max(1, listing.size());
  if (share > maxShare) {
    await save(undefined);
    throw new PurgeRefusedError(
      "apply",
      `it deletes ${ids.length} of ${listing.size()} batches, ` +
        `which is more than the share of ${maxShare} that is allowed`,
    );
  }
  return { listed, createdAt, ...whose(listing.workspaceId()), ids, tried: new Set() };
}

/** Each once, whatever somebody has made of them. */
const idsIn = (text = ""): Set<string> => new Set(text.split(" ").filter((id) => id !== ""));

function choose(policy: RetentionPolicy, listing: Listing, createdAt: string): string[] {
  const decisions = evaluateRetention(policy, listing.batches(), Date.parse(createdAt));
  return [...decisions].filter(([, { action }]) => action === "delete").map(([id]) => id).reverse();
}

/** Whether the same page may well come another time. */
function isWorthKeeping(error: unknown): boolean {
  return error instanceof CallError && !(error instanceof InvalidResponseError) &&
    !isCursorRefused(error);
}
