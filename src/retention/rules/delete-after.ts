import { check, literal, number, object, picklist, pipe } from "../../deps.ts";
import type { RuleKind } from "./rule.ts";

/** Lets a batch go that ended, or was created, some days ago. */
export interface DeleteAfterRule {
  readonly type: "delete_after";
  /** At least so many times 24 hours ago, to the millisecond. A fraction is allowed. */
  readonly days: number;
  /** From when on they are counted. */
  readonly since: "ended" | "created";
}

const day = 86_400_000;

export const deleteAfter: RuleKind<DeleteAfterRule> = {
  type: "delete_after",
  schema: () =>
    object({
      type: literal("delete_after"),
      days: pipe(
        number("is not a number"),
        check((days) => days > 0 && Number.isFinite(days), "is not above 0"),
      ),
      since: picklist(["ended", "created"], 'is not "ended" or "created"'),
    }, "is missing"),
  judge({ days, since }, _batches, now) {
    const [did, timeOf] = since === "ended" ? ["ended", "endedAt"] as const : [
      "was created",
      "createdAt",
    ] as const;
    const some = `${days} ${days === 1 ? "day" : "days"} ago`;
    const old = { letsGo: true, why: `${did} at least ${some}` };
    const young = { letsGo: false, why: `${did} less than ${some}` };
    return (batch) => now - (batch[timeOf] ?? Infinity) >= days * day ? old : young;
  },
};
