import { describe, expect, test } from "vitest";
import { createSandbox, type Sandbox } from "../../src/sandbox/mod.ts";
import { daysAgoIn, presentIn, seedBatches } from "../fixtures/seed-batches.ts";
import { byCron, environment, jsonLines, key, run } from "./in-memory.ts";
import { createMemoryFiles } from "./memory-files.ts";

const rules = [{ type: "delete_after", days: 14, since: "ended" }];
const policy = (holds: readonly string[]) => JSON.stringify({ version: 1, rules, holds });

/** A way to delete the two batches of a stage. */
interface Road {
  readonly name: string;
  readonly args: (ids: readonly string[]) => readonly string[];
  /** The exit code where one of the two is held. */
  readonly code: 0 | 1;
}

const roads: readonly Road[] = [
  { name: "delete", args: (ids) => ["delete", ...ids], code: 1 },
  { name: "delete message-batch", args: (ids) => ["delete", "message-batch", ...ids], code: 1 },
  { name: "delete --cancel", args: (ids) => ["delete", "--cancel", ...ids], code: 1 },
  { name: "delete --wait", args: (ids) => ["delete", "--wait", ...ids], code: 1 },
  { name: "delete --export", args: (ids) => ["delete", "--export", "saved", ...ids], code: 1 },
  { name: "purge IDS", args: (ids) => ["purge", "--yes", ...ids], code: 1 },
  { name: "purge --all", args: () => ["purge", "--yes", "--all"], code: 0 },
  { name: "purge --all --cancel", args: () => ["purge", "--yes", "--all", "--cancel"], code: 0 },
  { name: "purge --plan", args: () => ["purge", "--yes", "--plan", "plan.json"], code: 0 },
];

/** A way to hold a batch: flags and files. */
interface Way {
  readonly name: string;
  readonly flags: (id: string) => readonly string[];
  readonly files?: (id: string) => Readonly<Record<string, string>>;
}

const ways: readonly Way[] = [
  { name: "--hold", flags: (id) => ["--hold", id] },
  { name: "--hold of several", flags: (id) => ["--hold", `msgbatch_x,${id}`, "--hold", "other"] },
  {
    name: "--holds",
    flags: () => ["--holds", "keep.txt"],
    files: (id) => ({ "keep.txt": `msgbatch_x\n\n  ${id}, other\n` }),
  },
  {
    name: "--policy",
    flags: () => ["--policy", "policy.json"],
    files: (id) => ({ "policy.json": policy(["msgbatch_x", id]) }),
  },
];

/** A sandbox with two batches, the files with a plan that deletes both, and their ids. */
async function stage() {
  const sandbox = createSandbox({ cancelingTime: 0 });
  const old = { created_at: daysAgoIn(sandbox, 20), requests: 1 };
  const [held = "", free = ""] = seedBatches(sandbox, 2, old);
  const files = createMemoryFiles();
  const args = ["purge", "--all", "--plan-out", "plan.json"];
  expect((await run(args, { ...byCron, files }, sandbox)).code).toBe(0);
  sandbox.clearRequests();
  return { sandbox, held, free, files };
}

const naming = ({ requests }: Sandbox, id: string) =>
  requests.filter(({ path }) => path.includes(id));

describe.each(roads)("$name", ({ args, code }) => {
  test.each(ways)("deletes nothing that is held by $name", async (way) => {
    const { sandbox, held, free, files } = await stage();
    for (const [path, text] of Object.entries(way.files?.(held) ?? {})) files.texts.set(path, text);
    const line = [...args([held, free]), ...way.flags(held)];
    const ended = await run(line, { ...byCron, files }, sandbox);
    expect(ended.code, ended.stderr).toBe(code);
    expect(naming(sandbox, held)).toEqual([]);
    expect(presentIn(sandbox, [held, free])).toEqual([held]);
    expect(files.texts.has(`saved/${held}.jsonl`)).toBe(false);
    if (code === 1) expect(ended.stderr).toContain(`skipped ${held} (held)\n`);
  });

  test.each(
    [
      ["--policy that is not there", ["--policy", "none.json"], {}],
      ["--policy that is not JSON", ["--policy", "p"], { p: "{" }],
      ["--policy that is no policy", ["--policy", "p"], { p: '{"version":1,"holds":[]}' }],
      ["--holds that is not there", ["--holds", "none.txt"], {}],
      ["--holds that is empty", ["--holds", "h"], { h: "\n" }],
      ["--holds with a remark", ["--holds", "h"], { h: "msgbatch_1 # mine\n" }],
      ["--holds that is no text", ["--holds", "h"], { h: "x".repeat(2_000) }],
      ["--hold of nothing", ["--hold", ""], {}],
      ["--hold of two with a space", ["--hold", "msgbatch_1 msgbatch_2"], {}],
    ] as const,
  )("sends nothing for a %s", async (_name, flags, given) => {
    const { sandbox, held, free, files } = await stage();
    for (const [path, text] of Object.entries(given)) files.texts.set(path, text);
    const change = { ...byCron, files };
    const { code, stdout, stderr } = await run([...args([held, free]), ...flags], change, sandbox);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^Cannot (use|read) /);
    expect(sandbox.requests).toEqual([]);
  });
});

describe("retain", () => {
  const args = ["retain", "--policy", "policy.json", "--yes"];
  const holding = ways.filter(({ name }) => !name.includes("--policy"));

  test.each(holding)("deletes nothing that is held by $name", async (way) => {
    const { sandbox, held, free, files } = await stage();
    files.texts.set("policy.json", policy([]));
    for (const [path, text] of Object.entries(way.files?.(held) ?? {})) files.texts.set(path, text);
    const ended = await run([...args, ...way.flags(held)], { ...byCron, files }, sandbox);
    expect(ended.code, ended.stderr).toBe(0);
    expect(naming(sandbox, held)).toEqual([]);
    expect(sandbox.batch(free)).toBeUndefined();
  });
});

describe("holds", () => {
  test("are told as outcomes with --json, and wait for nothing", async () => {
    const { sandbox, held } = await stage();
    for (const more of [[], ["--cancel"]]) {
      const args = ["delete", held, "--json", "--hold", held, ...more];
      const { code, stdout } = await run(args, {}, sandbox);
      expect([code, jsonLines(stdout)]).toEqual([1, [
        { outcome: "skipped", id: held, reason: "held" },
      ]]);
    }
    expect(sandbox.requests).toEqual([]);
  });

  test("do not spare the run from stopping where the key is refused", async () => {
    const sandbox = createSandbox({ apiKeys: ["another"] });
    const ids = seedBatches(sandbox, 9);
    const args = ["delete", "--export", "saved", "--hold", ids[0] ?? "", ...ids];
    const { code } = await run(args, { files: createMemoryFiles() }, sandbox);
    expect([code, sandbox.requests.length]).toEqual([4, 1]);
  });

  test("come from the command line alone: RETENTION_POLICY is for the service", async () => {
    const { sandbox, held } = await stage();
    const env = environment({ ANTHROPIC_API_KEY: key, RETENTION_POLICY: policy([held]) });
    expect((await run(["delete", held], { env }, sandbox)).code).toBe(0);
    expect(sandbox.batch(held)).toBeUndefined();
  });

  test("are of message batches: other kinds have none", async () => {
    const sandbox = createSandbox();
    for (const flags of [["--hold", "x"], ["--holds", "x"], ["--policy", "x"]]) {
      const ended = await run(["delete", "file", "file_1", ...flags], {}, sandbox);
      expect(ended).toMatchObject({
        code: 2,
        stderr: `Cannot use ${flags[0]} for a file: it is for message batches\n`,
      });
    }
    expect(sandbox.requests).toEqual([]);
  });
});
