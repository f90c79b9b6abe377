import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  describeDecision,
  evaluateFilter,
  type KeepCode,
  type PurgeDecision,
} from "../../src/purge/mod.ts";
import { evaluateRetention } from "../../src/retention/mod.ts";
import { anyBatches, conditions, now } from "../fixtures/batches.ts";
import { anyPolicy, policyOf } from "../fixtures/policies.ts";

const ended = { status: "ended" };
const running = { status: "in_progress" };

const filter = {
  ids: ["msgbatch_1"],
  status: ["ended", "canceling"] as const,
  minDaysSinceCreated: 1,
  minDaysSinceEnded: 1 / 24,
  createdBefore: "2026-11-01T00:00:00Z",
  createdAfter: "2026-01-01T00:00:00Z",
  endedBefore: "2026-11-02T00:00:00Z",
  endedAfter: "2026-01-02T00:00:00Z",
  oldest: 3,
};
const policy = policyOf([
  { type: "delete_after", days: 30, since: "ended" },
  { type: "delete_after", days: 1, since: "created" },
  { type: "keep_last", count: 5 },
]);

const matches: PurgeDecision = { action: "delete", code: "matches" };
const cancels: PurgeDecision = { action: "cancel_and_delete", code: "matches" };
const keep = (code: Exclude<KeepCode, "condition" | "rule">): PurgeDecision => ({
  action: "keep",
  code,
});
const broken = (condition: keyof typeof filter): PurgeDecision => ({
  action: "keep",
  code: "condition",
  condition,
});
const rule = (index: number): PurgeDecision => ({ action: "keep", code: "rule", rule: index });

describe("describeDecision()", () => {
  const table: [string, ...Parameters<typeof describeDecision>][] = [
    ["It is one of all", matches, { filter: "*" }],
    ["It is one of all; it is in_progress", cancels, { filter: "*" }, running],
    [
      "It is named by its id, and is ended or canceling, and was created at least 1 day ago, " +
      "and ended at least 0.0416667 days ago, and was created before 2026-11-01T00:00:00Z, " +
      "and was created after 2026-01-01T00:00:00Z, and ended before 2026-11-02T00:00:00Z, " +
      "and ended after 2026-01-02T00:00:00Z, and is among the oldest 3",
      matches,
      { filter },
    ],
    [
      "It ended at least 30 days ago, and was created at least 1 day ago, " +
      "and is not among the newest 5",
      matches,
      { policy },
    ],
    ["It is held", keep("held"), { policy }],
    ["It has not ended: only an ended batch can be deleted", keep("not_ended"), { filter }],
    [
      "It is in_progress: only an ended batch can be deleted",
      keep("not_ended"),
      { filter },
      running,
    ],
    ["It has a status that this version does not know", keep("unknown_status"), { filter }],
    ["It was created after planning began", keep("created_later"), { filter }],
    ["It was created at a time that cannot be read or believed", keep("created_unknown"), {
      policy,
    }],
    [
      "It ended at a time that cannot be read or believed",
      keep("ended_unknown"),
      { policy },
    ],
    ["It ended too recently: the minimum age is PT1H", keep("too_young"), { policy }],
    [
      "It ended too recently: the minimum age is P2D",
      keep("too_young"),
      { policy: { ...policy, minimumAge: "P2D" } },
    ],
    ["It is not among the oldest 3", keep("not_among_oldest"), { filter }],
    ["It is not named by its id", broken("ids"), { filter }, ended],
    ["It is not ended or canceling", broken("status"), { filter }, running],
    ["It was not created at least 1 day ago", broken("minDaysSinceCreated"), { filter }, ended],
    ["It has not ended", broken("minDaysSinceCreated"), { filter }, running],
    ["It did not end at least 0.0416667 days ago", broken("minDaysSinceEnded"), { filter }, ended],
    ["It did not end at least 0.0416667 days ago", broken("minDaysSinceEnded"), { filter }],
    ["It has not ended", broken("minDaysSinceEnded"), { filter }, running],
    ["It was not created before 2026-11-01T00:00:00Z", broken("createdBefore"), { filter }, ended],
    ["It has not ended", broken("createdBefore"), { filter }, running],
    ["It was not created after 2026-01-01T00:00:00Z", broken("createdAfter"), { filter }, running],
    ["It did not end before 2026-11-02T00:00:00Z", broken("endedBefore"), { filter }, ended],
    ["It did not end after 2026-01-02T00:00:00Z", broken("endedAfter"), { filter }, ended],
    ["It has not ended", broken("endedAfter"), { filter }, running],
    ["It ended less than 30 days ago", rule(0), { policy }, ended],
    ["It was created less than 1 day ago", rule(1), { policy }, ended],
    ["It is among the newest 5", rule(2), { policy }, ended],
  ];
  test.each(table)("says %j", (words, decision, source, item) => {
    expect(describeDecision(decision, source, item)).toBe(words);
  });

  test("says what it can where the filter or the policy is another one", () => {
    expect(describeDecision(rule(9), { policy })).toBe("It is kept by a rule");
    expect(describeDecision(rule(0), {})).toBe("It is kept by a rule");
    expect(describeDecision(broken("status"), { filter: { oldest: 1 } }))
      .toBe("It is not as its filter says");
  });

  test("has words for every decision of every filter and policy", () => {
    const anyFilter = fc.oneof(fc.constant("*" as const), fc.record(conditions));
    fc.assert(
      fc.property(anyBatches, anyFilter, anyPolicy, fc.boolean(), (batches, any, rules, cancel) => {
        const options = { cancelInProgress: cancel };
        for (const decision of evaluateFilter(any, batches, now, options).values()) {
          expect(describeDecision(decision, { filter: any })).toMatch(/^It (?!.*undefined)\w/);
        }
        for (const decision of evaluateRetention(rules, batches, now).values()) {
          expect(describeDecision(decision, { policy: rules })).toMatch(/^It (?!.*undefined)\w/);
        }
      }),
    );
  });
});
