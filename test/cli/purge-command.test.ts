import { describe, expect, test } from "vitest";
import type { Host } from "../../src/cli/mod.ts";
import { createSandbox, type Sandbox } from "../../src/sandbox/mod.ts";
import { intentOf, linesOf, outcomeOf, textOf } from "../fixtures/audit-entries.ts";
import { day } from "../fixtures/batches.ts";
import { deletionsAsked } from "../fixtures/deletions-asked.ts";
import { outcomesIn } from "../fixtures/json-lines.ts";
import { daysAgoIn, presentIn, seedBatches } from "../fixtures/seed-batches.ts";
import { stub } from "../fixtures/stub.ts";
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
  stdinOf,
  typing,
} from "./in-memory.ts";
import {
  createMemoryFiles,
  fullAfter,
  fullFor,
  hangingAfter,
  hangingReading,
} from "./memory-files.ts";
import { failingOutput, interruptedReading } from "./memory-host.ts";
import { lastScreen, withoutColours } from "./screen.ts";

/** Plans what is old, into a file. */
const planOut = (sandbox: Sandbox, files: Host["files"]) =>
  run(["purge", "--older-than", "14d", "--plan-out", "plan.json"], { ...byCron, files }, sandbox);

describe("purge", () => {
  test("deletes what a filter means, and nothing else, with --yes", async () => {
    const staged = stage();
    const args = ["purge", "--older-than", "14d", "--yes"];
    const { code, stdout, stderr } = await run(args, byCron, staged.sandbox);
    expect(code).toBe(0);
    expect(stderr).toBe(
      "Deleting 3 of 5 message batches\n" +
        "  of workspace wrkspc_011CZkZaBF1tNoB5wlCeusgy, at https://api.anthropic.com\n" +
        "3 message batches: 3 deleted\n",
    );
    expectOldDeleted(staged, stdout);
  });

  test("deletes the ids of stdin, and tells of those that it cannot", async () => {
    const { sandbox, old: [id = ""], going } = stage();
    const stdin = stdinOf(`${id}\n${going}\nmsgbatch_none\n`);
    const { code, stdout, stderr } = await run(["purge", "--yes"], { stdin }, sandbox);
    expect(code).toBe(1);
    expect(stdout).toMatch(new RegExp(`^deleted ${id} \\(receipt, req_\\w+\\)\n$`));
    expect(stderr).toContain(`skipped ${going} (not ended)\n`);
    expect(stderr).toContain("failed msgbatch_none: it is not in the workspace\n");
    expect(stderr).toContain("3 message batches: 1 deleted, 1 skipped, 1 failed\n");
    expect(deletionsAsked(sandbox)).toEqual([id]);
  });

  test("takes an id that is gone as a success with --allow-missing", async () => {
    const { sandbox } = stage();
    const args = ["purge", "msgbatch_none", "--yes", "--allow-missing"];
    expect(await run(args, {}, sandbox)).toMatchObject({
      code: 0,
      stdout: "missing msgbatch_none\n",
    });
    expect(deletionsAsked(sandbox)).toEqual([]);
  });

  test.each([[["purge", "--yes"]], [["delete"]]])(
    "%j takes as a success what is gone, and what its record says is deleted or may be",
    async (command) => {
      const gone = intentOf("msgbatch_gone");
      const entries = linesOf([gone, outcomeOf(gone), intentOf("msgbatch_unknown")]);
      const files = createMemoryFiles({ "a.jsonl": textOf(entries) });
      const host = { files, clock: stub([]).clock };
      const args = [...command, "--audit", "a.jsonl", "msgbatch_gone", "msgbatch_unknown"];
      expect((await run(args, host, stage().sandbox)).code).toBe(0);
      expect((await run([...args, "msgbatch_none"], host, stage().sandbox)).code).toBe(1);
    },
  );

  test("cancels what has not ended, only with --cancel", async () => {
    const { sandbox, going } = stage();
    const args = ["purge", "--all", "--yes"];
    expect((await run(args, byCron, sandbox)).code).toBe(0);
    expect(sandbox.batch(going)?.processing_status).toBe("in_progress");
    expect((await run([...args, "--cancel"], byCron, sandbox)).code).toBe(0);
    expect(sandbox.size).toBe(0);
  });

  test("ends with 3 where a batch has not ended in time, and nothing else failed", async () => {
    const sandbox = createSandbox({ cancelingTime: day });
    const { id } = sandbox.seed({ processing_status: "in_progress" });
    const args = ["purge", "--all", "--cancel", "--cancel-timeout", "5ms", "--yes"];
    const { code, stderr } = await run(args, byCron, sandbox);
    expect([code, stderr]).toEqual([
      3,
      expect.stringContaining(`skipped ${id} (not ended after 5ms; canceled)\n`),
    ]);
    const named = ["purge", id, "msgbatch_none", ...args.slice(2)];
    const both = await run(named, {}, sandbox);
    expect(both.code).toBe(1);
  });

  test("deletes the oldest with --max, and keeps what is held", async () => {
    const { sandbox, old } = stage();
    const [, , oldest = ""] = old;
    expect((await run(["purge", "--max", "1", "--yes"], byCron, sandbox)).code).toBe(0);
    expect(sandbox.batch(oldest)).toBeUndefined();
    const files = createMemoryFiles({ "keep.txt": `\n${old[0]}\n` });
    const args = ["purge", "--older-than", "1d", "--yes", "--holds", "keep.txt", "--hold"];
    const { code, stderr } = await run([...args, old[1] ?? ""], { ...byCron, files }, sandbox);
    expect([code, stderr]).toEqual([0, expect.stringContaining("1 message batch: 1 deleted")]);
    expect(presentIn(sandbox, old)).toEqual(old.slice(0, 2));
    const named = await run(["purge", old[0] ?? "", "--hold", old[0] ?? "", "--yes"], {}, sandbox);
    expect([named.code, named.stderr]).toEqual([
      1,
      expect.stringContaining(`skipped ${old[0]} (held)`),
    ]);
  });

  test("says how many it keeps because they cannot be read, also with --yes", async () => {
    const { sandbox, old } = stage();
    sandbox.seed({ override: { request_counts: "many" } });
    const { code, stderr } = await run(["purge", "--older-than", "14d", "--yes"], byCron, sandbox);
    expect([code, deletionsAsked(sandbox).sort()]).toEqual([0, [...old].sort()]);
    expect(stderr).toMatch(/^Kept 1 message batch that cannot be read\nDeleting 3 of 6 message b/);
  });

  test("says when what is held is not there, as where it is mistyped", async () => {
    const { stderr } = await run(
      ["purge", "--all", "--dry-run", "--hold", "a,msgbatch_x"],
      byCron,
    );
    expect(stderr).toMatch(/^Held, but not in the workspace: a, msgbatch_x\n/);
  });

  test.each(['"msgbatch_1"', '["msgbatch_1"', "msgbatch_1]"])(
    "refuses the hold %s",
    async (hold) => {
      const { sandbox } = stage();
      const files = createMemoryFiles({ "keep.txt": `${hold}\n` });
      const args = ["purge", "--all", "--yes", "--holds", "keep.txt"];
      const { code, stderr } = await run(args, { ...byCron, files }, sandbox);
      expect([code, stderr]).toEqual([2, expect.stringMatching(/^Cannot (hold|use id) /)]);
      expect(sandbox.requests).toEqual([]);
    },
  );

  test("says where holds hold nothing", async () => {
    const { sandbox, old } = stage();
    const files = createMemoryFiles({ empty: "\n", some: `${old[0]}\nmsgbatch_x\nmsgbatch_y\n` });
    const dry = ["purge", "--all", "--dry-run", "--holds"];
    expect(await run([...dry, "empty"], { ...byCron, files }, sandbox)).toMatchObject({
      code: 2,
      stderr: "Cannot use --holds empty: it has no ids\nUse --holds none if nothing is held\n",
    });
    expect((await run([...dry, "none"], { ...byCron, files }, sandbox)).code).toBe(0);
    expect((await run([...dry, "some"], { ...byCron, files }, sandbox)).stderr)
      .toContain("Held, but not in the workspace: msgbatch_x, msgbatch_y\n");
  });

  test("prints the totals of nothing for an empty stdin with --json", async () => {
    const { stdout } = await run(["purge", "-", "--yes", "--json"], { stdin: stdinOf("") });
    expect(jsonLines(stdout)).toMatchObject([{ summary: { planned: 0, hasMore: false } }]);
  });

  test("prints an object for each outcome and one with the totals with --json", async () => {
    const { sandbox, old, going } = stage();
    const stdin = stdinOf([...old, going].join("\n"));
    const { code, stdout } = await run(["purge", "--yes", "--json"], { stdin }, sandbox);
    expect(code).toBe(1);
    const lines = jsonLines(stdout);
    expect(lines.slice(0, -1)).toHaveLength(4);
    expect(lines).toContainEqual({ outcome: "skipped", id: going, reason: "not_ended" });
    expect(lines.at(-1)).toEqual({
      summary: {
        planned: 4,
        deleted: 3,
        missing: 0,
        skipped: 1,
        failed: 0,
        unattempted: 0,
        hasMore: false,
      },
    });
  });

  test("has nothing to do where nothing is meant", async () => {
    const { code, stdout, stderr } = await run(["purge", "--all", "--yes"], byCron);
    expect([code, stdout, stderr]).toEqual([0, "", "Nothing to delete: 0 of 0 message batches\n"]);
    expect(await run(["purge", "-", "--yes"], byCron)).toMatchObject({ code: 0, stdout: "" });
  });

  test("stops where the API refuses the key, before anything is deleted", async () => {
    const sandbox = createSandbox({ apiKeys: ["another"] });
    const { code, stdout, stderr } = await run(["purge", "--all", "--yes"], byCron, sandbox);
    expect([code, stdout]).toEqual([4, ""]);
    expect(stderr).toMatch(/^Cannot list message batches: .* \(req_\w+\)\n$/);
  });

  test("reports what is left when the API refuses the key half-way", async () => {
    const { sandbox, old } = stage();
    old.push(...seedBatches(sandbox, 90));
    sandbox.fail({ method: "DELETE", headers: {}, times: 1 });
    sandbox.fail({ method: "DELETE", status: 401, times: 999 });
    const { code, stderr } = await run(["purge", "--all", "--yes"], byCron, sandbox);
    expect(code).toBe(4);
    expect(stderr).toContain("Stopped: the API refused the credentials. ");
    expect(sandbox.size).toBe(old.length + 1);
  });
});

describe("purge refuses before any request", () => {
  const env = (name: string) => ({ ANTHROPIC_API_KEY: key, CI: "true" })[name];
  test.each([
    [[], "Cannot purge: give ids, a filter such as --older-than 30d, --all, or --plan"],
    [["a", "--all"], "Cannot use ids with a filter: use one of them"],
    [["--plan", "p", "a"], "Cannot use --plan with ids: the plan says what is deleted"],
    [["--plan", "p", "--all"], "Cannot use --plan with a filter: the plan says what is deleted"],
    [["--plan", "p", "--cancel"], "Cannot use --plan with --cancel: the plan says what is deleted"],
    [["--plan", "p", "--plan-out", "q"], "Cannot use --plan-out with --plan"],
    [["--all", "--plan-out", "q", "--yes"], "Cannot use --plan-out with --yes"],
    [["--all"], "Cannot ask whether to delete: there is no terminal\nUse --yes"],
    [["a"], "Cannot ask whether to delete: there is no terminal\nUse --yes"],
    [["-"], "Cannot ask whether to delete: stdin has the ids\nUse --yes"],
    [["--all", "--yes", "--cancel-timeout", "0s"], "--cancel-timeout"],
    [["file_1", "--yes"], 'Cannot use id "file_1": it looks like a file'],
    [["../x", "--yes"], 'Cannot use id "../x": it is not one path segment'],
    [["--all", "--yes", "--holds", "none.txt"], "Cannot read none.txt: there is no such file"],
    [["--plan", "none.json", "--yes"], "Cannot read none.json: there is no such file"],
  ])("%j", async (args, message) => {
    const { sandbox } = stage();
    const { code, stdout, stderr } = await run(["purge", ...args], { env }, sandbox);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(message);
    expect(sandbox.requests).toEqual([]);
  });

  test("where one of stdin and stderr is no terminal", async () => {
    const { sandbox } = stage();
    for (
      const half of [{ ...typing("3\n"), terminal: { stdout: 80 } }, {
        ...typing("3\n"),
        ...byCron,
      }]
    ) {
      expect(await run(["purge", "--all"], half, sandbox)).toMatchObject({ code: 2, stdout: "" });
    }
    expect(sandbox.requests).toEqual([]);
  });

  test("without credentials, as 4", async () => {
    const { sandbox } = stage();
    const change = { ...byCron, env: environment({}) };
    expect((await run(["purge", "--all", "--yes"], change, sandbox)).code).toBe(4);
    expect(sandbox.requests).toEqual([]);
  });

  test.each(
    [
      ["audit.jsonl", "--audit", "open", "EACCES", "Cannot open audit.jsonl: it is not permitted"],
      ["audit.jsonl", "--audit", "read", "EISDIR", "Cannot read audit.jsonl: it is a directory"],
      ["saved", "--export", "open", "ENOTDIR", "Cannot open saved: a part of its path is not a"],
    ] as const,
  )("where %s cannot be used for %s (%s: %s)", async (path, flag, action, code, message) => {
    const { sandbox } = stage();
    const files = createMemoryFiles(
      {},
      (done, at) => done === action && at === path ? code : undefined,
    );
    const args = ["purge", "--all", "--yes", flag, path];
    const ended = await run(args, { ...byCron, files }, sandbox);
    expect([ended.code, ended.stdout]).toEqual([2, ""]);
    expect(ended.stderr).toContain(message);
    expect(sandbox.requests).toEqual([]);
    expect(files.open.size).toBe(0);
  });

  test("where the audit trail is another file", async () => {
    const { sandbox } = stage();
    for (const text of ["a\nb\n", '{"name":"x"}', "\u0000\n\n1\n"]) {
      const files = createMemoryFiles({ file: text });
      const args = ["purge", "--all", "--yes", "--audit", "file"];
      expect(await run(args, { ...byCron, files }, sandbox)).toMatchObject({
        code: 2,
        stderr: "Cannot use file: it is no audit trail\n",
      });
      expect(files.texts.get("file")).toBe(text);
    }
    expect(sandbox.requests).toEqual([]);
  });
});

describe("purge at a terminal", () => {
  test("shows where, how many, when and why, and deletes when the number is typed", async () => {
    const { sandbox, old } = stage();
    const { code, stderr } = await run(
      ["purge", "--older-than", "14d", "--export", "saved"],
      typing("3\n"),
      sandbox,
    );
    expect(code).toBe(0);
    const plain = `${lastScreen(stderr).join("\n")}\n`;
    expect(plain).toMatch(/^API {8}https:\/\/api\.anthropic\.com\n/m);
    expect(plain).toMatch(/^Workspace {2}wrkspc_011CZkZaBF1tNoB5wlCeusgy\n/m);
    expect(plain).toMatch(/^Delete {5}3 of 5 message batches\n/m);
    expect(plain).toMatch(/^Created {4}[\d-]+ [\d:]+ UTC to [\d-]+ [\d:]+ UTC\n/m);
    expect(plain).toMatch(/^Because {4}It was created at least 14 days ago\n/m);
    expect(plain).toMatch(/^Results {4}saved to saved first\n/m);
    for (const id of old) {
      expect(plain).toMatch(new RegExp(`^  ${id}  [\\d-]{10}$`, "m"));
    }
    expect(withoutColours(stderr)).toContain(
      "\n\nThis cannot be undone.\nType 3 to delete them, anything else to stop: ",
    );
    expect(deletionsAsked(sandbox).sort()).toEqual([...old].sort());
  });

  test.each(["", "\n", "y\n", "yes\n", "30\n", "2\n", "3 4\n", " 3 x\n", "\n3\n", "03\n"])(
    "deletes nothing for the answer %j",
    async (answer) => {
      const { sandbox } = stage();
      const { code, stdout, stderr } = await run(
        ["purge", "--older-than", "14d"],
        typing(answer),
        sandbox,
      );
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr.endsWith("Stopped: nothing was deleted\n")).toBe(true);
      expect(sandbox.size).toBe(5);
    },
  );

  test("deletes what was shown, and not what came while it was read", async () => {
    const { sandbox, old } = stage();
    let late = "";
    const read = () => {
      late = sandbox.seed({ created_at: daysAgoIn(sandbox, 50) }).id;
      return new Blob(["3\n"]).stream();
    };
    const host = { ...typing(""), stdin: { isTerminal: true, read } };
    expect((await run(["purge", "--older-than", "14d"], host, sandbox)).code).toBe(0);
    expect(deletionsAsked(sandbox).sort()).toEqual([...old].sort());
    expect(sandbox.batch(late)).toBeDefined();
  });

  test("shows five of the newest and of the oldest where there are many", async () => {
    const sandbox = createSandbox();
    const ids = Array.from(
      { length: 23 },
      (_, index) => sandbox.seed({ created_at: daysAgoIn(sandbox, index + 1) }).id,
    );
    const { stderr } = await run(["purge", "--all"], typing("\n"), sandbox);
    const shown = [...stderr.matchAll(/^ {2}(msgbatch_\w+|… .*)/gm)].map(([, first]) => first);
    expect(shown).toEqual([...ids.slice(0, 5), "… 13 more …", ...ids.slice(-5)]);
  });

  test("ends at once when the question is interrupted", async () => {
    const { sandbox } = stage();
    const { read, signal } = interruptedReading();
    const host = { ...typing(""), stdin: { isTerminal: true, read }, signal };
    const { code, stderr } = await run(["purge", "--all"], host, sandbox);
    expect(code).toBe(130);
    expect(withoutColours(stderr)).toMatch(
      /to stop: \nInterrupted: nothing was deleted or canceled\n$/,
    );
    expect(sandbox.size).toBe(5);
  });

  test("asks nothing where there is nothing to delete", async () => {
    const { sandbox } = stage();
    const { code, stderr } = await run(["purge", "--older-than", "90d"], typing(""), sandbox);
    expect(code).toBe(0);
    expect(stderr).toContain("Nothing to delete: 0 of 5 message batches\n");
  });

  test("takes the line with the progress away, and shows no colour with NO_COLOR", async () => {
    const { sandbox } = stage();
    const screen: string[] = [];
    const env = environment({ ANTHROPIC_API_KEY: key, NO_COLOR: "1" });
    await run(["purge", "--all", "--yes"], { ...typing(""), env, screen }, sandbox);
    const text = screen.join("");
    expect(text).toContain("\r\u001b[2K[>                             ] 0/4");
    expect(text.replaceAll("\r\u001b[2K", "")).not.toContain("\u001b");
    expect(lastScreen(text).filter((line) => line.includes("/4"))).toEqual([]);
  });

  test("shows no progress where stderr is no terminal, or one that knows no cursor", async () => {
    const dumb = environment({ ANTHROPIC_API_KEY: key, TERM: "dumb" });
    for (const change of [{ ...typing(""), env: dumb }, { terminal: { stdout: 80 } }]) {
      const { stderr } = await run(["purge", "--all", "--yes", ...[]], change, stage().sandbox);
      expect(stderr).not.toContain("\r");
      expect(stderr).not.toContain("\u001b");
      expect(stderr).toContain("4 message batches: 4 deleted\n");
    }
  });
});

describe("purge --dry-run says of what is kept", () => {
  const cancels = "(--cancel cancels these first)";
  const rowsOf = (stderr: string) =>
    /^Kept {7}(.*(?:\n {11}.*)*)/m.exec(stderr)?.[1]?.split(/\n */);
  test.each([
    ["--all", [`1 not ended ${cancels}`]],
    ["--all --cancel", undefined],
    ["--status in_progress", [
      `1 not ended ${cancels}`,
      "4 that the filter does not match",
    ]],
    ["--status ended", ["1 that the filter does not match"]],
    ["--older-than 14d", ["1 not ended", "1 that the filter does not match"]],
    ["--older-than 14d --cancel", ["1 not ended", "1 that the filter does not match"]],
    ["--max 1", [`1 not ended ${cancels}`]],
    ["--max 9 --cancel", undefined],
  ])("%s", async (flags, rows) => {
    const { sandbox } = stage();
    const { code, stderr } = await run(
      ["purge", "--dry-run", ...flags.split(" ")],
      byCron,
      sandbox,
    );
    expect([code, rowsOf(stderr)]).toEqual([0, rows]);
  });

  test("--max, how many are left to the next run", async () => {
    const { sandbox } = stage();
    const args = ["purge", "--status", "ended", "--max", "1"];
    expect((await run([...args, "--dry-run"], byCron, sandbox)).stderr).toMatch(
      /^Left .* 3 more /m,
    );
    const { code, stdout, stderr } = await run([...args, "--yes", "--json"], byCron, sandbox);
    expect(code).toBe(0);
    expect(jsonLines(stdout).at(-1)).toMatchObject({ summary: { planned: 1, hasMore: true } });
    expect(stderr).toContain("3 more are left, beyond --max: run the same command again\n");
  });

  test("--max of a plan, that the others need another plan", async () => {
    const { sandbox } = stage();
    const files = createMemoryFiles();
    const args = ["purge", "--status", "ended", "--max", "1", "--plan-out", "p"];
    await run(args, { ...byCron, files }, sandbox);
    const dry = await run(["purge", "--plan", "p", "--dry-run"], { files }, sandbox);
    expect(dry.stderr).toMatch(/^Left {7}3 more beyond --max: make another plan$/m);
    const { stderr } = await run(["purge", "--plan", "p", "--yes"], { files }, sandbox);
    expect(stderr).toContain("3 more are left, beyond --max: make another plan\n");
  });

  test("why nothing is deleted, to a person", async () => {
    const { sandbox, old } = stage();
    const args = ["purge", "--older-than", "14d", "--hold", old.join()];
    const { code, stderr } = await run(args, typing(""), sandbox);
    expect([code, sandbox.size]).toEqual([0, 5]);
    expect(stderr).toMatch(/^Held {7}3: kept$[^]*^Nothing to delete: 0 of 5 message batches$/m);
  });

  test("--export, what has no results any more, which is no failure and no part of --max", async () => {
    const sandbox = createSandbox();
    const longAgo = { created_at: "2026-01-01T00:00:00Z", ended_at: "2026-01-01T00:01:00Z" };
    const archived = sandbox.seed(longAgo).id;
    const young = sandbox.seed().id;
    const args = ["purge", "--status", "ended", "--max", "1", "--export", "saved", "--yes"];
    const kept = await run(args, byCron, sandbox);
    expect([kept.code, kept.stdout]).toEqual([0, expect.stringContaining(`deleted ${young}`)]);
    expect(sandbox.batch(archived)).toBeDefined();
    const dry = await run([...args.slice(0, -1), "--dry-run"], byCron, sandbox);
    expect(dry.stderr).toMatch(/^Delete +0 of 1 /m);
    expect(dry.stderr).toMatch(/^Archived +1: kept, .*\n +--archived delete /m);
    expect((await run([...args, "--archived", "delete"], byCron, sandbox)).code).toBe(0);
    expect(sandbox.size).toBe(0);
  });

  test("ids, how to take those too that have not ended", async () => {
    const { sandbox, old: [id = ""], going } = stage();
    const { stderr } = await run(["purge", "--dry-run", id, going], {}, sandbox);
    expect(stderr).toMatch(
      /^Not ended {2}1 of the ids given: kept \(--cancel cancels these first\)$/m,
    );
    expect(rowsOf(stderr)).toBeUndefined();
  });

  test("a plan, and no word of what cannot be given with it", async () => {
    const { sandbox } = stage();
    const files = createMemoryFiles();
    await run(["purge", "--all", "--plan-out", "plan.json"], { ...byCron, files }, sandbox);
    const args = ["purge", "--plan", "plan.json", "--dry-run"];
    const { stderr } = await run(args, { ...byCron, files }, sandbox);
    expect(rowsOf(stderr)).toEqual(["1 not ended"]);
  });

  test("several, in their number, beside what is held", async () => {
    const { sandbox, young } = stage();
    sandbox.seed({ processing_status: "in_progress" });
    const args = ["purge", "--all", "--dry-run", "--hold", young];
    const { stderr } = await run(args, byCron, sandbox);
    expect(rowsOf(stderr)).toEqual(["2 not ended (--cancel cancels these first)"]);
    expect(stderr).toMatch(/^Held {7}1: kept$/m);
  });
});

describe("purge --dry-run", () => {
  test("wins over everything: it lists, and sends nothing else", async () => {
    const { sandbox, old, going } = stage();
    const args = ["purge", "--dry-run", "--yes", "--cancel", "--export", "saved", "--audit", "a"];
    const files = createMemoryFiles();
    const stdin = stdinOf([old[0], going, "msgbatch_none"].join("\n"));
    const { code, stdout, stderr } = await run(args, { stdin, files }, sandbox);
    expect(code).toBe(1); // an id is not there
    expect(stdout.split("\n").sort().slice(1)).toEqual([
      expect.stringMatching(`^would cancel and delete ${going}  [\\d-]+$`),
      expect.stringMatching(`^would delete ${old[0]}  [\\d-]+$`),
    ]);
    expect(stderr).toContain("failed msgbatch_none: it is not in the workspace\n");
    expect(stderr).toMatch(/Not found {2}1 of the ids given\n/);
    expect(stderr).toMatch(/Dry run: nothing was deleted\n$/);
    expect(sandbox.requests.map(({ method }) => method)).toEqual(["GET"]);
    expect(files.texts.size).toBe(0);
  });

  test("prints JSON lines, and totals at the end", async () => {
    const { sandbox, old } = stage();
    const args = ["purge", "--dry-run", "--json", "--older-than", "14d"];
    const lines = jsonLines((await run(args, byCron, sandbox)).stdout);
    const reason = "It was created at least 14 days ago";
    expect(lines.slice(0, -1)).toMatchObject(
      old.map((id) => ({ id, action: "delete", status: "ended", code: "matches", reason })),
    );
    expect(lines.at(-1)).toEqual({
      summary: {
        dryRun: true,
        listed: 5,
        planned: 3,
        hasMore: false,
        baseUrl: "https://api.anthropic.com",
        workspaceId: "wrkspc_011CZkZaBF1tNoB5wlCeusgy",
      },
    });
    const some = await run([...args, "--max", "2"], byCron, sandbox);
    expect(jsonLines(some.stdout).at(-1)).toMatchObject({ summary: { planned: 2, hasMore: true } });
  });
});

describe("purge --plan-out and --plan", () => {
  const planned = async (sandbox: Sandbox, files = createMemoryFiles()) => ({
    files,
    ended: await planOut(sandbox, files),
  });
  const apply = ["purge", "--plan", "plan.json", "--yes"];

  test("say how to apply the plan, as this command was started", async () => {
    const { sandbox } = stage();
    const commandLine = ({ host }: URL) => ["npx", "batchsweep", `--host=${host}`];
    const files = createMemoryFiles();
    const args = ["purge", "--older-than", "30d", "--plan-out", "plan.json"];
    const { stderr } = await run(args, { ...byCron, files, commandLine }, sandbox);
    expect(stderr).toContain(
      "\n  npx batchsweep --host=api.anthropic.com purge --plan plan.json\n",
    );
  });

  test("write a plan that is applied later, whatever has come since", async () => {
    const { sandbox, old } = stage();
    const { files, ended } = await planned(sandbox);
    expect([ended.code, ended.stdout]).toEqual([0, ""]);
    expect(ended.stderr).toContain(
      "The plan is in plan.json:\n  batchsweep purge --plan plan.json\n",
    );
    expect(sandbox.size).toBe(5);
    expect(files.texts.get("plan.json")?.split("\n").filter((line) => line.includes('"id"')))
      .toHaveLength(5);
    sandbox.seed({ created_at: daysAgoIn(sandbox, 99) });
    sandbox.clearRequests();
    expect((await run(apply, { ...byCron, files }, sandbox)).code).toBe(0);
    expect(sandbox.requests.filter(({ method }) => method === "GET")).toMatchObject([
      { path: "/v1/messages/batches" },
    ]);
    expect(deletionsAsked(sandbox).sort()).toEqual([...old].sort());
  });

  test("keep what is held, when it is planned and when it is applied", async () => {
    const { sandbox, old } = stage();
    const { files } = await planned(sandbox);
    const held = [...apply, "--hold", old[0] ?? ""];
    expect((await run(held, { ...byCron, files }, sandbox)).code).toBe(0);
    expect(sandbox.batch(old[0] ?? "")).toBeDefined();
    expect(sandbox.size).toBe(3);
  });

  test("never replace a file", async () => {
    const { sandbox } = stage();
    const { files, ended } = await planned(sandbox, createMemoryFiles({ "plan.json": "mine" }));
    expect([ended.code, ended.stdout]).toEqual([2, ""]);
    expect(ended.stderr).toBe("Cannot write plan.json: it exists already\n");
    expect(files.texts.get("plan.json")).toBe("mine");
  });

  test("refuse what is no plan, or one for another API, before any request", async () => {
    const { sandbox } = stage();
    const { files } = await planned(sandbox);
    const plan = files.texts.get("plan.json") ?? "";
    sandbox.clearRequests();
    for (
      const [text, why] of [
        ["", "it is not JSON"],
        [plan.slice(0, -9), "it is not JSON"],
        ["{}", "plan.version is missing"],
        [plan.replaceAll('"ended"', '"in_progress"'), "it deletes a batch that has not ended"],
        [plan.replace("https://api.anthropic.com", "https://a.example"), "another base URL"],
      ]
    ) {
      const given = createMemoryFiles({ "plan.json": text ?? "" });
      const { code, stderr } = await run(apply, { ...byCron, files: given }, sandbox);
      expect(code).toBe(2);
      expect(stderr).toMatch(/^Cannot use plan\.json: /);
      expect(stderr).toContain(why);
    }
    const env = environment({ ANTHROPIC_API_KEY: key, ANTHROPIC_WORKSPACE_ID: "wrkspc_other" });
    const { code, stderr } = await run(apply, { ...byCron, files, env }, sandbox);
    expect([code, stderr]).toEqual([2, expect.stringContaining("another workspace")]);
    expect(sandbox.requests).toEqual([]);
  });

  test("are said to be changed if they are, also with --yes", async () => {
    const changes: [said: boolean, (text: string) => string][] = [
      [false, (text) => text],
      [false, (text) => JSON.stringify(JSON.parse(text))],
      [true, (text) => text.replace(/,\s*\{"id[^}]+\}(?=\s*\])/, "")],
      [true, (text) => text.replace(/"createdAt": "20\d\d/, '"createdAt": "2037')],
      [true, (text) => text.replace(/"fingerprint": "\w+"/, '"fingerprint": "0123456789abcdef"')],
      [true, (text) => text.replace(/,\s*"fingerprint": "\w+"/, "")],
    ];
    for (const [said, change] of changes) {
      for (const mode of ["--yes", "--dry-run"]) {
        const { sandbox } = stage();
        const { files } = await planned(sandbox);
        const text = files.texts.get("plan.json") ?? "";
        files.texts.set("plan.json", change(text));
        expect(change(text) !== text || !said).toBe(true);
        const line = ["purge", "--plan", "plan.json", mode];
        const { code, stderr } = await run(line, { ...byCron, files }, sandbox);
        expect(code, stderr).toBe(0);
        expect(stderr.includes("The plan was changed since it was made\n")).toBe(said);
      }
    }
  });

  test("refuse a plan that names another workspace than the one that answers", async () => {
    const { sandbox } = stage();
    const { files } = await planned(sandbox);
    const text = files.texts.get("plan.json") ?? "";
    const other = text.replace(/wrkspc_\w+/, "wrkspc_zzz");
    const given = createMemoryFiles({ "plan.json": other });
    const { code, stdout, stderr } = await run(apply, { ...byCron, files: given }, sandbox);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("it was made for workspace wrkspc_zzz, and the answers come from");
    expect(deletionsAsked(sandbox)).toEqual([]);
  });

  test("only show a plan with --dry-run, and send nothing", async () => {
    const { sandbox, old } = stage();
    const { files } = await planned(sandbox);
    sandbox.clearRequests();
    const { code, stdout } = await run([...apply, "--dry-run"], { ...byCron, files }, sandbox);
    expect(code).toBe(0);
    expect(stdout.match(/^would delete \S+/gm)).toEqual(old.map((id) => `would delete ${id}`));
    expect(sandbox.requests).toEqual([]);
  });
});

describe("purge --audit", () => {
  const args = ["purge", "--plan", "plan.json", "--audit", "a.jsonl", "--yes"];
  const planned = async (files: Host["files"], sandbox: Sandbox) => {
    expect((await planOut(sandbox, files)).code).toBe(0);
    sandbox.clearRequests();
  };

  test("records each deletion, and takes what is recorded as done", async () => {
    const { sandbox, old } = stage();
    const files = createMemoryFiles();
    await planned(files, sandbox);
    expect((await run(args, { ...byCron, files }, sandbox)).code).toBe(0);
    const trail = files.texts.get("a.jsonl") ?? "";
    expect(jsonLines(trail)).toHaveLength(6);
    expect(files.open.size).toBe(0);
    const again = await run([...args, "--json"], { ...byCron, files }, sandbox);
    expect(again.code).toBe(0);
    expect(jsonLines(again.stdout).slice(0, -1)).toMatchObject(
      old.map(() => ({ outcome: "deleted", evidence: "receipt", recorded: true })),
    );
    expect(again.stderr).toContain(
      "Nothing to delete: 0 of 5 message batches; 3 more are gone by the audit trail\n",
    );
    const text = await run(args, { ...byCron, files }, sandbox);
    expect(text.stdout.match(/^deleted \w+ \(receipt, \w+, by the audit trail\)$/gm)).toHaveLength(
      3,
    );
    expect(deletionsAsked(sandbox)).toHaveLength(3);
    expect(files.texts.get("a.jsonl")).toBe(trail);
  });

  test("settles a deletion whose answer was lost", async () => {
    const { sandbox, old: [id = ""] } = stage();
    const files = createMemoryFiles();
    await planned(files, sandbox);
    await run(args, { ...byCron, files }, sandbox);
    const lines = (files.texts.get("a.jsonl") ?? "").split("\n");
    const outcome = lines.findIndex((line) => line.includes(id) && line.includes('"outcome"'));
    // As a process leaves it that dies while it writes an outcome.
    files.texts.set("a.jsonl", [...lines.filter((_, at) => at !== outcome), '{"vers'].join("\n"));
    const { code, stdout, stderr } = await run(args, { ...byCron, files }, sandbox);
    expect(code).toBe(0);
    expect(stdout).toContain(`deleted ${id} (absent after retry`);
    expect(stderr).toContain("a.jsonl: 1 line is no entry, and passed over\n");
  });

  test("lets the same ids be given again", async () => {
    const { sandbox, old } = stage();
    const files = createMemoryFiles();
    const again = ["purge", ...old, "--audit", "a.jsonl", "--yes"];
    expect((await run(again, { files }, sandbox)).code).toBe(0);
    const { code, stdout } = await run(again, { files }, sandbox);
    expect([code, stdout]).toEqual([0, old.map((id) => `missing ${id}\n`).join("")]);
    expect((await run([...again, "msgbatch_typo"], { files }, sandbox)).code).toBe(1);
  });

  test("stops with a true report when the disk is full half-way", async () => {
    const { sandbox, old } = stage();
    old.push(...seedBatches(sandbox, 90, { created_at: daysAgoIn(sandbox, 30) }));
    const files = createMemoryFiles({}, fullAfter(2));
    await planned(files, sandbox);
    const change = { ...byCron, files };
    const { code, stdout, stderr } = await run([...args, "--json"], change, sandbox);
    expect(code).toBe(1);
    expect(deletionsAsked(sandbox)).toHaveLength(1);
    const lines = jsonLines(stdout);
    expect(outcomesIn(stdout).filter(({ outcome }) => outcome === "deleted"))
      .toHaveLength(old.length - presentIn(sandbox, old).length);
    expect(lines.at(-1)).toMatchObject({ summary: { planned: 93, deleted: 1, hasMore: true } });
    expect(stdout).toContain(
      "the audit trail failed: Cannot write a.jsonl: the disk is full; nothing was deleted",
    );
    expect(stderr).toContain("Stopped: the audit trail or the credentials cannot be used");
    expect(stderr).toContain("Cannot write a.jsonl: the disk is full\n");
  });

  test("says when an outcome could not be recorded, and is no success then", async () => {
    const { sandbox } = stage();
    let appended = 0;
    const files = createMemoryFiles(
      {},
      (action) => action === "append" && ++appended === 6 ? "ENOSPC" : undefined,
    );
    await planned(files, sandbox);
    const { code, stdout, stderr } = await run(args, { ...byCron, files }, sandbox);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^deleted .*, but not recorded: Cannot write a\.jsonl: the disk is full$/m,
    );
    expect(stderr).toContain("3 message batches: 3 deleted, 1 not recorded\n");
  });
});

describe("purge --export", () => {
  const args = ["purge", "--older-than", "14d", "--export", "saved", "--yes"];

  test("saves the results before it deletes", async () => {
    const { sandbox, old } = stage();
    const files = createMemoryFiles();
    const { code, stdout } = await run(args, { ...byCron, files }, sandbox);
    expect(code).toBe(0);
    expect([...files.texts.keys()].sort()).toEqual(old.map((id) => `saved/${id}.jsonl`).sort());
    expect(jsonLines(files.texts.get(`saved/${old[0]}.jsonl`) ?? "")).toHaveLength(2);
    expect(stdout.match(/ \(receipt, req_\w+, 2 results saved\)$/gm)).toHaveLength(3);
  });

  test("deletes nothing that could not be saved", async () => {
    const { sandbox, old: [id = "", ...others] } = stage();
    const files = createMemoryFiles({}, fullFor(id));
    const { code, stdout, stderr } = await run(args, { ...byCron, files }, sandbox);
    expect(code).toBe(1);
    expect(stderr).toContain(`skipped ${id} (export failed): `);
    expect(stdout.match(/^deleted /gm)).toHaveLength(others.length);
    expect(sandbox.batch(id)).toBeDefined();
  });
});

describe("purge ends early", () => {
  test("with a true report when it is interrupted", async () => {
    const { sandbox } = stage();
    const change = { ...byCron, ...interruptedDeleting(sandbox) };
    const { code, stdout, stderr } = await run(["purge", "--all", "--yes", "--json"], change);
    expect(code).toBe(130);
    expect(jsonLines(stdout).at(-1)).toMatchObject({
      summary: { planned: 4, deleted: 1, unattempted: 3, hasMore: true },
    });
    expect(stderr).toContain(
      "Interrupted: requests in flight are finished, and nothing new begins\n",
    );
    expect(stderr).toContain("Stopped: interrupted. 3 are left\n");
    expect(sandbox.size).toBe(4);
  });

  test("with its totals and its head when the record takes too long", async () => {
    const { sandbox } = stage();
    const files = hangingAfter(2, "a", createMemoryFiles());
    const args = [
      "purge",
      "--all",
      "--yes",
      "--json",
      "--audit",
      "a",
      "--request-timeout",
      "300ms",
    ];
    const { code, stdout, stderr } = await run(args, { ...byCron, files }, sandbox);
    expect([code, sandbox.size]).toEqual([1, 4]);
    expect(jsonLines(stdout).at(-1)).toMatchObject({ summary: { planned: 4, deleted: 1 } });
    expect(stderr).toMatch(/^Cannot write the audit trail: no answer within 300 ms\n/m);
    expect(stderr).toMatch(
      /\n4 message batches: 1 deleted, .*\nRecorded in a\n {2}Head \S+\nCannot close a: it takes longer than 300ms\n$/,
    );
  });

  test("with 1 when its record cannot be read in time", async () => {
    const { sandbox } = stage();
    const files = hangingReading("a", createMemoryFiles());
    const args = ["purge", "--all", "--yes", "--audit", "a", "--request-timeout", "300ms"];
    const { code, stderr } = await run(args, { ...byCron, files }, sandbox);
    expect([code, sandbox.size]).toEqual([1, 1]);
    expect(stderr).toMatch(
      /\n4 message batches: 4 deleted\nCannot read a: it takes longer than 300ms\nEntries of this run that it had: 8\nFind the file that has them\n$/,
    );
  });

  test("with 1 when its record was moved while it was written", async () => {
    const { sandbox } = stage();
    const files = createMemoryFiles();
    const moved = {
      ...files,
      async appendTo(path: string) {
        const file = await files.appendTo(path);
        return {
          ...file,
          async append(text: string) {
            await file.append(text);
            files.texts.set(path, "");
          },
        };
      },
    };
    const args = ["purge", "--all", "--yes", "--audit", "a"];
    const { code, stderr } = await run(args, { ...byCron, files: moved }, sandbox);
    expect([code, sandbox.size]).toEqual([1, 1]);
    expect(stderr).toContain("8 of the 8 entries of this run are not in a: it was moved");
  });

  test("with the failure of its audit trail when the reader is gone", async () => {
    const { sandbox } = stage();
    const files = createMemoryFiles({}, fullAfter(1));
    const change = { ...byCron, files, stdout: failingOutput("EPIPE") };
    const args = ["purge", "--all", "--yes", "--audit", "a"];
    const { code, stderr } = await run(args, change, sandbox);
    expect(code).toBe(141);
    expect(stderr).toMatch(/\n4 message batches: 1 deleted, 3 unattempted, 1 not recorded\n/);
    expect(stderr).toMatch(/\nRecorded in a\n {2}Head \S+\n$/);
  });

  test("with its head when stdout fails", async () => {
    const { sandbox } = stage();
    const files = createMemoryFiles();
    const change = { ...byCron, files, stdout: failingOutput("ENOSPC") };
    const { code, stderr } = await run(
      ["purge", "--all", "--yes", "--audit", "a"],
      change,
      sandbox,
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /\nRecorded in a\n {2}Head \S+\nCannot write to stdout: the disk is full\n$/,
    );
  });

  test("when it is interrupted while the record is read", async () => {
    const { sandbox } = stage();
    const interruption = new AbortController();
    let answered = false;
    const { read, ...files } = createMemoryFiles();
    await planOut(sandbox, { ...files, read });
    const change: HostChange = {
      ...byCron,
      signal: interruption.signal,
      fetch: async (url, init) => {
        answered = true;
        return await sandbox.fetch(url, init);
      },
      files: {
        ...files,
        read(path) {
          if (path === "a") interruption.abort();
          return read(path);
        },
      },
    };
    const args = ["purge", "--plan", "plan.json", "--yes", "--audit", "a"];
    expect(await run(args, change)).toEqual({
      code: 130,
      stdout: "",
      stderr: "Interrupted: nothing was deleted or canceled\n",
    });
    expect([answered, sandbox.size]).toEqual([false, 5]);
  });

  test("when it is interrupted while it lists", async () => {
    const interruption = new AbortController();
    const fetch: Host["fetch"] = (_url, { signal }) => {
      interruption.abort();
      return Promise.reject(signal?.reason);
    };
    const change = { ...byCron, fetch, signal: interruption.signal };
    expect(await run(["purge", "--all", "--yes"], change)).toEqual({
      code: 130,
      stdout: "",
      stderr: "Interrupted: nothing was deleted or canceled\n",
    });
  });

  test.each(["EPIPE", "ENOSPC"])(
    "when stdout fails with %s, and tells what was done",
    async (code) => {
      const { sandbox } = stage();
      const change = { ...byCron, stdout: failingOutput(code) };
      const ended = await run(["purge", "--all", "--yes"], change, sandbox);
      const deleted = 5 - sandbox.size;
      expect(deleted).toBeLessThan(4);
      if (code === "EPIPE") {
        expect(ended.code).toBe(141);
        expect(ended.stderr).toMatch(
          new RegExp(`^Deleting .+\n.+\n4 message batches: ${deleted} deleted, .+ unattempted\n$`),
        );
      } else {
        expect(ended.code).toBe(1);
        expect(ended.stderr.match(/^deleted /gm)).toHaveLength(deleted);
        expect(ended.stderr).toContain("Cannot write to stdout: the disk is full\n");
      }
    },
  );
});
