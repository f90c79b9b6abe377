import { expect, test } from "vitest";
import { describeKept, describePlan } from "../../src/cli/plan-text.ts";
import type { PurgeDecision, PurgeItem } from "../../src/purge/mod.ts";
import { policyOf } from "../fixtures/policies.ts";

const head = {
  version: 1,
  createdAt: "2026-11-22T00:00:00Z",
  baseUrl: "https://api.anthropic.com",
} as const;

/** An item of a plan for each decision. */
const itemsOf = (decisions: readonly (PurgeDecision & Partial<PurgeItem>)[]): PurgeItem[] =>
  decisions.map((decision, index): PurgeItem => ({
    id: `msgbatch_${index}`,
    createdAt: null,
    endedAt: null,
    status: "ended",
    ...decision,
  }));

test("describePlan() says where the results and the record go", () => {
  const plan = { ...head, filter: "*", items: [] } as const;
  const given = { stored: false, known: [] };
  const text = describePlan(plan, { ...given, export: "saved", audit: "audit.jsonl" });
  expect(text).toContain("\nResults    saved to saved first\n");
  expect(text).toContain("\nRecord     each deletion goes to audit.jsonl\n");
  expect(describePlan(plan, given)).not.toMatch(/^(Results|Record|Kept)/m);
});

test("describePlan() tells ids of an unknown status from those that have not ended", () => {
  const skipped = (reason: "not_ended" | "unknown_status" | "held") =>
    ({ outcome: "skipped", id: reason, reason }) as const;
  const known = [skipped("not_ended"), skipped("unknown_status"), skipped("held")];
  const plan = { ...head, filter: { ids: known.map(({ id }) => id) }, items: [] };
  const text = describePlan(plan, { stored: false, known });
  expect(text).toContain("\nNot ended  1 of the ids given: kept (--cancel cancels these first)\n");
  expect(text).toContain("\nUnknown    1 of the ids given: kept, status unknown\n");
});

test("describeKept() has a line for each cause that is told nowhere else", () => {
  const keep = (code: "held" | "not_ended" | "unknown_status" | "created_later") =>
    ({ action: "keep", code }) as const;
  const condition = { action: "keep", code: "condition" } as const;
  const items = itemsOf([
    keep("unknown_status"),
    { ...condition, condition: "createdAfter", status: "in_progress" },
    { ...condition, condition: "minDaysSinceEnded", status: "canceling" },
    { ...condition, condition: "minDaysSinceEnded" },
    keep("held"),
    { ...keep("not_ended"), status: "in_progress" },
    keep("created_later"),
    { action: "keep", code: "created_unknown" },
    { action: "keep", code: "not_among_oldest" },
    { action: "delete", code: "matches" },
  ]);
  const filter = { minDaysSinceEnded: 3, createdAfter: "2026-01-01T00:00:00Z", oldest: 7 };
  const causes = (...unended: string[]) => [
    "1 with a status that this version does not know",
    "2 that the filter does not match",
    ...unended,
    "1 created after planning began",
    "1 created at a time that cannot be read",
  ];
  const plan = { ...head, filter, items };
  expect(describeKept(plan, false)).toEqual(
    causes("1 not ended", "1 not ended (--cancel cancels these first)"),
  );
  expect(describeKept(plan, true)).toEqual(causes("2 not ended"));
  const byPolicy = itemsOf([
    { action: "keep", code: "too_young" },
    { action: "keep", code: "rule", rule: 0 },
    { action: "keep", code: "ended_unknown" },
    { ...keep("not_ended"), status: "in_progress" },
    keep("held"),
  ]);
  const policy = policyOf([{ type: "keep_last", count: 1 }]);
  expect(describeKept({ ...head, policy, items: byPolicy }, false)).toEqual([
    "3 by the policy",
    "1 not ended",
  ]);
});
