import { check, literal, number, object, pipe } from "../../deps.ts";
import type { RuleKind } from "./rule.ts";

/**
 * Keeps the newest, whatever their age: of all batches of the workspace, those created last, ended or
 * not, held or not. Those created in the same millisecond as the last of them stay too.
 */
export interface KeepLastRule {
  readonly type: "keep_last";
  /** How many. */
  readonly count: number;
}

export const keepLast: RuleKind<KeepLastRule> = {
  type: "keep_last",
  schema: () =>
    object({
      type: literal("keep_last"),
      count: pipe(
        number("is not a number"),
        check((count) => Number.isSafeInteger(count) && count > 0, "is not a whole number above 0"),
      ),
    }, "is missing"),
  judge({ count }, batches) {
    // One whose time cannot be read, or has not come yet, takes no place: it is kept beside the newest.
    const newestFirst = batches.flatMap(({ createdAt }) => createdAt ?? [])
      .sort((one, other) => other - one);
    const oldestKept = newestFirst[count - 1] ?? -Infinity;
    const among = { letsGo: false, why: `is among the newest ${count}` };
    const not = { letsGo: true, why: `is not among the newest ${count}` };
    return ({ createdAt = Infinity }) => createdAt >= oldestKept ? among : not;
  },
};
