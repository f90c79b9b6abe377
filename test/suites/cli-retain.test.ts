import { describe, expect, test } from "vitest";
import {
  parseRetentionPolicy,
  type RetentionPolicy,
  type RetentionRule,
} from "../../src/retention/mod.ts";
import { workOnIds } from "../../src/cli/by-id.ts";
import { exitCode } from "../../src/cli/errors.ts";
import { readHolds, readPolicy } from "../../src/cli/selection.ts";
import type { Flags } from "../../src/cli/options.ts";
import type { PurgeItem } from "../../src/purge/mod.ts";
import { type Purge, purgeBatches, refuseShare } from "../../src/cli/purge.ts";
import { readOption } from "../../src/cli/options.ts";
import { createMemoryFiles } from "../cli/memory-files.ts";
import { daysAgo } from "../fixtures/batches.ts";
import { type CommandStage, createCommandStage } from "../fixtures/command-stage.ts";
import { deletionsAsked } from "../fixtures/deletions-asked.ts";
import { policyOf } from "../fixtures/policies.ts";
import { rejection } from "../fixtures/stub.ts";

const rule: RetentionRule = { type: "delete_after", days: 14, since: "ended" };

/** A stage with three batches that the rule lets go, a young one, and one that has not ended. */
function createStage() {
  const stage = createCommandStage({ sandbox: { cancelingTime: 0 } });
  const seed = (id: string, days: number) =>
    stage.sandbox.seed({ id, created_at: daysAgo(days), requests: 2 });
  seed("msgbatch_20", 20);
  seed("msgbatch_21", 21);
  seed("msgbatch_22", 22);
  seed("msgbatch_young", 2);
  stage.sandbox.seed({ id: "msgbatch_going", processing_status: "in_progress" });
  return { ...stage, files: createMemoryFiles() };
}

/** What is given besides the policy. */
interface Given extends Partial<Pick<Purge, "mode">> {
  readonly policy?: RetentionPolicy;
  readonly holds?: readonly string[];
  readonly flags?: Flags;
  /** What a person types. */
  readonly answer?: string;
}

/** Runs a policy as `retain` does. */
async function retain(
  { client, host, files, output }: ReturnType<typeof createStage>,
  { policy = policyOf([rule]), holds = [], mode = "apply", flags = {}, answer = "" }: Given = {},
): Promise<number> {
  const stdin = { isTerminal: true, read: () => new Blob([answer]).stream() };
  const held = new Set([...policy.holds, ...holds]);
  const purge = { source: { policy }, mode, client, holds: held };
  const context = { host: { ...host, files, stdin }, output };
  return await purgeBatches(purge, { policy: "policy.json", ...flags }, context);
}

/** The ids of the deletions that were sent, sorted. */
const deletions = ({ sandbox }: CommandStage) => deletionsAsked(sandbox).sort();

describe("purgeBatches() of a policy", () => {
  test("deletes what the policy does not keep, and nothing else", async () => {
    const stage = createStage();
    expect(await retain(stage)).toBe(exitCode.done);
    expect(deletions(stage)).toEqual(["msgbatch_20", "msgbatch_21", "msgbatch_22"]);
    expect(stage.written.stdout.match(/^deleted \S+ \(receipt, /gm)).toHaveLength(3);
    expect(stage.written.stderr).toMatch(
      /^Deleting 3 of 5 message batches \(60%\)\n {2}of workspace /,
    );
    expect(stage.written.stderr).toContain("3 message batches: 3 deleted\n");
  });

  test("keeps what a rule keeps, what the policy holds, and what is held besides", async () => {
    const stage = createStage();
    const policy = policyOf([rule, { type: "keep_last", count: 3 }], { holds: ["msgbatch_22"] });
    expect(await retain(stage, { policy })).toBe(exitCode.done);
    expect(deletions(stage)).toEqual(["msgbatch_21"]);
    const other = createStage();
    const holding = policyOf([rule], { holds: ["msgbatch_22"] });
    await retain(other, { policy: holding, holds: ["msgbatch_21"] });
    expect(deletions(other)).toEqual(["msgbatch_20"]);
  });

  test("shows and asks, and deletes when the number is typed", async () => {
    for (const [answer, code, left] of [["y\n", exitCode.failed, 5], ["2\n", 0, 3]] as const) {
      const stage = createStage();
      const policy = policyOf([rule], { holds: ["msgbatch_22"] });
      expect(await retain(stage, { policy, mode: "ask", answer })).toBe(code);
      expect(stage.sandbox.size).toBe(left);
      const { stderr } = stage.written;
      expect(stderr).toContain("\nPolicy     policy.json\n");
      expect(stderr).toContain("\nDelete     2 of 5 message batches (40%)\n");
      expect(stderr).toContain("\nHeld       1: kept\n           msgbatch_22\n");
      expect(stderr).toContain("\nBecause    It ended at least 14 days ago\n");
      expect(stderr).toContain("  msgbatch_21  2026-11-01\n");
    }
  });

  test("only shows, with the code of each batch in the plan that it writes", async () => {
    const stage = createStage();
    const flags = { planOut: "plan.json" };
    expect(await retain(stage, { mode: "show", flags })).toBe(exitCode.done);
    expect(stage.sandbox.requests.map(({ method }) => method)).toEqual(["GET"]);
    const plan = JSON.parse(stage.files.texts.get("plan.json") ?? "");
    expect(plan.policy).toEqual(policyOf([rule]));
    expect(plan.items).toContainEqual(expect.objectContaining({
      id: "msgbatch_young",
      action: "keep",
      code: "rule",
      rule: 0,
    }));
  });

  describe("with --max-share", () => {
    const refusal = {
      message: "Cannot apply the policy: it would delete 3 of 5 message batches (60%), and " +
        "--max-share is 59.9%",
      exitCode: exitCode.usage,
    };
    const flags = { maxShare: 0.599 };

    test.each(
      [
        ["apply", flags],
        ["ask", flags],
        ["show", { ...flags, planOut: "plan.json" }],
        ["show", { ...flags, planOut: "plan.json", dryRun: true }],
        ["show", { ...flags, dryRun: true }],
      ] as const,
    )("stops where it would delete a larger share (%s, %j)", async (mode, given) => {
      const stage = createStage();
      const refused = retain(stage, { mode, flags: given, answer: "3\n" });
      expect(await rejection(refused)).toMatchObject(refusal);
      expect([stage.sandbox.size, deletions(stage)]).toEqual([5, []]);
      expect(stage.files.texts.size).toBe(0);
      expect(stage.written.stderr).toContain("Delete     3 of 5 message batches (60%)\n");
      expect(stage.written.stderr).not.toContain("Type 3");
      const shown = "dryRun" in given && !("planOut" in given);
      expect(stage.written.stdout.match(/^would delete /gm)?.length).toBe(shown ? 3 : undefined);
    });

    test("goes on where it would delete no more, and counts what is held as kept", async () => {
      const whole = createStage();
      expect(await retain(whole, { flags: { maxShare: 0.6 } })).toBe(exitCode.done);
      expect(whole.sandbox.size).toBe(2);
      const held = createStage();
      const given = { flags: { maxShare: 0.4 }, holds: ["msgbatch_20"] };
      expect(await retain(held, given)).toBe(exitCode.done);
      expect(held.sandbox.size).toBe(3);
    });
  });

  test("records what it does, and tells the head", async () => {
    const stage = createStage();
    const flags = { audit: "a.jsonl" };
    expect(await retain(stage, { holds: ["msgbatch_22"], flags })).toBe(exitCode.done);
    expect(stage.written.stderr).toMatch(/\nRecorded in a\.jsonl\n {2}Head \d+:[0-9a-f]{64}\n$/);
    expect(deletions(stage)).toHaveLength(2);
    expect(stage.files.open.size).toBe(0);
  });
});

describe("refuseShare()", () => {
  const plan = (...actions: readonly PurgeItem["action"][]) => ({
    version: 1 as const,
    createdAt: daysAgo(0),
    baseUrl: "https://api.anthropic.com",
    items: actions.map((action, index): PurgeItem => ({
      id: `msgbatch_${index}`,
      createdAt: null,
      endedAt: null,
      status: "ended",
      ...action === "keep" ? { action, code: "held" } : { action, code: "matches" },
    })),
  });

  test("counts what is not kept, of all; of no batches it is no share", () => {
    const half = plan("delete", "cancel_and_delete", "keep", "keep");
    expect(refuseShare(half, 0.5)).toBeUndefined();
    expect(refuseShare(half, 0.499)?.message).toContain("2 of 4 message batches");
    expect(refuseShare(plan("delete"))).toBeUndefined();
    expect(refuseShare(plan(), 0)).toBeUndefined();
    expect(refuseShare(plan("keep"), 0)).toBeUndefined();
  });
});

describe("readOption() of a share", () => {
  test("reads a share in percent", () => {
    expect(["0%", "7%", "33.5%", "100%"].map((text) => readOption("maxShare", text))).toEqual([
      0,
      0.07,
      0.335,
      1,
    ]);
  });

  test.each(["", "50", "0.5", "101%", "-1%", "1e1%", "50 %", "%", "NaN%"])(
    "refuses %j",
    (text) =>
      expect(() => readOption("maxShare", text)).toThrow(
        /^Cannot use --max-share ".*": give a share/,
      ),
  );
});

describe("readPolicy()", () => {
  const policy = policyOf([rule], { holds: ["msgbatch_1"] });
  const read = (text: string) => readPolicy(createMemoryFiles({ p: text }), "p");

  test("reads a policy", async () => {
    const text = JSON.stringify(policy, null, 2);
    expect(await read(`\ufeff${text}\n`)).toEqual(policy);
  });

  test("refuses what is none, a line for each mistake, and quotes no value", async () => {
    const broken = JSON.stringify({
      ...policy,
      rules: [{ ...rule, days: "SECRET" }, { type: "SECRET" }],
      holds: ["SECRET/1"],
      more: "SECRET",
    });
    const lines = [
      "rules.0.days is not a number",
      "rules.1.type is no rule: there are delete_after, keep_last",
      "holds.0 is not an id of a batch",
      "more is no member: there are version, rules, holds, minimumAge",
    ];
    const message = ["Cannot use p: it is no retention policy", ...lines].join("\n  ");
    expect(await rejection(read(broken))).toMatchObject({ message, exitCode: exitCode.usage });
    expect(await rejection(read('{"SECRET'))).toMatchObject({
      message: "Cannot use p: it is not JSON",
    });
    const twice = JSON.stringify(policy).replace(/}$/, ',"holds":[]}');
    expect(await rejection(read(twice))).toMatchObject({
      message: "Cannot use p: it is no retention policy\n  holds is there twice in one object",
    });
    expect(await rejection(read("null"))).toMatchObject({
      message: "Cannot use p: it is no retention policy\n  it is not an object",
    });
  });

  test("names no more than twenty mistakes", async () => {
    const error = await rejection(read(JSON.stringify({ ...policy, rules: Array(30).fill(1) })));
    expect((error as Error).message.split("\n")).toHaveLength(22);
    expect((error as Error).message).toMatch(/\n {2}and 10 more$/);
  });

  test("reads no file that is too large to be one", async () => {
    let given = 0;
    const files = {
      async *read() {
        for (; given < 100; given += 1) yield await Promise.resolve(new Uint8Array(1_048_576));
      },
    };
    expect(await rejection(readPolicy(files, "p"))).toMatchObject({
      message: "Cannot use p: it is too large to be a retention policy",
    });
    expect(given).toBeLessThan(20);
  });
});

describe("readHolds()", () => {
  const policy = (id: string) => JSON.stringify(policyOf([rule], { holds: [id] }));
  const read = async (
    flags: Flags,
    given: Readonly<Record<string, string>> = {},
  ): Promise<readonly string[]> => {
    const { host } = createCommandStage();
    return [...await readHolds(flags, { ...host, files: createMemoryFiles(given) })].sort();
  };

  test("takes them from flags, a file, and a policy", async () => {
    const flags = { hold: ["a,b", " c "], holds: "keep.txt", policy: "policy.json" };
    const given = { "keep.txt": "d\r\n\n  e, f\n", "policy.json": policy("g") };
    expect(await read(flags, given)).toEqual(["a", "b", "c", "d", "e", "f", "g"]);
    for (const flags of [{}, { holds: "none" }]) expect(await read(flags)).toEqual([]);
  });

  test.each<[string, Flags, Readonly<Record<string, string>>]>([
    ['Cannot use id "": it is empty', { hold: [""] }, {}],
    ['Cannot use id "a b": it is not one path segment', { hold: ["a b"] }, {}],
    ['Cannot use id "a # mine": it is not one path segment', { holds: "h" }, { h: "a # mine" }],
    ["Cannot read h: there is no such file or directory", { holds: "h" }, {}],
    ["Cannot read h, line 1: it is longer than 1024 bytes", { holds: "h" }, { h: "x".repeat(2e3) }],
    ["Cannot read p: there is no such file or directory", { policy: "p" }, {}],
    ["Cannot use p: it is not JSON", { policy: "p" }, { p: "{" }],
    ["Cannot use --holds h: it has no ids\nUse --holds none if nothing is held", { holds: "h" }, {
      h: " \n",
    }],
  ])("stops with %j", async (message, flags, given) => {
    const error = await rejection(read(flags, given));
    expect(error).toMatchObject({ message, exitCode: exitCode.usage });
  });
});

describe("what is held", () => {
  const holds = new Set(["msgbatch_20"]);
  const ids = ["msgbatch_20", "msgbatch_21"];

  test("is neither canceled, waited for nor exported by workOnIds()", async () => {
    for (const options of [{ cancel: true, waitTimeout: 60_000 }, { waitTimeout: 60_000 }, {}]) {
      const stage = createStage();
      const store = await stage.files.resultsIn("saved");
      const settings = { ...options, store, holds };
      expect(await workOnIds(stage.client, "delete", ids, settings, stage)).toBe(exitCode.failed);
      expect(stage.requests().filter((request) => request.includes("msgbatch_20"))).toEqual([]);
      expect(stage.sandbox.batch("msgbatch_21")).toBeUndefined();
      expect([...stage.files.texts.keys()]).toEqual(["saved/msgbatch_21.jsonl"]);
      expect(stage.written.stderr).toContain("skipped msgbatch_20 (held)\n");
    }
  });
});

test("a policy that is read means the same as what it was written from", async () => {
  const policy = policyOf([rule, { type: "keep_last", count: 2 }], { minimumAge: "PT0S" });
  const files = createMemoryFiles({ p: JSON.stringify(policy) });
  expect(await readPolicy(files, "p")).toEqual(parseRetentionPolicy(policy));
});
