import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  evaluateRetention,
  type RetentionPolicy,
  type RetentionRule,
} from "../../src/retention/mod.ts";
import { InvalidPolicyError, type MessageBatch } from "../../mod.ts";
import { anyBatches, batchOf, day, daysAgo, now } from "../fixtures/batches.ts";
import { anyPolicy, anyRule, idsToGo, policyOf } from "../fixtures/policies.ts";

const endedFor = (days: number): RetentionRule => ({ type: "delete_after", days, since: "ended" });
const createdFor = (days: number): RetentionRule => ({
  type: "delete_after",
  days,
  since: "created",
});
const keep = (count: number): RetentionRule => ({ type: "keep_last", count });

const goneBy = (policy: RetentionPolicy, batches: Iterable<MessageBatch>, time = now) =>
  [...evaluateRetention(policy, batches, time)]
    .filter(([, { action }]) => action === "delete").map(([id]) => id);

const aged = (id: string, created: number, ended = created) =>
  batchOf(id, { created_at: daysAgo(created), ended_at: daysAgo(ended) });

describe("evaluateRetention()", () => {
  const old = aged("old", 20, 19.5);
  const middle = aged("middle", 10, 9.5);
  const young = aged("young", 2, 1.5);
  const unended = batchOf("unended", { processing_status: "in_progress", ended_at: null });
  const all = [young, old, unended, middle];

  const table: [RetentionRule[], string[]][] = [
    [[endedFor(1.5)], ["young", "old", "middle"]],
    [[endedFor(1.51)], ["old", "middle"]],
    [[createdFor(20)], ["old"]],
    [[createdFor(20.001)], []],
    [[endedFor(9.5), createdFor(11)], ["old"]],
    [[keep(1)], ["old", "middle"]],
    [[keep(4)], []],
    [[keep(9)], []],
    [[keep(1), endedFor(15)], ["old"]],
    [[keep(1), keep(3)], ["old"]],
    [[endedFor(1e300)], []],
  ];
  test.each(table)("%j lets go what it means", (rules, expected) => {
    // Of the four, the one that has not ended was created first but one.
    const batches = [...all.slice(0, 2), { ...unended, created_at: daysAgo(12) }, middle];
    expect(goneBy(policyOf(rules), batches)).toEqual(expected);
  });

  test("says why, for each: the first thing that keeps it, of several rules the first", () => {
    const odd = [
      batchOf("paused", { processing_status: "paused" }),
      batchOf("canceling", { processing_status: "canceling", ended_at: daysAgo(9) }),
      batchOf("uncreated", { created_at: "long ago" }),
      batchOf("unmade", { created_at: daysAgo(-1) }),
      batchOf("endless", { ended_at: null }),
      batchOf("tomorrow", { ended_at: daysAgo(-1) }),
      batchOf("fresh", { ended_at: daysAgo(0.04) }),
      batchOf("held", { processing_status: "in_progress" }),
      batchOf("unborn", { processing_status: "in_progress", created_at: daysAgo(-1) }),
    ];
    const policy = policyOf([endedFor(1), createdFor(9), keep(2)], { holds: ["held", "absent"] });
    const decisions = evaluateRetention(policy, [...all, ...odd, aged("bygone", 30)], now);
    const keptBy = (rule: number) => ({ action: "keep", code: "rule", rule });
    const codes = Object.fromEntries(
      [...decisions].map(([id, decision]) =>
        decision.code === "rule" ? [id, decision] : [id, decision.code]
      ),
    );
    expect(codes).toEqual({
      old: "matches",
      bygone: "matches",
      young: keptBy(1),
      unended: "not_ended",
      middle: keptBy(2),
      paused: "unknown_status",
      canceling: "not_ended",
      uncreated: "created_unknown",
      unmade: "created_later",
      endless: "ended_unknown",
      tomorrow: "ended_unknown",
      fresh: "too_young",
      held: "held",
      unborn: "not_ended",
    });
    expect(decisions.get("old")).toEqual({ action: "delete", code: "matches" });
    expect(decisions.get("old")).toBe(decisions.get("bygone")); // one object for all
  });

  test("keep_last counts by time, never by id or order; what is as new as the last of them stays", () => {
    const batches = [
      aged("d", 3),
      aged("c", 5),
      batchOf("a", { created_at: "2026-11-17T00:00:00+00:00", ended_at: daysAgo(5) }),
      aged("b", 4),
      aged("e", 6),
      aged("z", 5),
    ];
    for (const order of [batches, batches.toReversed()]) {
      expect(goneBy(policyOf([keep(2)]), order).sort()).toEqual(["a", "c", "e", "z"]);
      expect(goneBy(policyOf([keep(3)]), order)).toEqual(["e"]);
      expect(goneBy(policyOf([keep(5)]), order)).toEqual(["e"]);
      expect(goneBy(policyOf([keep(6)]), order)).toEqual([]);
    }
  });

  test("keep_last counts what has not ended and what is held, and nothing without a time", () => {
    const running = batchOf("running", { processing_status: "in_progress", ended_at: null });
    const newest = { ...running, created_at: daysAgo(1) };
    const policy = policyOf([keep(2)], { holds: ["held"] });
    expect(goneBy(policy, [newest, aged("held", 2), aged("one", 3)])).toEqual(["one"]);
    const unread = ["soon", daysAgo(-1)].map((time) => batchOf(`at ${time}`, { created_at: time }));
    expect(goneBy(policy, [...unread, aged("one", 3), aged("two", 4)])).toEqual([]);
  });

  test("a batch that comes twice counts once, by what it is later", () => {
    const again = { ...aged("old", 0.5), processing_status: "in_progress" };
    expect(goneBy(policyOf([keep(1)]), [old, young, again])).toEqual(["young"]);
    expect(goneBy(policyOf([keep(2)]), [old, old, young])).toEqual([]);
  });

  test("the minimum age is counted from the end, an hour where none is given", () => {
    const batch = aged("one", 30, 1 / 24);
    const before = [batch, batchOf("newest", { processing_status: "in_progress" })];
    const rules = [keep(1)];
    expect(goneBy(policyOf(rules), before)).toEqual(["one"]);
    expect(goneBy(policyOf(rules), before, now - 1)).toEqual([]);
    expect(goneBy(policyOf(rules, { minimumAge: "PT1H1S" }), before)).toEqual([]);
    expect(goneBy(policyOf(rules, { minimumAge: "PT0S" }), before, now - 3_600_000)).toEqual([
      "one",
    ]);
    expect(goneBy(policyOf(rules, { minimumAge: "PT0S" }), before, now - 3_600_001)).toEqual([]);
  });

  test("knows instants only: offsets and leap days change nothing", () => {
    const shifted = batchOf("shifted", {
      created_at: "2028-02-28T23:30:00-01:30", // the 29th, 01:00 in UTC
      ended_at: "2028-02-29T02:00:00+01:00", // the same instant
    });
    const later = Date.parse("2028-03-01T01:00:00Z");
    expect(goneBy(policyOf([endedFor(1), createdFor(1)]), [shifted], later)).toEqual(["shifted"]);
    expect(goneBy(policyOf([endedFor(1)]), [shifted], later - 1)).toEqual([]);
  });

  test.each(["soon", "", daysAgo(-1), new Date(now + 1).toISOString(), null])(
    "takes a batch as neither created nor ended at %j, whatever the rules",
    (time) => {
      const rules = policyOf([createdFor(1), endedFor(1), keep(1)], { minimumAge: "PT0S" });
      const batches = [
        batchOf("created", { created_at: time ?? "" }),
        { ...aged("ended", 50), ended_at: time },
        { ...aged("canceling", 50), processing_status: "canceling" },
        ...["one", "two"].map((id) => aged(id, 30)), // of the same age: both are the newest
        aged("three", 40),
      ];
      expect(goneBy(rules, batches)).toEqual(["three"]);
    },
  );

  test("decides nothing at a time that is no time, or without a policy", () => {
    expect(evaluateRetention(policyOf([keep(1)]), [], now).size).toBe(0);
    expect(() => evaluateRetention(policyOf([]), all, now)).toThrow(InvalidPolicyError);
    for (const time of [Infinity, -Infinity, NaN]) {
      expect(() => evaluateRetention(policyOf([keep(1)]), [], time)).toThrow(RangeError);
    }
  });

  test("decides on 20,000 batches in a moment", () => {
    const batches = Array.from(
      { length: 20_000 },
      (_, index) => aged(`b${index}`, index / 200),
    );
    const policy = policyOf([endedFor(30), keep(8_000)], {
      holds: Array.from({ length: 10_000 }, (_, index) => `b${index * 2}`),
    });
    expect(goneBy(policy, batches)).toHaveLength(6_000);
  });
});

describe("evaluateRetention(), whatever the batches and the policy,", () => {
  const once = anyBatches.map((
    batches,
  ) => [...new Map(batches.map((one) => [one.id, one])).values()]);

  test("lets go what the rules let go, and nothing held, unended or too young", () => {
    fc.assert(
      fc.property(once, anyPolicy, (batches, policy) => {
        const decisions = evaluateRetention(policy, batches, now);
        expect([...decisions.keys()]).toEqual(batches.map(({ id }) => id));
        expect(goneBy(policy, batches)).toEqual(idsToGo(policy, batches, now));
      }),
      { numRuns: 500 },
    );
  });

  test("never lets more go with another rule, another hold, or longer times", () => {
    const more = fc.record({ rule: anyRule, place: fc.nat(4), hold: fc.nat(30), days: fc.nat(9) });
    fc.assert(
      fc.property(anyBatches, anyPolicy, more, (batches, policy, { rule, place, hold, days }) => {
        const wide = goneBy(policy, batches);
        const longer = policy.rules.map((one) =>
          one.type === "keep_last"
            ? { ...one, count: one.count + days }
            : { ...one, days: one.days + days }
        );
        for (
          const stricter of [
            { ...policy, rules: policy.rules.toSpliced(place, 0, rule) },
            { ...policy, holds: [...policy.holds, `msgbatch_${hold}`] },
            { ...policy, rules: longer },
            { ...policy, minimumAge: "P4D" },
          ]
        ) expect(wide).toEqual(expect.arrayContaining(goneBy(stricter, batches)));
      }),
      { numRuns: 300 },
    );
  });

  test("keeps the newest N of all that are there", () => {
    fc.assert(
      fc.property(once, anyPolicy, fc.integer({ min: 1, max: 9 }), (batches, policy, count) => {
        const { rules } = policy;
        const gone = goneBy({ ...policy, rules: [...rules, keep(count)] }, batches);
        expect(batches.length - gone.length).toBeGreaterThanOrEqual(
          Math.min(count, batches.length),
        );
        const timeOf = ({ created_at }: MessageBatch) => Date.parse(created_at);
        const times = batches.filter(({ id }) => gone.includes(id)).map(timeOf);
        const kept = batches.filter(({ id }) => !gone.includes(id)).map(timeOf);
        for (const time of times) {
          expect(kept.filter((other) => other > time).length).toBeGreaterThanOrEqual(count);
        }
      }),
    );
  });

  test("decides the same in any order, and the same again once it was done", () => {
    const shuffled = once.chain((batches) =>
      fc.tuple(
        fc.constant(batches),
        fc.shuffledSubarray(batches, { minLength: batches.length }),
      )
    );
    fc.assert(fc.property(shuffled, anyPolicy, ([batches, others], policy) => {
      const decisions = evaluateRetention(policy, batches, now);
      expect(new Map(evaluateRetention(policy, others, now))).toEqual(new Map(decisions));
      const left = batches.filter(({ id }) => decisions.get(id)?.action === "keep");
      expect(goneBy(policy, left)).toEqual([]);
    }));
  });

  test("believes no time of the future: a clock that is behind keeps the newest", () => {
    fc.assert(
      fc.property(once, anyPolicy, fc.integer({ min: 0, max: 30 }), (batches, policy, behind) => {
        const time = now - behind * day;
        for (const id of goneBy(policy, batches, time)) {
          const batch = batches.find((one) => one.id === id);
          expect(Date.parse(batch?.created_at ?? "")).toBeLessThanOrEqual(time);
          expect(Date.parse(batch?.ended_at ?? "")).toBeLessThanOrEqual(time);
        }
      }),
    );
  });
});
