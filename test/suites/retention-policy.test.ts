import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  evaluateRetention,
  InvalidPolicyError,
  parsePolicyText,
  parseRetentionPolicy,
  type RetentionPolicy,
} from "../../src/retention/mod.ts";
import { batchOf } from "../fixtures/batches.ts";
import { everythingIn } from "../fixtures/everything-in.ts";
import { anyPolicy } from "../fixtures/policies.ts";
import { apiKey } from "../fixtures/stub.ts";

const after = { type: "delete_after", days: 30, since: "ended" } as const;
const last = { type: "keep_last", count: 10 } as const;
const policy = { version: 1, rules: [after, last], holds: ["msgbatch_1"], minimumAge: "PT2H" };

function errorOf(input: unknown): InvalidPolicyError {
  try {
    parseRetentionPolicy(input);
  } catch (error) {
    if (error instanceof InvalidPolicyError) return error;
    throw error;
  }
  throw new Error("The policy was not refused");
}

describe("parseRetentionPolicy()", () => {
  test("gives what it understood, as data of its own", () => {
    const input = structuredClone(policy);
    const parsed = parseRetentionPolicy(input);
    expect(parsed).toStrictEqual(policy);
    input.rules.pop();
    input.holds.pop();
    expect(parsed).toStrictEqual(policy);
    expect(parseRetentionPolicy(parsed)).toStrictEqual(parsed);
    const { minimumAge: _, ...rest } = policy;
    expect(parseRetentionPolicy({ ...rest, minimumAge: undefined })).toStrictEqual(rest);
  });

  test.each([
    ["only keep_last", { ...policy, rules: [last] }],
    ["a kind of rule twice", { ...policy, rules: [after, { ...after, since: "created" }] }],
    ["a part of a day", { ...policy, rules: [{ ...after, days: 0.5 }] }],
    ["no minimum age, where that is written down", { ...policy, minimumAge: "PT0S" }],
  ])("takes a policy with %s", (_, input) => expect(parseRetentionPolicy(input)).toEqual(input));

  const members = "there are version, rules, holds, minimumAge";
  const rule = (one: unknown) => ({ ...policy, rules: [after, one] });
  const refused: [unknown, string][] = [
    [undefined, "it is not an object"],
    [null, "it is not an object"],
    ["{}", "it is not an object"],
    [[policy], "version is missing"],
    [{}, "version is missing; rules is missing; holds is missing"],
    [{ ...policy, version: 2 }, "version is not 1, the version that is known here"],
    [{ ...policy, version: "1" }, "version is not 1"],
    [{ ...policy, rules: [] }, "rules is empty: a policy needs a rule"],
    [{ ...policy, rules: {} }, "rules is not an array"],
    [{ ...policy, rules: undefined }, "rules is not an array"],
    [{ ...policy, hold: [] }, 'hold is no member: did you mean "holds"?'],
    [{ ...policy, min_age: "P1D" }, 'min_age is no member: did you mean "minimumAge"?'],
    [{ ...policy, constructor: 1 }, `constructor is no member: ${members}`],
    [JSON.parse('{ "__proto__": { "holds": [] } }'), "__proto__ is no member"],
    [{ ...policy, "min age\u001b": "P1D" }, '"min age\\u001b" is no member'],
    [{ ...policy, [apiKey]: 1 }, '"[redacted]" is no member'],
    [{ ...policy, ["x".repeat(99)]: 1 }, `: ${"x".repeat(64)} is no member`],
    [rule(null), "rules.1 is not an object"],
    [rule([]), "rules.1.type is no rule"],
    [rule("keep_last"), "rules.1 is not an object"],
    [rule({}), "rules.1.type is no rule: there are delete_after, keep_last"],
    [rule({ ...after, type: "delete-after" }), 'is no rule: did you mean "delete_after"?'],
    [rule({ ...after, type: { toString: 1 } }), "rules.1.type is no rule: there are"],
    [rule({ ...after, type: "toString" }), "rules.1.type is no rule"],
    [rule({ ...after, day: 3 }), 'rules.1.day is no member: did you mean "days"?'],
    [rule({ ...last, toString: 3 }), "rules.1.toString is no member: there are type, count"],
    [rule({ type: "delete_after", since: "ended" }), "rules.1.days is missing"],
    [rule({ type: "delete_after", days: 3 }), "rules.1.since is missing"],
    [rule({ ...after, days: 0 }), "rules.1.days is not above 0"],
    [rule({ ...after, days: -1 }), "rules.1.days is not above 0"],
    [rule({ ...after, days: Infinity }), "rules.1.days is not above 0"],
    [rule({ ...after, days: NaN }), "rules.1.days is not a number"],
    [rule({ ...after, days: "30" }), "rules.1.days is not a number"],
    [rule({ ...after, since: "archived" }), 'rules.1.since is not "ended" or "created"'],
    [rule({ ...last, count: 0 }), "rules.1.count is not a whole number above 0"],
    [rule({ ...last, count: 1.5 }), "rules.1.count is not a whole number above 0"],
    [rule({ ...last, count: null }), "rules.1.count is not a number"],
    [{ ...policy, holds: "msgbatch_1" }, "holds is not an array"],
    [{ ...policy, holds: ["msgbatch_1", 2] }, "holds.1 is not a string"],
    [{ ...policy, holds: ["msgbatch_1 "] }, "holds.0 is not an id of a batch"],
    [{ ...policy, holds: ["*"] }, "holds.0 is not an id of a batch"],
    [{ ...policy, holds: ["msgbatch_1", "msgbatch_*"] }, "holds.1 is not an id of a batch"],
    [{ ...policy, holds: ["msgbatch_\u2026"] }, "holds.0 is not an id of a batch"],
    [{ ...policy, holds: [apiKey] }, "holds.0 is not an id of a batch"],
    [{ ...policy, minimumAge: null }, "minimumAge is not a string"],
    [{ ...policy, minimumAge: 3600 }, "minimumAge is not a string"],
    [{ ...policy, minimumAge: "1h" }, "minimumAge is no ISO 8601 duration of whole days"],
    [{ ...policy, minimumAge: "P1W" }, "minimumAge is no ISO 8601 duration of whole days"],
    [
      { ...policy, minimumAge: "P1M" },
      "minimumAge has years or months, which have no fixed length",
    ],
    [{ ...policy, minimumAge: "P1Y2DT1H" }, "minimumAge has years or months"],
    [{ ...policy, minimumAge: `P${apiKey}` }, "minimumAge is no ISO 8601 duration"],
  ];
  test.each(refused)("refuses %j", (input, message) => {
    const error = errorOf(input);
    expect(error.message).toContain(message);
    expect(error.message).toMatch(/^Cannot use the retention policy: /);
    expect(everythingIn(error)).not.toContain("sentinel");
  });

  test("says all that is wrong at once, with the places, and no value", () => {
    const error = errorOf({
      version: 1,
      rule: [],
      rules: [{ type: "delete_after", days: "SENTINEL" }, { ...last, counts: 3 }, "SENTINEL"],
      holds: ["SENTINEL/", "msgbatch_1"],
      minimumAge: "SENTINEL",
    });
    expect(error).toMatchObject({ code: "ERR_INVALID_POLICY", name: "InvalidPolicyError" });
    expect(error.issues).toEqual([
      { path: "rules.0.days", message: "is not a number" },
      { path: "rules.0.since", message: "is missing" },
      { path: "rules.1.counts", message: 'is no member: did you mean "count"?' },
      { path: "rules.2", message: "is not an object" },
      { path: "holds.0", message: "is not an id of a batch" },
      { path: "minimumAge", message: expect.stringContaining("is no ISO 8601 duration") },
      { path: "rule", message: 'is no member: did you mean "rules"?' },
    ]);
    expect(error.toJSON()).toMatchObject({ issues: error.issues });
    for (const { path, message } of error.issues) {
      expect(error.message).toContain(`${path} ${message}`);
    }
    expect(everythingIn(error)).not.toContain("SENTINEL");
  });

  test("names one unknown member of each object", () => {
    const { issues } = errorOf({
      ...policy,
      rhubarb: 1,
      [apiKey]: 1,
      rules: [{ ...last, a: 1, b: 2 }],
    });
    expect(issues).toEqual([
      { path: "rules.0.a", message: "is no member: there are type, count" },
      { path: "rhubarb", message: `is no member: ${members}` },
    ]);
  });

  test("names the first ten in the message, and counts the others", () => {
    const error = errorOf({ ...policy, holds: Array.from({ length: 12 }, () => "") });
    expect(error.issues).toHaveLength(12);
    expect(error.message).toMatch(/holds\.9 is not an id of a batch; and 2 more$/);
  });

  test("ends in a policy or an InvalidPolicyError, whatever JSON it gets", () => {
    const like = fc.record({
      version: fc.constantFrom(1, 2),
      rules: fc.oneof(
        fc.jsonValue(),
        fc.array(fc.oneof(
          fc.jsonValue(),
          fc.record({ type: fc.constantFrom("keep_last", "delete_after"), count: fc.jsonValue() }),
        )),
      ),
      holds: fc.oneof(fc.jsonValue(), fc.array(fc.string())),
      minimumAge: fc.jsonValue(),
    }, { requiredKeys: [] });
    fc.assert(fc.property(fc.oneof(fc.jsonValue(), like), (input) => {
      try {
        const parsed = parseRetentionPolicy(input);
        expect(parsed.rules.length).toBeGreaterThan(0);
        expect(parsed).toEqual(input);
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidPolicyError);
      }
    }));
    fc.assert(fc.property(anyPolicy, (input) => {
      expect(parseRetentionPolicy(JSON.parse(JSON.stringify(input)))).toEqual(input);
    }));
  });
});

describe("minimumAge", () => {
  test.each([
    ["PT1H", 3_600_000],
    ["P1D", 86_400_000],
    ["P1DT2H3M4S", 93_784_000],
    ["PT0S", 0],
    ["PT90M", 5_400_000],
    ["P0030D", 30 * 86_400_000],
  ])("reads %s as %i ms", (minimumAge, duration) => {
    const now = Date.parse("2026-11-22T00:00:00Z");
    const endedAgo = (age: number) =>
      batchOf(`msgbatch_${age}`, {
        created_at: "2026-01-01T00:00:00Z",
        ended_at: new Date(now - age).toISOString(),
      });
    const [young, old] = [endedAgo(duration - 1), endedAgo(duration)];
    const expired: RetentionPolicy = {
      version: 1,
      rules: [{ type: "delete_after", days: 1e-9, since: "created" }],
      holds: [],
      minimumAge,
    };
    const decisions = evaluateRetention(expired, [young, old], now);
    expect(decisions.get(old.id)).toEqual({ action: "delete", code: "matches" });
    expect(decisions.get(young.id)?.code).toBe(duration === 0 ? "ended_unknown" : "too_young");
  });

  test.each([
    "",
    "P",
    "PT",
    "P1DT",
    "1H",
    "T1H",
    "PT1H30",
    "PT1M1H",
    "P1H",
    "PT1D",
    "P1W",
    "P1M",
    "P1Y",
    "PT1.5H",
    "PT0,5S",
    "-PT1H",
    "+PT1H",
    "PT-1H",
    "pt1h",
    " PT1H",
    "PT1H\n",
    "P٣D",
    `P${"9".repeat(20)}D`,
  ])("cannot be %j", (minimumAge) => {
    expect(errorOf({ ...policy, minimumAge }).issues).toMatchObject([{ path: "minimumAge" }]);
  });
});

describe("parsePolicyText()", () => {
  const text = JSON.stringify(policy);

  test("reads what JSON.parse() does not change", () => {
    expect(parsePolicyText(` ${text}\n`)).toStrictEqual(policy);
    expect(() => parsePolicyText(text.slice(1))).toThrow(SyntaxError);
    expect(() => parsePolicyText("{}")).toThrow(InvalidPolicyError);
  });

  test.each([
    ["holds", text.replace(/}$/, ',"holds":[]}')],
    ["holds", text.replace("{", '{"h\\u006flds":[],')],
    ["days", text.replace('"days"', '"days":9, "days"')],
    ['"[redacted]"', text.replace("{", `{"${apiKey}":1,"${apiKey}":2,`)],
  ])("refuses %s where it is there twice", (name, twice) => {
    expect(() => JSON.parse(twice)).not.toThrow();
    const message = `Cannot use the retention policy: ${name} is there twice in one object`;
    expect(() => parsePolicyText(twice)).toThrow(message);
  });
});

describe("parsePolicyText()", () => {
  /** The key that is said to be there twice. */
  const findDuplicateKey = (text: string): string | undefined => {
    try {
      parsePolicyText(text);
    } catch (error) {
      if (!(error instanceof InvalidPolicyError)) throw error;
      return error.issues.find(({ message }) => message === "is there twice in one object")?.path;
    }
    return undefined;
  };

  /** JSON whose objects are lists of members, so that a name can come twice. */
  type Tree = null | number | string | Tree[] | { readonly members: readonly [string, Tree][] };
  const name = fc.oneof(
    fc.constantFrom("a", "b", '"', "\\", "{", "__proto__", ":"),
    fc.string({ maxLength: 3 }),
  );
  const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4, depthSize: "small" },
      fc.oneof(fc.constant(null), fc.integer(), fc.string()),
      fc.array(tie("tree"), { maxLength: 4 }),
      fc.array(fc.tuple(name, tie("tree")), { maxLength: 4 }).map((members) => ({ members })),
    ),
  }));
  const escaped = (text: string) =>
    `"${text.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)}"`;
  const textOf = (one: Tree, turn = 0): string => {
    if (Array.isArray(one)) return `[ ${one.map((each) => textOf(each, turn)).join(" ,")}]`;
    if (typeof one !== "object" || one === null) return JSON.stringify(one);
    const members = one.members.map(([key, value], index) =>
      `${(index + turn) % 2 ? escaped(key) : JSON.stringify(key)} :${textOf(value, turn + 1)}`
    );
    return `{${members.join(",\n")} }`;
  };
  const hasTwice = (one: Tree): boolean => {
    if (Array.isArray(one)) return one.some(hasTwice);
    if (typeof one !== "object" || one === null) return false;
    return new Set(one.members.map(([key]) => key)).size < one.members.length ||
      one.members.some(([, value]) => hasTwice(value));
  };

  test("finds a name that comes twice in one object, however it is written, and no other", () => {
    let found = 0;
    fc.assert(
      fc.property(tree, (one) => {
        const text = textOf(one);
        JSON.parse(text);
        const repeated = findDuplicateKey(text);
        found += repeated === undefined ? 0 : 1;
        expect(repeated !== undefined).toBe(hasTwice(one));
      }),
      { numRuns: 1_000 },
    );
    expect(found).toBeGreaterThan(20);
  });

  test("finds none in what JSON.stringify() writes", () => {
    fc.assert(fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2), (value, space) => {
      expect(findDuplicateKey(JSON.stringify(value, undefined, space))).toBeUndefined();
    }));
  });

  test("reads a text of megabytes", () => {
    const long = JSON.stringify({ a: '\\"'.repeat(1_000_000), b: [{ a: 1 }] });
    expect(findDuplicateKey(long)).toBeUndefined();
    expect(findDuplicateKey(long.replace(/}$/, ',"a":1}'))).toBe("a");
  });
});
