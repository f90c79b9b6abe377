import type { DeletionOutcome } from "../../purge/outcome.ts";
import type { PurgePlan } from "../../purge/plan.ts";

/**
 * The outcomes of those ids that were given and that a plan does not delete. So every id ends in an
 * outcome, as in `delete`.
 *
 * @param ids The ids that were given.
 * @param plan The plan that was made by them.
 * @param missingIsFine Whether an id that is not in the workspace is no failure.
 */
export function namedOutcomes(
  ids: readonly string[],
  plan: PurgePlan,
  missingIsFine: (id: string) => boolean,
): readonly DeletionOutcome[] {
  const items = new Map(plan.items.map((item) => [item.id, item]));
  return ids.flatMap((id): DeletionOutcome[] => {
    const item = items.get(id);
    if (item?.action === "keep") return [{ outcome: "skipped", id, reason: item.code }];
    if (item !== undefined) return [];
    if (missingIsFine(id)) return [{ outcome: "missing", id }];
    const message = `Cannot delete message batch ${JSON.stringify(id)}: it is not in the workspace`;
    return [{ outcome: "failed", id, error: { code: "ERR_NOT_FOUND", message } }];
  });
}
