import { describe, expect, test } from "vitest";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { entriesOf, linesOf, textOf } from "../fixtures/audit-entries.ts";
import { environment, type HostChange, jsonLines, key, run } from "./in-memory.ts";
import { createMemoryFiles } from "./memory-files.ts";

const stage = () => createMemoryFiles({ "a.jsonl": textOf(linesOf(entriesOf(6))) });

/** Runs `audit`, which takes no key and must not call anybody. */
async function audit(args: readonly string[], change: HostChange = {}) {
  const sandbox = createSandbox();
  const ended = await run(["audit", ...args], { env: environment({}), ...change }, sandbox);
  expect(sandbox.requests).toEqual([]);
  return ended;
}

describe("audit", () => {
  test("seals, prints the head alone, and verifies by it, without a key", async () => {
    const files = stage();
    const sealed = await audit(["seal", "a.jsonl"], { files });
    expect(sealed).toMatchObject({ code: 0, stderr: "Sealed 6 lines of a.jsonl, 6 in all\n" });
    expect(sealed.stdout).toMatch(/^6:[0-9a-f]{64}\n$/);
    const head = sealed.stdout.trim();
    const verified = await audit(["verify", "a.jsonl", "--head", head], { files });
    expect(verified).toMatchObject({ code: 0, stderr: "" });
    expect(verified.stdout).toContain(`Head        ${head}\n`);
    const again = await audit(["seal", "a.jsonl", "--json"], { files });
    expect(jsonLines(again.stdout)).toEqual([{ file: "a.jsonl", added: 0, sealed: 6, head }]);
    const json = await audit(["verify", "a.jsonl", "--json"], { files });
    expect(jsonLines(json.stdout)).toMatchObject([{ sealed: 6, unsealed: 0, head }]);
  });

  test("ends with 1 where something speaks against a trail", async () => {
    const files = stage();
    await audit(["seal", "a.jsonl"], { files });
    files.texts.set("a.jsonl", textOf(linesOf(entriesOf(6)).slice(1)));
    const removed = "line 1 was sealed, and has been taken out\n";
    expect(await audit(["verify", "a.jsonl"], { files })).toMatchObject({
      code: 1,
      stderr: `Cannot verify a.jsonl: ${removed}`,
    });
    expect(await audit(["seal", "a.jsonl"], { files })).toEqual({
      code: 1,
      stdout: "",
      stderr: `Cannot seal a.jsonl: ${removed}`,
    });
  });

  test.each([
    [["verify", "none"], "Cannot read none: there is no such file or directory\n"],
    [["seal", "none"], "Cannot read none: there is no such file or directory\n"],
    [["verify", "a.jsonl", "--head", "6"], "Give what audit seal printed"],
    [["verify", "a.jsonl", "--head", `6:${"g".repeat(64)}`], "Give what audit seal printed"],
    [["verify", "text"], "Cannot use text: it is no audit trail\n"],
    [["seal", "text"], "Cannot use text: it is no audit trail\n"],
    [["verify", "a.jsonl", "more"], "Too many arguments"],
    [["verify"], "Missing required argument 'file'"],
  ])("ends with 2 for %j", async (args, message) => {
    const files = stage();
    files.texts.set("text", "a\nb\n");
    const { code, stdout, stderr } = await audit(args, { files });
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(message);
    expect([...files.texts.keys()]).toEqual(["a.jsonl", "text"]);
  });

  test.each(["verify", "seal"])("%s ends when it is interrupted", async (command) => {
    const change = { files: stage(), signal: AbortSignal.abort() };
    expect(await audit([command, "a.jsonl"], change)).toMatchObject({ code: 130, stdout: "" });
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
      expect([code, head]).toEqual([0, expect.stringMatching(`^${times * 2}:`)]);
      heads.push(head);
      for (const one of heads) expect((await verify(one)).code).toBe(0);
    }
    for (const [path, text] of files.texts) {
      files.texts.set(path, textOf(text.split("\n").slice(0, 4)));
    }
    expect((await verify(heads[1])).code).toBe(0);
    const { code, stderr } = await verify(heads[2]);
    expect([code, stderr]).toEqual([
      1,
      "Cannot verify a.jsonl: line 5 was sealed, and is gone\n",
    ]);
  });
});
