import { describe, expect, test } from "vitest";
import { createSandbox } from "../../src/sandbox/mod.ts";
import {
  entriesOf,
  entryOf,
  intentOf,
  linesOf,
  outcomeOf,
  textOf,
} from "../fixtures/audit-entries.ts";
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
        `Head        ${head}\n` +
        "Verdict     The trail is unchanged up to the head that you kept.\n",
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
      stdout: expect.stringMatching(/\nVerdict {5}Every line was read\. .* needs --head\.\n$/),
      stderr: "",
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
    [["verify", "a.jsonl", "--head", "6"], "give what audit head printed"],
    [["verify", "a.jsonl", "--head", `6:${"g".repeat(64)}`], "give what audit head printed"],
    [["verify", "a.jsonl", "more"], "Too many arguments"],
    [["verify"], "Missing required argument 'trail'"],
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

  test("exports a trail as it is, and to a terminal without what moves its cursor", async () => {
    const text = textOf(linesOf([entryOf(1, { reason: "a\u009bb \u202e" })]));
    const { code, stdout, stderr } = await audit(["export", "a.jsonl"], { files: stage(text) });
    expect([code, stdout]).toEqual([0, text]);
    expect(stderr).toMatch(/^1 entry\n {2}Head \d+:[0-9a-f]{64}\n$/);
    const terminal = await audit(["export", "a.jsonl"], {
      files: stage(text),
      terminal: { stdout: 1_000 },
    });
    expect(terminal.stdout).toBe(text.replace(/[\u009b\u202e]/g, " "));
    expect(await audit(["export", "a.jsonl"], { files: stage("hello") }))
      .toMatchObject({ code: 2, stderr: "Cannot use a.jsonl: it is no audit trail\n" });
  });

  test("reports what was asked, by whom and why, and what became of it", async () => {
    const prints = { plan: "0123456789abcdef", policy: "fedcba9876543210" };
    const plan = { actor: "ci", reason: "30 days", ...prints };
    const asked = ["msgbatch_1", "msgbatch_2", "msgbatch_3"].map((id) => intentOf(id, plan));
    const error = { code: "ERR_API", message: "No", outcomeKnown: true, status: 500 };
    const failed = { outcome: "failed", evidence: undefined, error } as const;
    const entries = [
      ...asked,
      ...asked.slice(1).map((one, index) => outcomeOf(one, index === 1 ? failed : {})),
      ...Array.from({ length: 12 }, (_, index) => intentOf(`file_${index}`, { resource: "file" })),
    ];
    const files = stage(textOf(linesOf(entries)));
    const head = (await audit(["head", "a.jsonl"], { files })).stdout.trim();
    const page = `AUDIT REPORT

Source      a.jsonl
Period      2026-11-22 00:00 to 2026-11-22 00:00 UTC
Entries     17

WHAT WAS ASKED FOR, BY WHOM AND WHY

1. To delete 12 files
   By       not named
   Why      not said
   Became   12 open

2. To delete 3 message batches
   By       "ci"
   Why      "30 days"
   Plan     0123456789abcdef
   Policy   fedcba9876543210
   Became   1 deleted, 1 failed, 1 open

WHAT BECAME OF IT

Asked for   15
Deleted      1  the API confirmed it with a receipt
Failed       1  it was not done
Open        13  its outcome was never recorded

Held batches, and those that a policy keeps, are not asked for.
A trail does not name them.

WHAT IS LEFT

1 failed, and not done since:
  ID          TIME              WHY
  msgbatch_3  2026-11-22 00:00  ERR_API 500

13 open:
  ID          TIME              WHY
  msgbatch_1  2026-11-22 00:00
${Array.from({ length: 9 }, (_, index) => `  file_${index}      2026-11-22 00:00\n`).join("")}\
  and 3 more

HOW TO CHECK

${head}
This is the head: the number of bytes of the trail, and their SHA-256.
To compute it: head -c BYTES FILE | sha256sum
`;
    const without = await audit(["report", "a.jsonl"], { files });
    expect(without).toEqual({
      code: 0,
      stdout:
        `${page}Every line was read. Whether one was changed is not known: that needs --head.\n`,
      stderr: "",
    });
    const same = await audit(["report", "a.jsonl", "--head", head], { files });
    expect([same.code, same.stdout])
      .toEqual([0, `${page}The trail is unchanged up to the head that you kept.\n`]);
    const json = await audit(["report", "a.jsonl", "--json"], { files });
    expect(jsonLines(json.stdout)).toMatchObject([{
      source: "a.jsonl",
      total: { asked: 15, receipt: 1, failed: 1, open: 13 },
      groups: [{ ...plan, counts: { asked: 3 } }, { resource: "file" }],
      failures: [{ objectId: "msgbatch_3" }],
      head,
    }]);
    files.texts.set("a.jsonl", textOf(linesOf(entries.slice(1))));
    const changed = await audit(["report", "a.jsonl", "--head", head], { files });
    expect(changed.code).toBe(1);
    expect(changed.stdout).toContain("The trail was CHANGED since you kept its head.\n");
  });

  test("keeps each text of an entry on its line, however long", async () => {
    const forged = "a\n\nWHAT IS LEFT\n\nNothing\n";
    const lines = linesOf([
      intentOf(forged, { resource: forged, plan: forged, changedPlan: forged, policy: forged }),
      intentOf("x".repeat(500_000), { plan: "x ".repeat(250_000) }),
    ]);
    const files = stage(textOf(lines));
    const { stdout, code } = await audit(["report", "a.jsonl"], { files });
    expect([code, stdout.match(/^(WHAT IS LEFT|Nothing)$/gm)]).toEqual([0, ["WHAT IS LEFT"]]);
    expect((await audit(["verify", "a.jsonl"], { files })).stdout.split("\n")).toHaveLength(6);
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
