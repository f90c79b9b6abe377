import { describe, expect, test } from "vitest";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { entriesOf, linesOf, textOf } from "../fixtures/audit-entries.ts";
import { environment, type HostChange, jsonLines, key, run } from "./in-memory.ts";
import { createMemoryFiles } from "./memory-files.ts";

const stage = (text = textOf(linesOf(entriesOf(6)))) => createMemoryFiles({ "a.jsonl": text });

/** Runs `audit`, which takes no key and must not call anybody. */
async function audit(args: readonly string[], change: HostChange = {}) {
  const sandbox = createSandbox();
  const ended = await run(["audit", ...args], { env: environment({}), ...change }, sandbox);
  expect(sandbox.requests).toEqual([]);
  return ended;
}

describe("audit", () => {
  test("prints the head alone, and verifies by it, without a key", async () => {
    const files = stage();
    const { code, stdout, stderr } = await audit(["head", "a.jsonl"], { files });
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^\d+:[0-9a-f]{64}\n$/);
    const head = stdout.trim();
    const verified = await audit(["verify", "a.jsonl", "--head", head], { files });
    expect(verified).toEqual({
      code: 0,
      stderr: "",
      stdout: `Trail       a.jsonl\nEntries     6\n` +
        `Unchanged   up to the head that was written down\nHead        ${head}\n`,
    });
    const json = await audit(["verify", "a.jsonl", "--json", "--head", head], { files });
    expect(jsonLines(json.stdout)).toEqual([{
      file: "a.jsonl",
      head,
      entries: 6,
      unreadable: 0,
      openIntents: [],
      unchanged: true,
      firstUnreadable: [],
    }]);
    const without = await audit(["verify", "a.jsonl"], { files });
    expect(without).toMatchObject({
      code: 0,
      stderr: "Without --head, a change is not noticed\n",
    });
    expect(files.texts.size).toBe(1);
  });

  test("ends with 1 where a trail was changed up to its head", async () => {
    const files = stage();
    const head = (await audit(["head", "a.jsonl"], { files })).stdout.trim();
    const lines = linesOf(entriesOf(6));
    const evil = textOf(lines).replace("msgbatch_1", "\\u001b[2Kall is well");
    for (const text of [textOf(lines.slice(1)), textOf(lines.slice(0, 5)), evil, ""]) {
      files.texts.set("a.jsonl", text);
      const { code, stdout, stderr } = await audit(["verify", "a.jsonl", "--head", head], {
        files,
      });
      expect([code, stderr]).toEqual([
        1,
        `Cannot verify a.jsonl: it was changed since its head was ${head}\n`,
      ]);
      expect(stdout).not.toContain("Unchanged");
      for (const part of ["\u001b", "all is well"]) expect(stdout).not.toContain(part);
    }
    files.texts.set("a.jsonl", textOf([...lines, ...linesOf(entriesOf(2))]));
    expect((await audit(["verify", "a.jsonl", "--head", head], { files })).code).toBe(0);
  });

  test("names lines that are no entries, and deletions of unknown outcome", async () => {
    const [first = "", ...rest] = linesOf(entriesOf(3)); // the third is an intent
    const few = stage(textOf([first, '{"vers', '{"a":1}', ...rest]));
    const { code, stdout } = await audit(["verify", "a.jsonl"], { files: few });
    expect(code).toBe(0);
    expect(stdout).toContain("\nNo entries  2 lines: 2 (not json), 3 (not an entry)\n");
    expect(stdout).toContain("\nOpen        1 deletion of unknown outcome: msgbatch_3\n");
    const many = stage(textOf([first, ...Array.from({ length: 13 }, () => "x")]));
    expect((await audit(["verify", "a.jsonl"], { files: many })).stdout).toMatch(
      /\nNo entries {2}13 lines: 2 \(not json\), .*, 11 \(not json\), and 3 more\n/,
    );
  });

  test("takes an empty file for a trail, and a piece of its first entry", async () => {
    expect((await audit(["verify", "a.jsonl"], { files: stage("") })).code).toBe(0);
    for (const text of ["{", '\n{"vers', '{"version":1', '{"version":1,"time":"2026-']) {
      const { stdout } = await audit(["verify", "a.jsonl"], { files: stage(text) });
      expect(stdout, text).toContain(
        `\nNo entries  1 line: ${text.split("\n").length} (not json)\n`,
      );
    }
  });

  const broken = [
    "a\nb\n",
    '{"name":"x"}\n',
    "hello",
    '{"version":2',
    '{"vers\n{"vers',
    '{"vers\nx',
  ];
  const plans = ['{"version":1,"items":[]}', `{"version":1,"items":[${" ".repeat(1_048_576)}`];
  test.each([...broken, ...plans])(
    "refuses what is no audit trail, such as a plan (%#)",
    async (text) => {
      for (const command of ["verify", "head"]) {
        expect(await audit([command, "a.jsonl"], { files: stage(text) })).toEqual({
          code: 2,
          stdout: "",
          stderr: "Cannot use a.jsonl: it is no audit trail\n",
        });
      }
    },
  );

  test.each([
    [["verify", "none"], "Cannot read none: there is no such file or directory\n"],
    [["head", "none"], "Cannot read none: there is no such file or directory\n"],
    [["verify", "a.jsonl", "--head", "6"], "Give what audit head printed"],
    [["verify", "a.jsonl", "--head", `6:${"g".repeat(64)}`], "Give what audit head printed"],
    [["verify", "a.jsonl", "more"], "Too many arguments"],
    [["verify"], "Missing required argument 'file'"],
  ])("ends with 2 for %j", async (args, message) => {
    const files = stage();
    const { code, stdout, stderr } = await audit(args, { files });
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(message);
    expect([...files.texts.keys()]).toEqual(["a.jsonl"]);
  });

  test.each(["verify", "head"])("%s says that a file cannot be read", async (command) => {
    const fails = (action: string) => action === "read" ? "EACCES" : undefined;
    const files = createMemoryFiles({ "a.jsonl": "" }, fails);
    expect(await audit([command, "a.jsonl"], { files })).toMatchObject({
      code: 2,
      stderr: "Cannot read a.jsonl: it is not permitted\n",
    });
  });

  test.each(["verify", "head"])("%s ends when it is interrupted", async (command) => {
    const change = { files: stage(), signal: AbortSignal.abort() };
    expect(await audit([command, "a.jsonl"], change)).toMatchObject({ code: 130, stdout: "" });
    const interruption = new AbortController();
    const files = {
      ...createMemoryFiles(),
      async *read() {
        setTimeout(() => interruption.abort());
        yield await new Promise<never>(() => {});
      },
    };
    const hanging = { files, signal: interruption.signal };
    expect(await audit([command, "a.jsonl"], hanging)).toMatchObject({ code: 130, stdout: "" });
  });

  test("shows its help where it is not said what is to be done", async () => {
    const { code, stdout, stderr } = await audit([]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^Usage: batchsweep audit /);
  });

  test("follows what purge recorded, run after run", async () => {
    const sandbox = createSandbox();
    const files = createMemoryFiles();
    const heads: string[] = [];
    const verify = (head = "") => audit(["verify", "a.jsonl", "--head", head], { files });
    for (let times = 1; times <= 3; times += 1) {
      sandbox.seed();
      const env = environment({ ANTHROPIC_API_KEY: key });
      const args = ["purge", "--all", "--yes", "--audit", "a.jsonl"];
      const { code, stderr } = await run(args, { files, env }, sandbox);
      const [, head = ""] = / Head (\S+)\n$/.exec(stderr) ?? [];
      const bytes = new TextEncoder().encode(files.texts.get("a.jsonl")).length;
      expect([code, head]).toEqual([0, expect.stringMatching(`^${bytes}:`)]);
      heads.push(head);
      for (const one of heads) expect((await verify(one)).code).toBe(0);
    }
    const text = files.texts.get("a.jsonl") ?? "";
    files.texts.set("a.jsonl", textOf(text.split("\n").slice(0, 4)));
    expect((await verify(heads[1])).code).toBe(0);
    expect((await verify(heads[2])).code).toBe(1);
  });
});
