/**
 * What every command that works on ids has in common: a record, a dry run, ids from a file.
 *
 * @module
 */
import { describe, expect, test, vi } from "vitest";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { intentOf } from "../fixtures/audit-entries.ts";
import { deletionsAsked } from "../fixtures/deletions-asked.ts";
import { refusal, stub } from "../fixtures/stub.ts";
import { byCron, jsonLines, run, stage, stdinOf, typing } from "./in-memory.ts";
import { createMemoryFiles } from "./memory-files.ts";

const who = ["--actor", "anna", "--reason", "ticket 7"];

describe("--audit", () => {
  test.each([
    ["delete", "deleted", "delete"],
    ["delete --export saved", "deleted", "delete"],
    ["cancel", "canceled", "cancel"],
  ])(
    "%s records an intent and an outcome, who and why",
    async (line, outcome, operation) => {
      const sandbox = createSandbox();
      const status = operation === "cancel" ? "in_progress" : "ended";
      const { id } = sandbox.seed({ processing_status: status });
      const files = createMemoryFiles();
      const args = [...line.split(" "), id, "--audit", "a", ...who];
      const { code, stderr } = await run(args, { files }, sandbox);
      expect([code, stderr]).toEqual([
        0,
        expect.stringMatching(/^Recorded in a\n {2}Head \d+:/),
      ]);
      const common = { operation, objectId: id, actor: "anna", reason: "ticket 7" };
      expect(jsonLines(files.texts.get("a") ?? "")).toMatchObject([
        { phase: "intent", ...common },
        { phase: "outcome", outcome, ...common },
      ]);
      expect((await run(["audit", "verify", "a"], { files })).code).toBe(0);
    },
  );

  test("delete records other kinds, too", async () => {
    const files = createMemoryFiles();
    const fetch = () => Promise.resolve(Response.json({ id: "file_1", type: "file_deleted" }));
    await run(["delete", "file", "file_1", "--audit", "a"], { files, fetch });
    expect(jsonLines(files.texts.get("a") ?? "")).toMatchObject([
      { phase: "intent", resource: "file", objectId: "file_1" },
      { phase: "outcome", resource: "file", outcome: "deleted" },
    ]);
  });

  test("delete takes an id that the record knows for gone, and settles a lost answer", async () => {
    const sandbox = createSandbox();
    const { id } = sandbox.seed();
    const files = createMemoryFiles();
    const args = ["delete", id, "--audit", "a"];
    expect((await run(args, { files }, sandbox)).code).toBe(0);
    expect(await run(args, { files }, sandbox)).toMatchObject({
      code: 0,
      stdout: `missing ${id}\n`,
    });
    const [intent = ""] = (files.texts.get("a") ?? "").split("\n");
    const cut = createMemoryFiles({ a: `${intent}\n` });
    expect((await run(args, { files: cut }, sandbox)).stdout).toContain("(absent after retry");
  });

  test("delete takes no batch for gone that was only canceled by the record", async () => {
    const sandbox = createSandbox();
    const { id } = sandbox.seed({ processing_status: "in_progress" });
    const files = createMemoryFiles();
    expect((await run(["cancel", id, "--audit", "a"], { files }, sandbox)).code).toBe(0);
    for (const command of [["delete"], ["purge", "--yes"]]) {
      const args = [...command, id, "--audit", "a"];
      const { code, stderr } = await run(args, { files }, createSandbox());
      expect([code, stderr]).toEqual([1, expect.stringContaining(`failed ${id}: `)]);
    }
  });

  test("sends nothing where the record cannot be opened", async () => {
    for (const command of ["delete", "cancel"]) {
      const sandbox = createSandbox();
      const files = createMemoryFiles({}, (action) => action === "open" ? "EACCES" : undefined);
      const ended = await run([command, "msgbatch_1", "--audit", "a"], { files }, sandbox);
      expect(ended).toMatchObject({ code: 2, stderr: "Cannot open a: it is not permitted\n" });
      expect(sandbox.requests).toEqual([]);
    }
  });
});

describe("--dry-run", () => {
  test.each([
    [["delete"], "would delete msgbatch_1\n"],
    [["delete", "--cancel"], "would cancel and delete msgbatch_1\n"],
    [["cancel"], "would cancel msgbatch_1\n"],
  ])("%j sends nothing, and opens nothing", async (command, stdout) => {
    const sandbox = createSandbox();
    const files = createMemoryFiles();
    const args = [...command, "msgbatch_1", "--dry-run", "--audit", "a"];
    expect(await run(args, { files }, sandbox)).toEqual({
      code: 0,
      stdout,
      stderr: "Dry run: nothing was sent\n",
    });
    expect([sandbox.requests, files.texts.size]).toEqual([[], 0]);
  });

  test("tells what is held", async () => {
    const args = ["delete", "msgbatch_1", "msgbatch_2", "--dry-run", "--hold", "msgbatch_1"];
    expect(await run(args)).toMatchObject({
      stdout: "would delete msgbatch_2\n",
      stderr: "skipped msgbatch_1 (held)\nDry run: nothing was sent\n",
    });
    expect(jsonLines((await run([...args, "--json"])).stdout)).toEqual([
      { outcome: "skipped", id: "msgbatch_1", reason: "held" },
      { dryRun: true, id: "msgbatch_2" },
    ]);
  });
});

describe("ids", () => {
  test.each(["delete", "cancel", "export", "purge --yes"])(
    "%s takes them from @FILE",
    async (line) => {
      const { sandbox, old } = stage();
      const files = createMemoryFiles({ "ids.txt": `\n${old.join("\n")}\n` });
      const { code, stdout } = await run([...line.split(" "), "@ids.txt"], { files }, sandbox);
      expect([code, stdout.trim().split("\n")]).toEqual([0, Array(3).fill(expect.any(String))]);
      const missing = await run([...line.split(" "), "@none"], { files }, sandbox);
      expect(missing).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("Cannot read none"),
      });
    },
  );

  test("are waited for with a word where stdin gives none for a while", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const stdin = {
      isTerminal: false,
      async *read() {
        await vi.advanceTimersByTimeAsync(2_000);
        yield new TextEncoder().encode("");
      },
    };
    const { stderr } = await run(["purge", "-", "--yes"], { stdin });
    vi.useRealTimers();
    expect(stderr).toContain("Reading ids from stdin, one on a line; Ctrl-D ends them\n");
    expect((await run(["purge", "-", "--yes"], { stdin: stdinOf("") })).stderr).not.toContain(
      "Read",
    );
  });

  test.each(["0", "101", "x"])("--concurrency %s is refused", async (count) => {
    const { code, stderr } = await run(["delete", "msgbatch_1", "--concurrency", count]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("--concurrency")]);
  });
});

describe("going on with a plan", () => {
  test("asks for what is left, and says what is gone by the audit trail", async () => {
    const { sandbox, old } = stage();
    const files = createMemoryFiles();
    const args = ["purge", "--older-than", "14d", "--plan-out", "p"];
    await run(args, { ...byCron, files }, sandbox);
    const [held = ""] = old;
    const apply = ["purge", "--plan", "p", "--audit", "a"];
    const first = await run([...apply, "--yes", "--hold", held], { ...byCron, files }, sandbox);
    expect([first.code, sandbox.size]).toEqual([0, 3]);
    const { code, stderr } = await run(apply, { ...typing("1\n"), files }, sandbox);
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^Delete {5}1 of 5 message batches\nGone {7}2 more of the plan, by the audit trail/m,
    );
    expect(stderr).toContain("Type 1 to delete it, anything else to stop: ");
    expect(deletionsAsked(sandbox).sort()).toEqual([...old].sort());
  });

  test("names what is held, whoever made the plan", async () => {
    const { sandbox, old } = stage();
    const files = createMemoryFiles();
    const held = ["--hold", old.slice(0, 2).join()];
    const args = ["purge", "--older-than", "14d", "--plan-out", "p", ...held];
    await run(args, { ...byCron, files }, sandbox);
    const { stderr } = await run(["purge", "--plan", "p", "--dry-run"], { files }, sandbox);
    expect(stderr).toContain(`Held       2: kept\n           ${old[0]}\n           ${old[1]}\n`);
  });
});

describe("show", () => {
  test("shows one batch, as a table or as the API gives it", async () => {
    const sandbox = createSandbox();
    const { id } = sandbox.seed({ requests: 3, created_at: "2026-11-20T10:00:00Z" });
    const { code, stdout, stderr } = await run(["show", id], {}, sandbox);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(
      /^ID {8}\w+\nStatus {4}ended\nRequests {2}3 succeeded\nCreated {3}2026-11-20 10:00 UTC\n/,
    );
    expect(jsonLines((await run(["show", "--json", id], {}, sandbox)).stdout)).toEqual([
      sandbox.batch(id),
    ]);
  });

  test("says that there is no such batch, and refuses what is no id", async () => {
    const gone = await run(["show", "msgbatch_gone"]);
    expect([gone.code, gone.stdout]).toEqual([1, ""]);
    expect(gone.stderr).toMatch(/^Cannot retrieve message batch "msgbatch_gone": 404 /);
    expect((await run(["show", "file_1"])).code).toBe(2);
  });
});

describe("export", () => {
  test("saves results, and deletes nothing", async () => {
    const { sandbox, old: [id = ""], going } = stage();
    const files = createMemoryFiles();
    const { code, stdout, stderr } = await run(
      ["export", id, going, "--to", "r"],
      { files },
      sandbox,
    );
    expect([code, stdout]).toEqual([1, `exported ${id} (2 results)\n`]);
    expect(stderr).toBe(`skipped ${going} (not ended)\n2 message batches: 1 exported, 1 skipped\n`);
    expect([...files.texts.keys()]).toEqual([`r/${id}.jsonl`]);
    expect(sandbox.requests.map(({ method }) => method)).toEqual(["GET", "GET", "GET"]);
  });

  test("says of results that are gone what can still be done", async () => {
    const sandbox = createSandbox();
    const { id } = sandbox.seed({ created_at: "2026-01-01T00:00:00Z" });
    const { code, stderr } = await run(["export", id], { files: createMemoryFiles() }, sandbox);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/results are gone: .*; it can be deleted without an export\n$/),
    ]);
  });

  test("waits for the end with --wait, and tells its failures as data", async () => {
    const sandbox = createSandbox({ processingTime: 0 });
    const { id } = sandbox.seed({ processing_status: "in_progress", requests: 2 });
    const args = ["export", id, "msgbatch_gone", "--wait", "--json"];
    const { code, stdout } = await run(args, { files: createMemoryFiles() }, sandbox);
    expect(code).toBe(1);
    expect(jsonLines(stdout)).toEqual(expect.arrayContaining([
      expect.objectContaining({ outcome: "exported", id, export: expect.anything() }),
      expect.objectContaining({ outcome: "failed", id: "msgbatch_gone" }),
    ]));
  });
});

test("list --json changes nothing that it prints", async () => {
  const strange = "a\u200db\u0007c\u2028d\u{e0041}";
  const batch = { ...createSandbox().seed(), strange };
  const body = { data: [batch], has_more: false, first_id: batch.id, last_id: batch.id };
  const { stdout } = await run(["list", "--json"], {
    fetch: () => Promise.resolve(Response.json(body)),
  });
  expect(jsonLines(stdout)).toEqual([batch]);
  expect(stdout).toMatch(/^[\x20-\x7e]+\n$/);
});

test("delete takes an open intent of another key for none, unless the answer names its workspace", async () => {
  const intent = (keyFingerprint?: string) =>
    intentOf("msgbatch_1", { keyFingerprint, time: "2026-01-01T00:00:00.000Z" });
  const cases = [
    [undefined, {}, 0, "deleted"],
    ["0123456789abcdef", {}, 1, "failed"],
    ["0123456789abcdef", { "anthropic-workspace-id": "wrkspc_1" }, 0, "deleted"],
  ] as const;
  for (const [key, headers, expected, outcome] of cases) {
    const files = createMemoryFiles({ "a.jsonl": `${JSON.stringify(intent(key))}\n` });
    const { fetch } = stub([refusal(404, "not_found_error", headers)]).client;
    const clock = { now: () => Date.now(), random: () => 0, sleep: () => Promise.resolve() };
    const line = ["delete", "--json", "--audit", "a.jsonl", "msgbatch_1"];
    const { code, stdout } = await run(line, { files, fetch, clock });
    expect([code, jsonLines(stdout)]).toMatchObject([expected, [{ outcome }]]);
  }
});
