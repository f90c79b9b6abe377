import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { evaluateFilter, parseMessageBatchFilter } from "../../src/purge/mod.ts";
import { evaluateRetention } from "../../src/retention/mod.ts";
import type { MessageBatch } from "../../mod.ts";
import { anyBatches, batchOf, conditions, day, daysAgo, now, timeOf } from "../fixtures/batches.ts";
import { policyOf } from "../fixtures/policies.ts";
import { apiKey } from "../fixtures/stub.ts";

describe("parseMessageBatchFilter()", () => {
  test("gives what it understood, as data of its own", () => {
    const input = { status: ["ended"], minDaysSinceEnded: 0.5, oldest: 3, ids: undefined };
    const filter = parseMessageBatchFilter(input);
    expect(filter).toStrictEqual({ status: ["ended"], minDaysSinceEnded: 0.5, oldest: 3 });
    expect(parseMessageBatchFilter("*")).toBe("*");
  });

  const refused: [unknown, string][] = [
    [undefined, "it is neither an object"],
    [null, "it is neither an object"],
    ["all", "it is neither an object"],
    [[], "it is empty: give one of ids"],
    [{}, "it is empty: give one of ids"],
    [{ ids: undefined }, "it is empty"],
    [
      { minDaysSinceEnd: 3 },
      'filter.minDaysSinceEnd: it is no member: did you mean "minDaysSinceEnded"?',
    ],
    [
      { created_before: 3 },
      'filter.created_before: it is no member: did you mean "createdBefore"?',
    ],
    [{ rhubarb: 3 }, "filter.rhubarb: it is no member: there are ids, status, minDaysSinceCreated"],
    [JSON.parse('{ "__proto__": 1, "oldest": 1 }'), "filter.__proto__: it is no member"],
    [{ constructor: 1, oldest: 1 }, "filter.constructor: it is no member"],
    [{ [apiKey]: 1 }, 'filter."[redacted]": it is no member'],
    [{ ids: [] }, "filter.ids: it is empty"],
    [{ ids: "msgbatch_1" }, "filter.ids: it is not an array"],
    [{ ids: ["msgbatch_1", ".."] }, "filter.ids.1: it is not an id of a batch"],
    [{ ids: [apiKey] }, "filter.ids.0: it is not an id of a batch"],
    [{ status: [] }, "filter.status: it is empty"],
    [{ status: ["done"] }, "filter.status.0: it is not"],
    [{ minDaysSinceCreated: 0 }, "filter.minDaysSinceCreated: it is not above 0"],
    [{ minDaysSinceCreated: "3" }, "filter.minDaysSinceCreated: it is not a number"],
    [{ minDaysSinceEnded: -1 }, "filter.minDaysSinceEnded: it is not above 0"],
    [{ minDaysSinceEnded: NaN }, "filter.minDaysSinceEnded: it is not a number"],
    [{ minDaysSinceEnded: Infinity }, "filter.minDaysSinceEnded: it is not above 0"],
    [{ minDaysSinceEnded: null }, "filter.minDaysSinceEnded: it is not a number"],
    [{ createdBefore: "yesterday" }, "filter.createdBefore: it is not an RFC 3339 date-time"],
    [
      { createdAfter: "0000-01-01T00:00:00+00:01" },
      "filter.createdAfter: it is not an RFC 3339 date-time",
    ],
    [{ endedAfter: 5 }, "filter.endedAfter: it is not a string"],
    [{ oldest: 0 }, "filter.oldest: it is not a whole number above 0"],
    [{ oldest: 1.5 }, "filter.oldest: it is not a whole number above 0"],
    [{ oldest: 2 ** 53 }, "filter.oldest: it is not a whole number above 0"],
  ];
  test.each(refused)("refuses %j", (input, message) => {
    const parse = () => parseMessageBatchFilter(input);
    expect(parse).toThrow(TypeError);
    expect(parse).toThrow(message);
    expect(parse).not.toThrow(/sentinel/);
  });

  test("ends in a filter or a TypeError, whatever JSON it gets", () => {
    fc.assert(fc.property(fc.jsonValue(), (input) => {
      try {
        const filter = parseMessageBatchFilter(input);
        expect(filter === "*" || Object.keys(filter).length > 0).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError);
      }
    }));
  });
});

describe("a time in a filter", () => {
  test.each([
    ["2024-08-20T18:37:24.100435Z", Date.parse("2024-08-20T18:37:24.100Z")],
    ["2024-08-20T18:37:24Z", Date.parse("2024-08-20T18:37:24Z")],
    ["2024-02-29T23:30:00-01:30", Date.parse("2024-03-01T01:00:00Z")],
    ["2024-02-29t00:30:00+01:00", Date.parse("2024-02-28T23:30:00Z")],
    ["0001-01-01T00:00:00Z", Date.parse("0001-01-01T00:00:00Z")],
  ])("can be %s", (text, time) => {
    const [at, after] = [0, 1].map((more) =>
      batchOf(`msgbatch_${more}`, { created_at: new Date(time + more).toISOString() })
    );
    const decisions = evaluateFilter({ createdAfter: text }, [at, after] as MessageBatch[], now);
    const actions = [...decisions.values()].map(({ action }) => action);
    expect(actions).toEqual(time < Date.UTC(2023, 5) ? ["keep", "keep"] : ["keep", "delete"]);
  });

  test.each([
    [null],
    [""],
    ["1"],
    ["2024-08-20"],
    ["2024-08-20T18:37:24"],
    ["2023-02-29T00:00:00Z"],
    ["2024-13-01T00:00:00Z"],
    ["2024-01-01T24:00:00Z"],
    ["2024-01-01T00:00:60Z"],
    ["2024-01-01T00:00:00+24:00"],
    [" 2024-01-01T00:00:00Z"],
    ["2024-01-01T00:00:00Z\n"],
  ])("cannot be %j", (createdAfter) => {
    expect(() => parseMessageBatchFilter({ createdAfter })).toThrow(TypeError);
    const batch = batchOf("msgbatch_1", { created_at: String(createdAfter) });
    expect(evaluateFilter("*", [batch], now).get(batch.id)?.code).toBe("created_unknown");
  });
});

const actionsOf = (...args: Parameters<typeof evaluateFilter>) =>
  Object.fromEntries([...evaluateFilter(...args)].map(([id, { action }]) => [id, action]));

describe("evaluateFilter()", () => {
  const old = batchOf("old", { created_at: daysAgo(20), ended_at: daysAgo(19.5) });
  const young = batchOf("young", { created_at: daysAgo(2), ended_at: daysAgo(1.5) });
  const unended = batchOf("unended", {
    processing_status: "in_progress",
    created_at: daysAgo(25),
    ended_at: null,
  });
  const future = batchOf("future", { created_at: daysAgo(-1), ended_at: daysAgo(-1) });
  const unread = batchOf("unread", { created_at: "long ago", ended_at: null });
  const all = [future, young, old, unended, unread];

  test.each([
    ["1970", { created_at: "1970-01-01T00:00:00Z", ended_at: "1970-01-01T00:00:00Z" }],
    ["year 1", { created_at: "0001-01-01T00:00:00Z", ended_at: "0001-01-01T00:00:00Z" }],
    ["a time before the API", { created_at: "2023-05-31T23:59:59Z", ended_at: daysAgo(19) }],
    ["an end in 1970", { created_at: daysAgo(2), ended_at: "1970-01-01T00:00:00Z" }],
    ["an end before its creation", { created_at: daysAgo(2), ended_at: daysAgo(90) }],
  ])("no batch is old by %s", (_, times) => {
    const batch = batchOf("odd", times);
    const policy = policyOf([{ type: "delete_after", days: 3, since: "ended" }]);
    expect(evaluateRetention(policy, [batch], now).get("odd")?.action).toBe("keep");
    for (const filter of [{ minDaysSinceEnded: 3 }, { endedBefore: daysAgo(3) }]) {
      expect(actionsOf(filter, [batch], now)).toEqual({ odd: "keep" });
    }
  });

  const table: [Parameters<typeof evaluateFilter>[0], string[]][] = [
    ["*", ["young", "old"]],
    [{ minDaysSinceCreated: 20 }, ["old"]],
    [{ minDaysSinceCreated: 20.001 }, []],
    [{ minDaysSinceEnded: 1.5 }, ["young", "old"]],
    [{ minDaysSinceEnded: 19.6 }, []],
    [{ createdBefore: daysAgo(2) }, ["old"]],
    [{ createdBefore: daysAgo(-9) }, ["young", "old"]],
    [{ createdAfter: daysAgo(20) }, ["young"]],
    [{ endedBefore: daysAgo(1) }, ["young", "old"]],
    [{ endedAfter: daysAgo(2) }, ["young"]],
    [{ status: ["ended"] }, ["young", "old"]],
    [{ status: ["in_progress"] }, []],
    [{ ids: ["old", "future", "unread", "absent"] }, ["future", "old", "unread"]],
    [{ ids: ["future", "unread"], minDaysSinceEnded: 1 }, []],
    [{ ids: ["future", "unread"], createdBefore: daysAgo(-9) }, []],
    [{ oldest: 1 }, ["old"]],
    [{ oldest: 9 }, ["young", "old"]],
    [{ oldest: 1, createdAfter: daysAgo(20) }, ["young"]],
    [{ oldest: 1, ids: ["old", "unread"] }, ["old"]], // a time that cannot be read is not old
  ];
  test.each(table)("%j deletes what it means", (filter, expected) => {
    const chosen = Object.entries(actionsOf(filter, all, now));
    expect(chosen.filter(([, action]) => action !== "keep").map(([id]) => id)).toEqual(expected);
  });

  test("cancels only where that is asked for, and nothing by its age", () => {
    const cancel = { cancelInProgress: true };
    expect(actionsOf("*", [unended], now, cancel)).toEqual({ unended: "cancel_and_delete" });
    for (
      const filter of [
        { minDaysSinceCreated: 1 },
        { minDaysSinceEnded: 1 },
        { createdBefore: daysAgo(1) },
        { endedBefore: daysAgo(1) },
        { endedAfter: daysAgo(90) },
      ]
    ) expect(actionsOf(filter, [unended], now, cancel)).toEqual({ unended: "keep" });
    const odd = batchOf("odd", { processing_status: "canceling", ended_at: daysAgo(1) });
    expect(actionsOf({ endedAfter: daysAgo(9) }, [odd], now, cancel)).toEqual({ odd: "keep" });
    const paused = batchOf("paused", { processing_status: "paused" });
    expect(actionsOf("*", [paused], now, cancel)).toEqual({ paused: "keep" });
  });

  test("takes the oldest by creation, and of the same age by id, in whatever order they come", () => {
    const same = { created_at: daysAgo(30) };
    const batches = [young, batchOf("b", same), batchOf("c", same), batchOf("a", same)];
    const expected = { a: "delete", b: "delete", c: "keep", young: "keep" };
    expect(actionsOf({ oldest: 2 }, batches, now)).toEqual(expected);
    expect(actionsOf({ oldest: 2 }, batches.toReversed(), now)).toEqual(expected);
  });

  test("counts a batch that comes twice once, by what it is later", () => {
    const before = batchOf("twice", { created_at: daysAgo(30) });
    const after = batchOf("twice", { processing_status: "in_progress", created_at: daysAgo(30) });
    expect(actionsOf({ oldest: 1 }, [before, young, after], now)).toEqual({
      twice: "keep",
      young: "delete",
    });
  });

  test("says why, for each: of several conditions the first that does not hold", () => {
    const paused = batchOf("paused", { processing_status: "paused" });
    const decide = (
      ...args: Parameters<typeof evaluateFilter>
    ) => [...evaluateFilter(...args).values()];
    const keep = (code: string) => ({ action: "keep", code });
    const filter = { minDaysSinceEnded: 3, endedBefore: daysAgo(5), oldest: 1 };
    expect(decide(filter, [young, old, unended, batchOf("newer")], now)).toEqual([
      { ...keep("condition"), condition: "minDaysSinceEnded" },
      { action: "delete", code: "matches" },
      { ...keep("condition"), condition: "minDaysSinceEnded" },
      keep("not_among_oldest"),
    ]);
    expect(decide("*", [old, unended, future, unread, paused], now)).toEqual([
      { action: "delete", code: "matches" },
      keep("not_ended"),
      keep("created_later"),
      keep("created_unknown"),
      keep("unknown_status"),
    ]);
    expect(decide({ ids: ["a"] }, [old, future], now)).toEqual(
      Array(2).fill({ ...keep("condition"), condition: "ids" }),
    );
  });

  test("keeps a batch because its results are gone only if nothing else keeps it", () => {
    const gone = { archived_at: daysAgo(1) };
    const { archived_at: _, ...unsaid } = batchOf("unsaid");
    const batches = [
      batchOf("gone", gone),
      { ...young, ...gone },
      { ...unended, ...gone },
      unsaid,
      batchOf("first", { created_at: "2023-06-01T00:00:00Z" }), // as old as a batch can be
    ];
    const options = { archived: "keep", cancelInProgress: true } as const;
    const codesOf = (filter: Parameters<typeof evaluateFilter>[0]) =>
      [...evaluateFilter(filter, batches, now, options).values()].map(({ code }) => code);
    expect(codesOf({ minDaysSinceCreated: 3 }))
      .toEqual(["archived", "condition", "condition", "matches", "matches"]);
    expect(codesOf("*")).toEqual(["archived", "archived", "matches", "matches", "matches"]);
  });

  test("makes no decision twice, however many batches there are", () => {
    const batches = Array.from(
      { length: 100 },
      (_, index) => batchOf(`b${index}`, { ended_at: daysAgo(index % 9) }),
    );
    const decisions = evaluateFilter({ minDaysSinceEnded: 3, oldest: 20 }, batches, now);
    expect(new Set(decisions.values()).size).toBe(3);
  });

  test("refuses a time that is no time, and a filter that is none", () => {
    expect(() => evaluateFilter({}, [old], now)).toThrow("it is empty");
    for (const time of [Infinity, NaN]) {
      expect(() => evaluateFilter("*", [old], time)).toThrow("Cannot use now");
    }
  });
});

describe("evaluateFilter(), whatever the batches and the filter,", () => {
  const anyFilter = fc.record(conditions, { requiredKeys: [] })
    .filter((filter) => Object.keys(filter).length > 0);
  const isPast = (text: string | null, days = 0) => {
    return now - timeOf(text) >= days * day;
  };
  const chosenOf = (
    filter: Parameters<typeof evaluateFilter>[0],
    batches: readonly MessageBatch[],
    cancelInProgress = false,
  ) =>
    [...evaluateFilter(filter, batches, now, { cancelInProgress })]
      .filter(([, { action }]) => action !== "keep").map(([id]) => id);

  test("deletes nothing that has not ended, is too young or was not named", () => {
    fc.assert(fc.property(anyBatches, anyFilter, fc.boolean(), (batches, filter, cancel) => {
      const last = new Map(batches.map((batch) => [batch.id, batch]));
      const decisions = evaluateFilter(filter, batches, now, { cancelInProgress: cancel });
      expect([...decisions.keys()].sort()).toEqual([...last.keys()].sort());
      const { minDaysSinceCreated, minDaysSinceEnded, createdBefore, endedBefore } = filter;
      for (const [id, { action }] of decisions) {
        const batch = last.get(id);
        if (action === "keep" || batch === undefined) continue;
        const ended = batch.processing_status === "ended";
        expect(action).toBe(ended ? "delete" : "cancel_and_delete");
        if (!ended) {
          const age = [minDaysSinceCreated, minDaysSinceEnded, createdBefore, endedBefore];
          expect([cancel, ...age]).toEqual([true, ...age.map(() => undefined)]);
        }
        if (minDaysSinceCreated) expect(isPast(batch.created_at, minDaysSinceCreated)).toBe(true);
        if (minDaysSinceEnded) expect(isPast(batch.ended_at, minDaysSinceEnded)).toBe(true);
        if (createdBefore) expect(isPast(batch.created_at)).toBe(true);
        if (endedBefore) expect(isPast(batch.ended_at)).toBe(true);
        if (filter.ids) expect(filter.ids).toContain(id);
        else expect(isPast(batch.created_at)).toBe(true);
      }
    }));
  });

  test("never selects more with another condition", () => {
    fc.assert(
      fc.property(anyBatches, anyFilter, anyFilter, fc.boolean(), (batches, one, more, cancel) => {
        const wide = chosenOf(one, batches, cancel);
        const narrow = chosenOf({ ...more, ...one }, batches, cancel);
        expect(narrow.length).toBeLessThanOrEqual(wide.length);
        // With a limit, the places of those that another condition takes out go to the next oldest.
        if (one.oldest === undefined) expect(wide).toEqual(expect.arrayContaining(narrow));
        const all = chosenOf("*", batches, cancel);
        if (one.ids === undefined) expect(all).toEqual(expect.arrayContaining(wide));
      }),
    );
  });

  test("takes the oldest N: no older one is left that could have been taken", () => {
    fc.assert(fc.property(anyBatches, anyFilter, conditions.oldest, (batches, filter, oldest) => {
      const { oldest: _, ...rest } = filter;
      const without = Object.keys(rest).length === 0 ? "*" : rest;
      const candidates = chosenOf(without, batches);
      const chosen = chosenOf({ ...rest, oldest }, batches);
      expect(chosen).toHaveLength(Math.min(oldest, candidates.length));
      const created = new Map(
        batches.map(({ id, created_at }) => [id, timeOf(created_at) || Infinity]),
      );
      const left = candidates.filter((id) => !chosen.includes(id)).map((id) =>
        created.get(id) ?? 0
      );
      const newest = Math.max(-Infinity, ...chosen.map((id) => created.get(id) ?? 0));
      for (const time of left) expect(time).toBeGreaterThanOrEqual(newest);
    }));
  });
});
