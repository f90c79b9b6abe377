import { describe, expect, test } from "vitest";
import { parseRetentionPolicy, type RetentionRule } from "../../src/retention/mod.ts";
import { daysAgo } from "../fixtures/batches.ts";
import { createCommandStage, type StageOptions } from "./command-stage.ts";
import { deletionsAsked } from "../fixtures/deletions-asked.ts";
import { policyOf } from "../fixtures/policies.ts";

const rule: RetentionRule = { type: "delete_after", days: 14, since: "ended" };
const policy = JSON.stringify(policyOf([rule]));
const retain = ["--policy", "p", "--yes"];

/** A stage with three batches that the rule lets go, a young one, and one that has not ended. */
function createStage({ files = { p: policy }, ...options }: StageOptions = {}) {
  const stage = createCommandStage({ files, ...options });
  const seed = (id: string, days: number) =>
    stage.sandbox.seed({ id, created_at: daysAgo(days), requests: 2 });
  seed("msgbatch_20", 20);
  seed("msgbatch_21", 21);
  seed("msgbatch_22", 22);
  seed("msgbatch_young", 2);
  stage.sandbox.seed({ id: "msgbatch_going", processing_status: "in_progress" });
  return stage;
}

describe("retain", () => {
  test("keeps what a rule keeps, what the policy holds, and what is held besides", async () => {
    const holds = ["msgbatch_22"];
    const strict = policyOf([rule, { type: "keep_last", count: 3 }], { holds });
    const keeping = createStage({ files: { p: JSON.stringify(strict) } });
    expect(await keeping.run("retain", ...retain)).toBe(0);
    expect(deletionsAsked(keeping.sandbox)).toEqual(["msgbatch_21"]);
    const holding = createStage({ files: { p: JSON.stringify(policyOf([rule], { holds })) } });
    expect(await holding.run("retain", ...retain, "--hold", "msgbatch_21")).toBe(0);
    expect(deletionsAsked(holding.sandbox)).toEqual(["msgbatch_20"]);
  });

  test("plans by the policy as it is in its file, with a byte order mark or without", async () => {
    const given = policyOf([rule, { type: "keep_last", count: 2 }], { minimumAge: "PT0S" });
    for (const begin of ["", "\ufeff"]) {
      const text = `${begin}${JSON.stringify(given, null, 2)}\n`;
      const { run, files } = createStage({ files: { p: text } });
      expect(await run("retain", "--policy", "p", "--plan-out", "plan")).toBe(0);
      const plan = JSON.parse(files.texts.get("plan") ?? "");
      expect(plan.policy).toEqual(parseRetentionPolicy(given));
    }
  });
});

describe("retain with --max-share", () => {
  test.each([[[]], [["--plan-out", "q"]], [["--dry-run", "--plan-out", "q"]], [["--dry-run"]]])(
    "stops where it would delete a larger share, and asks and writes nothing (%j)",
    async (flags) => {
      const stage = createStage({ answer: "3\n" });
      const args = ["--policy", "p", "--max-share", "59.9%", ...flags];
      expect(await stage.run("retain", ...args)).toBe(2);
      expect([stage.sandbox.size, [...stage.files.texts.keys()]]).toEqual([5, ["p"]]);
      expect(stage.written.stderr).toContain("Delete     3 of 5 message batches (60%)\n");
      expect(stage.written.stderr).not.toContain("Type 3");
      const shown = flags.join() === "--dry-run" ? 3 : undefined;
      expect(stage.written.stdout.match(/^would delete /gm)?.length).toBe(shown);
    },
  );

  test.each([["0%", 2], ["7%", 2], ["59.9%", 2], ["60%", 0], ["100%", 0]])(
    "takes %s as it says",
    async (share, code) => {
      const { run, written } = createStage();
      expect(await run("retain", ...retain, "--max-share", share)).toBe(code);
      expect(written.stderr.includes(`--max-share is ${share}\n`)).toBe(code === 2);
    },
  );

  test("refuses no deletion of nothing", async () => {
    const none = createCommandStage({ files: { p: policy } });
    expect(await none.run("retain", ...retain, "--max-share", "0%")).toBe(0);
  });

  test.each(["", "50", "0.5", "101%", "-1%", "1e1%", "50 %", "%", "NaN%"])(
    "refuses %j",
    async (text) => {
      const { run, written } = createStage();
      expect(await run("retain", ...retain, `--max-share=${text}`)).toBe(2);
      expect(written.stderr).toMatch(/^Cannot use --max-share ".*": give a share/);
    },
  );
});

describe("retain with a policy that is none", () => {
  const refusal = async (text: string) => {
    const { run, written, sandbox } = createStage({ files: { p: text } });
    expect([await run("retain", ...retain), sandbox.requests]).toEqual([2, []]);
    return written.stderr;
  };

  test.each([
    ["null", "it is not an object"],
    [policy.replace(/}$/, ',"holds":[]}'), "holds is there twice in one object"],
    [
      policy.replace("delete_after", "SECRET"),
      "rules.0.type is no rule: there are delete_after, keep_last",
    ],
    [policy.replace("14", '"SECRET"'), "rules.0.days is not a number"],
    [policy.replace("[]", '["SECRET/1"]'), "holds.0 is not an id of a batch"],
  ])("says of %s what is wrong, and quotes no value", async (text, line) => {
    expect(await refusal(text)).toBe(`Cannot use p: it is no retention policy\n  ${line}\n`);
  });

  test("names no more than twenty mistakes", async () => {
    const text = JSON.stringify({ ...policyOf([]), rules: Array(30).fill(1) });
    const lines = (await refusal(text)).trimEnd().split("\n");
    expect([lines.length, lines.at(-1)]).toEqual([22, "  and 10 more"]);
  });

  test("reads no file that is too large to be one", async () => {
    const { run, written } = createStage({ files: { p: " ".repeat(16_777_217) } });
    expect(await run("retain", ...retain)).toBe(2);
    expect(written.stderr).toBe("Cannot use p: it is too large to be a retention policy\n");
  });
});

describe("holds", () => {
  test("come from flags, a file and a policy", async () => {
    const files = {
      h: "msgbatch_d\r\n\n  msgbatch_e, msgbatch_f\n",
      p: JSON.stringify(policyOf([rule], { holds: ["msgbatch_g"] })),
    };
    const stage = createStage({ files });
    const ids = [..."abcdefgh"].map((letter) =>
      stage.sandbox.seed({ id: `msgbatch_${letter}` }).id
    );
    const flags = ["--hold", "msgbatch_a,msgbatch_b", "--hold", " msgbatch_c ", "--holds", "h"];
    expect(await stage.run("delete", ...flags, "--policy", "p", ...ids)).toBe(1);
    expect(deletionsAsked(stage.sandbox)).toEqual(["msgbatch_h"]);
  });

  test.each<[string, string[], Readonly<Record<string, string>>]>([
    ['Cannot use id "": it is empty', ["--hold", ""], {}],
    ['Cannot use id "a b": it is not one path segment', ["--hold", "a b"], {}],
    ['Cannot use id "a # mine": it is not one path segment', ["--holds", "h"], { h: "a # mine" }],
    ["Cannot read h: there is no such file or directory", ["--holds", "h"], {}],
    [
      "Cannot read h, line 2: it is longer than 1024 bytes",
      ["--holds", "h"],
      { h: `a\n${"x".repeat(1_025)}` },
    ],
    ["Cannot use p: it is not JSON", ["--policy", "p"], { p: "{" }],
    [
      "Cannot use --holds h: it has no ids\nUse --holds none if nothing is held",
      ["--holds", "h"],
      { h: " \n" },
    ],
  ])("stop with %j", async (message, flags, files) => {
    const { run, written } = createStage({ files });
    expect(await run("delete", ...flags, "msgbatch_20")).toBe(2);
    expect(written.stderr).toBe(`${message}\n`);
  });
});
