import { describe, expect, test } from "vitest";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { deletionsAsked } from "../fixtures/deletions-asked.ts";
import { daysAgoIn, seedBatches } from "../fixtures/seed-batches.ts";
import {
  byCron,
  environment,
  expectOldDeleted,
  type HostChange,
  interruptedDeleting,
  jsonLines,
  key,
  run,
  stage,
  typing,
} from "./in-memory.ts";
import { createMemoryFiles } from "./memory-files.ts";

const rule = { type: "delete_after", days: 14, since: "ended" };
const policy = (change: object = {}) =>
  JSON.stringify({ version: 1, rules: [rule], holds: [], ...change });
const withPolicy = (text = policy()) => createMemoryFiles({ "policy.json": text });

/** A person at a terminal without colours, who types this when asked. */
const typingPlainly = (answer: string): HostChange => ({
  ...typing(answer),
  env: environment({ ANTHROPIC_API_KEY: key, NO_COLOR: "1" }),
});
const retain = ["retain", "--policy", "policy.json"];

describe("retain", () => {
  test("deletes what the policy does not keep, and nothing else, with --yes", async () => {
    const staged = stage();
    const files = withPolicy();
    const { code, stdout, stderr } = await run(
      [...retain, "--yes"],
      { ...byCron, files },
      staged.sandbox,
    );
    expect(code).toBe(0);
    expect(stderr).toBe(
      "Deleting 3 of 5 message batches (60%)\n" +
        "  of workspace wrkspc_011CZkZaBF1tNoB5wlCeusgy, at https://api.anthropic.com\n" +
        "3 message batches: 3 deleted\n",
    );
    expectOldDeleted(staged, stdout);
  });

  test("has nothing to do where everything is kept", async () => {
    const files = withPolicy();
    const change = { ...byCron, files };
    expect(await run([...retain, "--yes"], change)).toEqual({
      code: 0,
      stdout: "",
      stderr: "Nothing to delete: 0 of 0 message batches\n",
    });
  });

  test("prints an object for each outcome and one with the totals with --json", async () => {
    const { sandbox, old } = stage();
    const args = [...retain, "--yes", "--json"];
    const { stdout } = await run(args, { ...byCron, files: withPolicy() }, sandbox);
    const lines = jsonLines(stdout);
    expect(lines.slice(0, -1)).toHaveLength(old.length);
    expect(lines.at(-1)).toMatchObject({ summary: { planned: 3, deleted: 3, hasMore: false } });
  });

  test("saves the results before it deletes with --export", async () => {
    const { sandbox, old } = stage();
    const files = withPolicy();
    const args = [...retain, "--yes", "--export", "saved"];
    expect((await run(args, { ...byCron, files }, sandbox)).code).toBe(0);
    expect([...files.texts.keys()].sort()).toEqual(
      ["policy.json", ...old.map((id) => `saved/${id}.jsonl`)].sort(),
    );
  });

  test("stops where the API refuses the key, before anything is deleted", async () => {
    const sandbox = createSandbox({ apiKeys: ["another"] });
    const change = { ...byCron, files: withPolicy() };
    const { code, stdout, stderr } = await run([...retain, "--yes"], change, sandbox);
    expect([code, stdout]).toEqual([4, ""]);
    expect(stderr).toMatch(/^Cannot list message batches: .* \(req_\w+\)\n$/);
  });

  test("ends with a true report when it is interrupted", async () => {
    const { sandbox } = stage();
    const change = { ...byCron, ...interruptedDeleting(sandbox), files: withPolicy() };
    const { code, stdout } = await run([...retain, "--yes", "--json"], change);
    expect(code).toBe(130);
    expect(jsonLines(stdout).at(-1)).toMatchObject({
      summary: { planned: 3, deleted: 1, unattempted: 2, hasMore: true },
    });
  });
});

describe("retain refuses before any request", () => {
  const env = environment({ ANTHROPIC_API_KEY: key, CI: "true" });
  const none = "Cannot ask whether to delete: there is no terminal\nUse --yes";
  test.each([
    [["retain"], policy(), "Required option '--policy <file>' not specified"],
    [[...retain], policy(), none],
    [[...retain, "--max-share", "50%"], policy(), none],
    [[...retain, "--plan-out", "q", "--yes"], policy(), "Cannot use --plan-out with --yes"],
    [[...retain, "--yes", "msgbatch_1"], policy(), "Too many arguments"],
    [["retain", "--policy", "no.json", "--yes"], policy(), "Cannot read no.json: there is no su"],
    [[...retain, "--yes"], "", "Cannot use policy.json: it is not JSON\n"],
    [[...retain, "--yes"], '{"rules": secret', "Cannot use policy.json: it is not JSON\n"],
    [
      [...retain, "--yes"],
      "[]",
      "Cannot use policy.json: it is no retention policy\n  version is missing\n",
    ],
    [[...retain, "--yes"], policy({ rules: [] }), "\n  rules is empty: a policy needs a rule\n"],
    [[...retain, "--yes", "--hold", ""], policy(), 'Cannot use id "": it is empty\n'],
  ])("%j with %j", async (args, text, message) => {
    const { sandbox } = stage();
    const change = { ...byCron, env, files: withPolicy(text) };
    const { code, stdout, stderr } = await run(args, change, sandbox);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(message);
    expect(sandbox.requests).toEqual([]);
  });

  test("naming all that is wrong with a policy, a line each, and quoting no value", async () => {
    const text = policy({
      rules: [{ ...rule, days: "SECRET" }, { type: "SECRET" }],
      holds: ["SECRET/1"],
      minimumAge: "SECRET",
      more: "SECRET",
    });
    const change = { ...byCron, files: withPolicy(text) };
    const { code, stderr } = await run([...retain, "--yes"], change);
    expect(code).toBe(2);
    expect(stderr).not.toContain("SECRET");
    const [head, ...lines] = stderr.trimEnd().split("\n");
    expect(head).toBe("Cannot use policy.json: it is no retention policy");
    expect(lines.map((line) => /^ {2}([\w.]+) (is|has) /.exec(line)?.[1]).sort()).toEqual([
      "holds.0",
      "minimumAge",
      "more",
      "rules.0.days",
      "rules.1.type",
    ]);
  });

  test("without credentials, as 4", async () => {
    const { sandbox } = stage();
    const change = { ...byCron, env: environment({}), files: withPolicy() };
    expect((await run([...retain, "--yes"], change, sandbox)).code).toBe(4);
    expect(sandbox.requests).toEqual([]);
  });
});

test("retain tells which member of another file is none", async () => {
  const text = JSON.stringify({ name: "x", version: 1, type: "module", rules: [rule], holds: [] });
  const change = { ...byCron, files: withPolicy(text) };
  expect(await run([...retain, "--dry-run"], change)).toEqual({
    code: 2,
    stdout: "",
    stderr: "Cannot use policy.json: it is no retention policy\n" +
      "  name is no member: there are version, rules, holds, minimumAge\n",
  });
});

describe("retain at a terminal", () => {
  test("shows where, how many, which share and why, and deletes when the number is typed", async () => {
    const { sandbox, old: [first = "", ...others] } = stage();
    const files = withPolicy(policy({ holds: [first] }));
    const { code, stderr } = await run(retain, { ...typingPlainly("2\n"), files }, sandbox);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^\S*API {8}https:\/\/api\.anthropic\.com\n/m);
    expect(stderr).toMatch(/^Workspace {2}wrkspc_011CZkZaBF1tNoB5wlCeusgy\n/m);
    expect(stderr).toMatch(/^Policy {5}policy\.json\n/m);
    expect(stderr).toMatch(/^Delete {5}2 of 5 message batches \(40%\)\n/m);
    expect(stderr).toMatch(/^Held {7}1: kept\n {11}msgbatch_\w+\n/m);
    expect(stderr).toMatch(/^Kept {7}1 not ended\n {11}1 by the policy\n/m);
    for (const id of others) {
      expect(stderr).toMatch(new RegExp(`^  ${id}  [\\d-]{10}$`, "m"));
    }
    expect(stderr).toContain("Type 2 to delete them, anything else to stop: ");
    expect(deletionsAsked(sandbox).sort()).toEqual([...others].sort());
  });
});

describe("retain --dry-run", () => {
  test("wins over everything: it lists, and sends nothing else", async () => {
    const { sandbox, old } = stage();
    const files = withPolicy();
    const args = [...retain, "--dry-run", "--yes", "--export", "saved", "--audit", "a.jsonl"];
    const { code, stdout, stderr } = await run(args, { ...byCron, files }, sandbox);
    expect(code).toBe(0);
    expect(stdout.match(/^would delete \S+/gm)).toEqual(old.map((id) => `would delete ${id}`));
    expect(stderr).toContain("Because    It ended at least 14 days ago\n");
    expect(stderr).toMatch(/Dry run: nothing was deleted\n$/);
    expect(sandbox.requests.map(({ method }) => method)).toEqual(["GET"]);
    expect([...files.texts.keys()]).toEqual(["policy.json"]);
  });
});

describe("retain --plan-out", () => {
  test("writes a plan that purge applies, which keeps what the policy holds", async () => {
    const { sandbox, old: [first = "", ...others], young } = stage();
    const files = withPolicy(policy({ holds: [first] }));
    const planned = await run(
      [...retain, "--plan-out", "plan.json"],
      { ...byCron, files },
      sandbox,
    );
    expect([planned.code, planned.stdout]).toEqual([0, ""]);
    expect(planned.stderr).toContain("batchsweep purge --plan plan.json\n");
    const plan = files.texts.get("plan.json") ?? "";
    expect(JSON.parse(plan).items).toContainEqual(expect.objectContaining({
      id: young,
      action: "keep",
      code: "rule",
      rule: 0,
    }));

    const greedy = plan.replace(
      '"action":"keep","code":"held"',
      '"action":"delete","code":"matches"',
    );
    expect(greedy).not.toBe(plan);
    const change = { ...byCron, files: createMemoryFiles({ "plan.json": greedy }) };
    const apply = ["purge", "--plan", "plan.json", "--yes"];
    expect(await run(apply, change, sandbox)).toMatchObject({
      code: 2,
      stderr: "Cannot use plan.json: it deletes a batch that its policy holds\n",
    });
    expect(sandbox.size).toBe(5);
    expect((await run(apply, { ...byCron, files }, sandbox)).code).toBe(0);
    expect(deletionsAsked(sandbox).sort()).toEqual([...others].sort());
  });
});

describe("retain --max-share", () => {
  const refused = "Cannot apply the policy: it would delete 3 of 5 message batches (60%), and " +
    "--max-share is 59.9%\n";

  test("stops where the policy would delete more, and says both figures", async () => {
    const { sandbox } = stage();
    const files = withPolicy();
    const args = [...retain, "--yes", "--max-share", "59.9%"];
    const { code, stdout, stderr } = await run(args, { ...byCron, files }, sandbox);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("Delete     3 of 5 message batches (60%)\n");
    expect(stderr.endsWith(refused)).toBe(true);
    expect([sandbox.size, deletionsAsked(sandbox)]).toEqual([5, []]);
    expect(
      (await run([...retain, "--yes", "--max-share", "60%"], { ...byCron, files }, sandbox)).code,
    )
      .toBe(0);
    expect(sandbox.size).toBe(2);
  });

  test("counts what is held as kept, and says no share that is smaller than it is", async () => {
    const sandbox = createSandbox();
    const [first = ""] = seedBatches(sandbox, 7, { created_at: daysAgoIn(sandbox, 20) });
    seedBatches(sandbox, 3);
    const change = { ...byCron, files: withPolicy() };
    const at60 = [...retain, "--yes", "--max-share", "60%"];
    expect((await run(at60, change, sandbox)).stderr).toContain(
      "7 of 10 message batches (70%), and",
    );
    sandbox.seed();
    expect((await run(at60, change, sandbox)).stderr).toContain("(63.7%), and --max-share is 60%");
    sandbox.seed();
    expect((await run([...at60, "--hold", first], change, sandbox)).code).toBe(0);
    expect(sandbox.batch(first)).toBeDefined();
  });
});

describe("retain --audit", () => {
  const args = [...retain, "--audit", "a.jsonl", "--yes"];

  test("records each deletion, and prints the head", async () => {
    const { sandbox } = stage();
    const files = withPolicy();
    const { code, stderr } = await run(args, { ...byCron, files }, sandbox);
    expect(code).toBe(0);
    const [, head = ""] = /\nRecorded in a\.jsonl\n {2}Head (\d+:[0-9a-f]{64})\n$/.exec(stderr) ??
      [];
    expect(jsonLines(files.texts.get("a.jsonl") ?? "")).toHaveLength(6);
    const verify = ["audit", "verify", "a.jsonl", "--head", head];
    expect((await run(verify, { ...byCron, files })).code).toBe(0);
    expect(files.open.size).toBe(0);

    const again = await run(args, { ...byCron, files }, sandbox);
    expect(again).toEqual({
      code: 0,
      stdout: "",
      stderr: "Nothing to delete: 0 of 2 message batches (0%)\n",
    });
  });
});
