import type { DeletionOutcome } from "../../purge/outcome.ts";
import type { PurgePlan } from "../../purge/purge-plan.ts";

/** What is known of ids besides the plan. */
export interface NamedOptions {
  readonly holds: ReadonlySet<string>;
  /** Whether an id that is not in the workspace is no failure. */
  readonly missingIsFine: (id: string) => boolean;
}

/**
 * What becomes of the ids that are named and that a plan does not delete: everyone ends in an outcome,
 * as they do where they are deleted by their ids.
 */
export function namedOutcomes(
  ids: readonly string[],
  plan: PurgePlan,
  { holds, missingIsFine }: NamedOptions,
): readonly DeletionOutcome[] {
  const actions = new Map(plan.items.map(({ id, action }) => [id, action]));
  return ids.flatMap((id): DeletionOutcome[] => {
    const action = actions.get(id);
    if (action === "keep") {
      return [{ outcome: "skipped", id, reason: holds.has(id) ? "held" : "not_ended" }];
    }
    if (action !== undefined) return [];
    if (missingIsFine(id)) return [{ outcome: "missing", id }];
    const message = `Cannot delete message batch ${JSON.stringify(id)}: it is not in the workspace`;
    return [{ outcome: "failed", id, error: { code: "ERR_NOT_FOUND", message } }];
  });
}
