import { describe, expect, test } from "vitest";
import { openTrail } from "../../src/cli/trail.ts";
import type { CommandClient } from "../../src/cli/client.ts";
import {
  askToDelete,
  type Context,
  createOutput,
  createProgress,
  describeProgress,
} from "../../src/cli/output.ts";
import { exitCode } from "../../src/cli/errors.ts";
import type { Host } from "../../src/cli/mod.ts";
import { readPlan, writePlan } from "../../src/cli/input.ts";
import {
  applyPlan,
  type ApplyPlanSettings,
  modeOf,
  namedOutcomes,
  sourceOf,
} from "../../src/cli/purge.ts";
import { type Outcome, reportRun } from "../../src/cli/report.ts";
import type { DeletionOutcome } from "../../src/purge/outcome.ts";
import { planPurge } from "../../src/purge/mod.ts";
import type { PurgeItem, PurgePlan } from "../../src/purge/plan.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { createMemoryFiles, fullAfter, fullFor, hangingAfter } from "../cli/memory-files.ts";
import {
  createMemoryHost,
  environment,
  failingOutput,
  interruptedReading,
} from "../cli/memory-host.ts";
import { lastScreen } from "../cli/screen.ts";
import { jsonLines, outcomesIn } from "../fixtures/json-lines.ts";
import { seedBatches } from "../fixtures/seed-batches.ts";
import { timersOf } from "../fixtures/timers.ts";

/** A host and its outputs, which are kept. */
function createHost(change: Partial<Host> = {}) {
  const { host, written } = createMemoryHost(change);
  return { host, output: createOutput(host), written };
}

/** A sandbox with batches, a client of it, and the plan that deletes them all. */
async function planned(count: number, unended = 0) {
  const sandbox = createSandbox({ cancelingTime: 86_400_000 });
  const ids = seedBatches(sandbox, count, { requests: 2 });
  seedBatches(sandbox, unended, { processing_status: "in_progress" });
  const client = { apiKey: "k", baseUrl: "https://api.anthropic.com", fetch: sandbox.fetch };
  const plan = await planPurge(client, { filter: "*", cancelInProgress: true });
  sandbox.clearRequests();
  return { sandbox, ids, plan, client };
}

describe("applyPlan()", () => {
  const nothing = { known: [], holds: new Set<string>() };
  type Given = Omit<ApplyPlanSettings, "plan">;
  const apply = (client: CommandClient, plan: PurgePlan, given: Given, context: Context) =>
    applyPlan(client, { plan, ...given }, context);

  test("writes each outcome and the totals, as text or as JSON", async () => {
    for (const json of [false, true]) {
      const { sandbox, ids, plan, client } = await planned(3);
      const { written, ...context } = createHost();
      const known: DeletionOutcome[] = [{ outcome: "skipped", id: "a", reason: "held" }];
      const code = await apply(client, plan, { ...nothing, known, json }, context);
      expect([code, sandbox.size]).toEqual([exitCode.failed, 0]);
      expect(written.stderr).toContain("4 message batches: 3 deleted, 1 skipped\n");
      const gone = json ? /"outcome":"deleted"/g : /^deleted msgbatch_\w+ \(receipt, req_\w+\)$/gm;
      expect(written.stdout.match(gone)).toHaveLength(ids.length);
      if (json) {
        expect(jsonLines(written.stdout).at(-1)).toMatchObject({ summary: { planned: 4 } });
      }
    }
  });

  test("ends with 3 where a batch has not ended in time, and nothing else failed", async () => {
    const { plan, client } = await planned(1, 1);
    const { output, host } = createHost();
    const options = { ...nothing, cancelTimeout: 5 };
    expect(await apply(client, plan, options, { host, output })).toBe(exitCode.waitTimedOut);
  });

  test("saves results before it deletes, and deletes nothing that it cannot save", async () => {
    const { sandbox, ids: [id = ""], plan, client } = await planned(3);
    const files = createMemoryFiles({}, fullFor(id));
    const { written, ...context } = createHost();
    const exportTo = await files.resultsIn("saved");
    expect(await apply(client, plan, { ...nothing, exportTo }, context)).toBe(exitCode.failed);
    expect(written.stdout.match(/^deleted .*, 2 results saved\)$/gm)).toHaveLength(2);
    expect(written.stderr).toContain(`skipped ${id} (export failed): `);
    expect([sandbox.size, files.texts.size]).toEqual([1, 2]);
  });

  test("stops with a true report when the audit trail cannot be written", async () => {
    const { sandbox, plan, client } = await planned(60);
    const files = createMemoryFiles({}, fullAfter(2));
    const { written, host, output } = createHost({ files });
    const audit = await openTrail("a", [], { host, output });
    const code = await apply(client, plan, { ...nothing, trail: audit, json: true }, {
      host,
      output,
    });
    expect([code, sandbox.size]).toEqual([exitCode.failed, 59]);
    const deleted = outcomesIn(written.stdout).filter(({ outcome }) => outcome === "deleted");
    expect(deleted).toHaveLength(1);
    expect(jsonLines(written.stdout).at(-1)).toMatchObject({
      summary: { planned: 60, deleted: 1, hasMore: true },
    });
    expect(written.stderr).toContain("Cannot write a: the disk is full\n");
  });

  test("stops with a true report when the audit trail takes too long", async () => {
    const { sandbox, plan, client } = await planned(60);
    const files = hangingAfter(2, "a", createMemoryFiles());
    using _lastWait = timersOf(1_000, () => 10);
    const { written, host, output } = createHost({ files });
    const audit = await openTrail("a", [], { host, output });
    const quick = { ...client, timeout: 300 };
    const code = await apply(quick, plan, { ...nothing, trail: audit, json: true }, {
      host,
      output,
    });
    expect(code).toBe(exitCode.failed);
    expect(jsonLines(written.stdout)).toHaveLength(61);
    expect(jsonLines(written.stdout).at(-1)).toMatchObject({
      summary: { planned: 60, deleted: 60 - sandbox.size, hasMore: true },
    });
    expect(written.stderr).toContain("Cannot write the audit trail: no answer within 300 ms\n");
    expect(written.stderr).toMatch(
      /\n60 message batches: 1 deleted, \d+ failed, \d+ unattempted\n$/,
    );
  });

  test("gives all an outcome when it is interrupted before it begins", async () => {
    const { sandbox, plan, client } = await planned(2);
    const { written, host, output } = createHost({ signal: AbortSignal.abort() });
    const code = await apply(client, plan, { ...nothing, json: true }, { host, output });
    expect(code).toBe(exitCode.interrupted);
    const counts = { deleted: 0, missing: 0, skipped: 0, failed: 0, unattempted: 2 };
    expect(jsonLines(written.stdout).at(-1)).toEqual({
      summary: { planned: 2, ...counts, hasMore: true },
    });
    expect(written.stderr).toMatch(/\n2 message batches: 2 unattempted\n$/);
    expect(sandbox.size).toBe(2);
  });

  test("takes what is recorded as done, and records the rest", async () => {
    const { sandbox, plan, client } = await planned(3);
    const files = createMemoryFiles();
    const { host, output } = createHost({ files });
    for (let run = 0; run < 2; run += 1) {
      const audit = await openTrail("a", plan.items.map(({ id }) => id), { host, output });
      expect(await apply(client, plan, { ...nothing, trail: audit }, { host, output })).toBe(0);
    }
    expect([sandbox.requests.length, jsonLines(files.texts.get("a") ?? "").length]).toEqual([3, 6]);
  });

  test("finishes what is under way when it is interrupted, and reports the rest", async () => {
    const interruption = new AbortController();
    const { sandbox, plan, client } = await planned(5);
    const fetch: Host["fetch"] = async (url, init) => {
      interruption.abort();
      return await sandbox.fetch(url, init);
    };
    const { written, ...context } = createHost({ signal: interruption.signal });
    const options = { ...nothing, json: true };
    expect(await apply({ ...client, fetch }, plan, options, context)).toBe(
      exitCode.interrupted,
    );
    expect(jsonLines(written.stdout).at(-1)).toMatchObject({
      summary: { planned: 5, deleted: 1, unattempted: 4, hasMore: true },
    });
    expect(written.stderr).toContain(
      "Stopped: interrupted. 4 are left\nTo go on, run the same command again\n",
    );
  });

  test("says what it has canceled when it is interrupted", async () => {
    const interruption = new AbortController();
    const { sandbox, plan, client } = await planned(0, 1);
    const fetch: Host["fetch"] = async (url, init) => {
      const response = await sandbox.fetch(url, init);
      if (init.method === "POST") interruption.abort();
      return response;
    };
    const { written, ...context } = createHost({ signal: interruption.signal });
    expect(await apply({ ...client, fetch }, plan, nothing, context)).toBe(
      exitCode.interrupted,
    );
    expect(written.stderr).toContain("; 1 canceled and still there\n");
  });

  test.each(["EPIPE", "ENOSPC"])("stops when stdout fails with %s", async (code) => {
    const { sandbox, plan, client } = await planned(60);
    const { written, ...context } = createHost({ stdout: failingOutput(code) });
    // What else is true of it, its flushing says.
    expect(await apply(client, plan, nothing, context)).toBe(exitCode.failed);
    await expect(context.output.flush()).rejects.toThrow();
    const deleted = 60 - sandbox.size;
    expect(deleted).toBeLessThan(60);
    // What was done is said where it can be; where nobody reads any more, in one line.
    expect(written.stderr.match(/^deleted /gm)?.length ?? 0).toBe(code === "EPIPE" ? 0 : deleted);
    const totals = `60 message batches: ${deleted} deleted, ${60 - deleted} unattempted\n`;
    if (code === "EPIPE") expect(written.stderr).toBe(totals);
    else expect(written.stderr.endsWith(`)\n${totals}`)).toBe(true);
  });

  test("tells of a record that failed where nobody reads", async () => {
    const { sandbox, plan, client } = await planned(60);
    const files = createMemoryFiles({}, fullAfter(4));
    const { write } = failingOutput("EPIPE");
    let results = 0;
    const stdout = { write: () => results++ > 0 ? write("") : Promise.resolve() };
    const { written, host, output } = createHost({ files, stdout });
    const audit = await openTrail("a", [], { host, output });
    const code = await apply(client, plan, { ...nothing, trail: audit }, { host, output });
    expect([code, results]).toEqual([exitCode.failed, 2]);
    const deleted = 60 - sandbox.size;
    expect(written.stderr).toContain("Cannot write a: the disk is full\n");
    expect(written.stderr).toMatch(
      new RegExp(`\n60 message batches: ${deleted} deleted, .* unattempted, \\d+ not recorded\n$`),
    );
  });
});

describe("askToDelete()", () => {
  const ask = (read: () => AsyncIterable<Uint8Array>, signal = new AbortController().signal) => {
    const { host, output, written } = createHost({ stdin: { isTerminal: true, read }, signal });
    return { answer: askToDelete(host, output, 12), written };
  };
  const typing = (...texts: string[]) =>
    async function* () {
      for (const text of texts) yield await Promise.resolve(new TextEncoder().encode(text));
    };

  test("takes the number, and nothing else, for a yes", async () => {
    for (const texts of [["12\n"], ["1", "2\r\n"], [" 12"], ["12\nno\n"]]) {
      expect(await ask(typing(...texts)).answer, texts.join()).toBe(true);
    }
    for (const text of ["", "\n", "y\n", "yes\n", "\n12\n", "1\n2", "120\n", "012\n", "12 3\n"]) {
      expect(await ask(typing(text)).answer, text).toBe(false);
    }
  });

  test("reads no further than an answer can be", async () => {
    let chunks = 0;
    const endless = async function* () {
      for (; chunks < 100; chunks += 1) yield await Promise.resolve(new Uint8Array(600).fill(49));
    };
    expect(await ask(endless).answer).toBe(false);
    expect(chunks).toBeLessThan(4);
  });

  test("ends when the user interrupts", async () => {
    const { read, signal } = interruptedReading();
    const { answer, written } = ask(read, signal);
    const error = await answer.catch((error) => error);
    expect([error, signal.aborted]).toEqual([signal.reason, true]);
    expect(written.stderr.endsWith("anything else to stop: \n")).toBe(true);
  });
});

describe("modeOf()", () => {
  const terminal = { isTerminal: true, read: () => new Blob([]).stream() };
  const at = (isTerminal: boolean, columns?: number) => {
    const { host } = createHost();
    return { stdin: { ...terminal, isTerminal }, stderr: { ...host.stderr, columns } };
  };
  const filter = { filter: "*" } as const;

  test("asks only where somebody can be asked", () => {
    expect(modeOf({}, filter, at(true, 80))).toBe("ask");
    for (const host of [at(false, 80), at(true), at(false)]) {
      expect(() => modeOf({}, filter, host)).toThrow("Cannot ask whether to delete: there is no t");
    }
    const ids = { args: ["-"] };
    expect(() => modeOf({}, ids, at(true, 80))).toThrow("stdin has the ids");
  });

  test("shows with --dry-run whatever else is said, and with --plan-out", () => {
    expect(modeOf({ dryRun: true, yes: true, planOut: "p" }, filter, at(false))).toBe("show");
    expect(modeOf({ planOut: "p" }, filter, at(false))).toBe("show");
    expect(modeOf({ yes: true }, filter, at(false))).toBe("apply");
    expect(() => modeOf({ planOut: "p", yes: true }, filter, at(false))).toThrow("--plan-out with");
    expect(() => modeOf({ planOut: "p" }, { plan: "q" }, at(false))).toThrow("there already");
  });
});

describe("sourceOf()", () => {
  const on = (isTerminal: boolean) => ({
    stdin: { isTerminal, read: () => new Blob([]).stream() },
  });

  test("takes a plan, a filter or ids, and never two of them", () => {
    expect(sourceOf([], { plan: "p" }, on(false))).toEqual({ plan: "p" });
    expect(sourceOf([], { max: 3 }, on(false))).toEqual({ filter: { oldest: 3 } });
    expect(sourceOf([], { all: true }, on(false))).toEqual({ filter: "*" });
    expect(sourceOf(["a"], {}, on(false))).toEqual({ args: ["a"] });
    expect(sourceOf(["a", "-"], {}, on(true))).toEqual({ args: ["a", "-"] });
    expect(sourceOf([], {}, on(false))).toEqual({ args: [] });
    expect(() => sourceOf([], {}, on(true))).toThrow("Cannot purge: give ids");
    expect(() => sourceOf(["a"], { all: true }, on(true))).toThrow("ids with a filter");
    for (
      const [args, flags] of [[["a"], {}], [[], { all: true }], [[], { cancel: true }]] as const
    ) {
      expect(() => sourceOf(args, { plan: "p", ...flags }, on(true))).toThrow("Cannot use --plan");
    }
  });
});

describe("namedOutcomes()", () => {
  test("gives everyone an outcome that the plan does not delete", async () => {
    const { plan, ids: [first = "", ...others] } = await planned(4);
    const codes = ["not_ended", "held", "unknown_status"] as const;
    const items = plan.items.map((item): PurgeItem => {
      const { id, createdAt, endedAt, status } = item;
      const code = codes[others.indexOf(id)];
      return code === undefined ? item : { id, createdAt, endedAt, status, action: "keep", code };
    });
    const ids = [first, ...others, "x", "y"];
    expect(namedOutcomes(ids, { ...plan, items }, (id) => id === "y")).toEqual([
      ...others.map((id, index) => ({ outcome: "skipped", id, reason: codes[index] })),
      {
        outcome: "failed",
        id: "x",
        error: {
          code: "ERR_NOT_FOUND",
          message: 'Cannot delete message batch "x": it is not in the workspace',
          why: "it is not in the workspace",
        },
      },
      { outcome: "missing", id: "y" },
    ]);
  });
});

describe("writePlan() and readPlan()", () => {
  test("keep a plan as it is, an item a line", async () => {
    const { plan, client } = await planned(3, 1);
    for (const one of [plan, { ...plan, items: [] }] satisfies PurgePlan[]) {
      const files = createMemoryFiles();
      await writePlan(files, "p", one);
      expect(files.texts.get("p")?.match(/"id"/g) ?? []).toHaveLength(one.items.length);
      expect(files.texts.get("p")?.match(/^ {4}\{"id".*\}$|^ {4}\{"id".*\},$/gm) ?? [])
        .toHaveLength(
          one.items.length,
        );
      expect(await readPlan(files, "p", client)).toEqual(one);
    }
  });

  test("refuse what is no plan, or for another API, and never replace a file", async () => {
    const { plan, client } = await planned(1);
    const files = createMemoryFiles({ json: "{}", text: "{", bytes: "\u0000" });
    await writePlan(files, "p", plan);
    const aborted = AbortSignal.abort(new Error("Interrupted"));
    await expect(readPlan(files, "p", client, aborted)).rejects.toBe(aborted.reason);
    await expect(readPlan(files, "", client)).rejects.toThrow('Cannot read "": there is no');
    const other = { ...client, baseUrl: "https://a.example" };
    await expect(readPlan(files, "p", other)).rejects.toThrow(
      "Cannot use p: it was made for anoth",
    );
    await expect(readPlan(files, "none", client)).rejects.toThrow("Cannot read none: there is no");
    await expect(readPlan(files, "json", client)).rejects.toThrow(
      "Cannot use json: plan.version is",
    );
    for (const path of ["text", "bytes"]) {
      await expect(readPlan(files, path, client)).rejects.toThrow(
        `Cannot use ${path}: it is not JS`,
      );
    }
    const text = files.texts.get("p") ?? "";
    for (const key of ["version", "id"]) {
      files.texts.set("twice", text.replace(`"${key}":`, `"${key}": 1, "${key}":`));
      await expect(readPlan(files, "twice", client)).rejects.toThrow(
        `Cannot use twice: ${key} is there twice in one object`,
      );
    }
    await expect(writePlan(files, "p", plan)).rejects.toThrow("Cannot write p: it exists already");
  });
});

describe("describeProgress()", () => {
  const state = { done: 45, total: 100, failed: 0, columns: 80 };

  test("shows the share, the rate, the time that is left, and what failed", () => {
    expect(describeProgress({ ...state, rate: 12.34, failed: 1 })).toBe(
      "[=============>                ] 45/100  12.3/s  5s left  1 failed",
    );
    expect(describeProgress({ ...state, done: 100, rate: 250.4 })).toBe(
      `[${"=".repeat(30)}] 100/100  250/s  0s left`,
    );
  });

  test("says nothing of time while it is not known", () => {
    expect(describeProgress(state)).toMatch(/^\[.*\] 45\/100$/);
    expect(describeProgress({ ...state, rate: 0 })).toMatch(/\] 45\/100 {2}0\.0\/s$/);
  });

  test("says long times in two units", () => {
    const left = (rate: number) =>
      /\S+ \S+(?= left)/.exec(describeProgress({ ...state, rate }))?.[0];
    expect([left(0.5), left(0.01)]).toEqual(["1m 50s", "1h 31m"]);
  });

  test("fits any width, and leaves the bar out where there is no room", () => {
    for (let columns = 1; columns < 90; columns += 1) {
      const line = describeProgress({ ...state, rate: 12, failed: 3, columns });
      const text = "45/100  12.0/s  5s left  3 failed";
      expect(line.endsWith(text)).toBe(true);
      if (columns > text.length) expect(line.length).toBeLessThan(columns);
      expect(line.startsWith("[")).toBe(columns >= text.length + 14);
    }
    expect(describeProgress({ ...state, columns: 0 })).toHaveLength(39);
  });
});

describe("createProgress()", () => {
  test("takes the rate over the last ten seconds", async () => {
    let now = 0;
    const lines: (string | undefined)[] = [];
    const status = (line: string | undefined) => Promise.resolve(void lines.push(line));
    const host = { clock: { now: () => now }, stderr: { columns: 80 } };
    const progress = createProgress(1_000, { status }, host);
    const add = async (count: number, at: number) => {
      now = at;
      for (let index = 0; index < count; index += 1) progress.add({ outcome: "missing", id: "a" });
      await new Promise((resolve) => setTimeout(resolve, 100));
      return lines.at(-1);
    };
    expect(await add(5, 500)).toMatch(/ 5\/1000$/);
    expect(await add(95, 5_000)).toMatch(/ 100\/1000 {2}20\.0\/s {2}45s left$/);
    expect(await add(1, 20_000)).toMatch(/ 101\/1000 {2}0\.1\/s /);
    await progress.end();
    expect(lines.at(-1)).toBeUndefined();
  });
});

describe("createOutput()", () => {
  const at = (columns: number | undefined, variables: Record<string, string> = {}) => {
    const written: string[] = [];
    const to = {
      columns,
      async write(text: string) {
        await Promise.resolve();
        if (text !== "") written.push(text);
      },
    };
    const env = environment(variables);
    return { written, output: createOutput({ env, stdout: to, stderr: to }) };
  };

  test("keeps the status line below what is written", async () => {
    const { written, output } = at(20);
    await output.status("1 of 2, and a line that is too long");
    await output.note("note\n");
    await output.result("result\n");
    await output.status(undefined);
    await output.flush();
    expect(lastScreen(written.join(""))).toEqual(["note", "result", ""]);
    expect(written[0]).toBe("\r\u001b[2K1 of 2, and a line ");
  });

  test("keeps the line whole where everything is written at once", async () => {
    const { written, output } = at(40);
    const work = Array.from({ length: 30 }, (_, index) => [
      output.status(`${index} of 30`),
      output.result(`result ${index}\n`),
      output.note(`note ${index}\n`),
    ]);
    await Promise.all(work.flat());
    await output.status(undefined);
    expect(lastScreen(written.join(""))).toEqual([
      ...Array.from({ length: 30 }, (_, index) => [`result ${index}`, `note ${index}`]).flat(),
      "",
    ]);
  });

  test("lets no escape sequence of a text through, whatever is written by it", async () => {
    const { written, output } = at(80);
    const text = "a\u001b[31mb\u009b2Jc\rd\be\u202ef\n";
    await output.note(text, "bad");
    await output.result(text);
    await output.status(text);
    expect(written).toEqual([
      "\u001b[31ma [31mb 2Jc d e f\u001b[0m\n",
      "a [31mb 2Jc d e f\n",
      "\r\u001b[2Ka [31mb 2Jc d e f ",
    ]);
  });

  test("colours nothing where it is no terminal, or NO_COLOR is not empty", async () => {
    for (
      const [columns, variables] of [
        [undefined, {}],
        [80, { NO_COLOR: "1" }],
        [80, { TERM: "dumb" }],
      ] as const
    ) {
      const { written, output } = at(columns, variables);
      await output.note("note\n", "bad");
      await output.result("result\n", "good");
      expect(written).toEqual(["note\n", "result\n"]);
    }
    const { written, output } = at(80, { NO_COLOR: "" });
    await output.note("note\n", "strong");
    expect(written).toEqual(["\u001b[1mnote\u001b[0m\n"]);
  });
});

describe("reportRun()", () => {
  /** Reports outcomes of a run that waits for the end of batches, or does not. */
  const report = async (
    outcomes: readonly Outcome[],
    { waits = false, signal, stdout }: {
      readonly waits?: boolean;
      readonly signal?: AbortSignal;
      readonly stdout?: Host["stdout"];
    } = {},
  ) => {
    const { written, ...context } = createHost({
      ...signal && { signal },
      ...stdout && { stdout },
    });
    const options = {
      baseUrl: "https://api.anthropic.com",
      waitTimeout: waits ? 60_000 : undefined,
      total: outcomes.length,
    };
    const code = await reportRun(context, options, async function* () {
      yield* await Promise.resolve(outcomes);
    });
    await context.output.flush().catch(() => {});
    return { code, ...written };
  };
  const deleted = { outcome: "deleted", id: "a", evidence: "receipt", attempts: 1 } as const;
  const unended = { outcome: "skipped", id: "b", reason: "not_ended" } as const;
  const failed = (error: object) => {
    const why = { code: "ERR_API", message: "Cannot delete: no", why: "no" };
    return { outcome: "failed", id: "c", error: { ...why, ...error } } as const;
  };
  const left = { outcome: "unattempted", id: "d", reason: "interrupted" } as const;
  const aborted = { signal: AbortSignal.abort() };

  test.each<[readonly Outcome[], Parameters<typeof report>[1], number]>([
    [[], {}, exitCode.done],
    [[deleted, unended], { waits: true }, exitCode.waitTimedOut],
    [[deleted, unended], {}, exitCode.failed],
    [[unended, { ...unended, reason: "held" }], { waits: true }, exitCode.failed],
    [[unended, failed({ status: 500 })], { waits: true }, exitCode.failed],
    [[{ ...deleted, auditError: "full" }], {}, exitCode.failed],
    [[failed({ status: 401 }), failed({})], {}, exitCode.credentials],
    [[failed({ status: 401 }), left], aborted, exitCode.interrupted],
    [[failed({ code: "ERR_ABORTED" })], aborted, exitCode.interrupted],
    [[{ ...unended, reason: "canceled", canceled: true }], aborted, exitCode.interrupted],
    [[left], {}, exitCode.failed], // stdout has failed: the user interrupted nothing
  ])("adds %j with %j up to the gravest exit code", async (outcomes, options, code) => {
    expect((await report(outcomes, options)).code).toBe(code);
  });

  test("tells every reason to keep a batch, and what was canceled", async () => {
    const { stderr } = await report([
      { ...unended, canceled: true },
      { ...unended, canceled: "unknown" },
      { outcome: "skipped", id: "e", reason: "canceled", canceled: "unknown" },
      { outcome: "skipped", id: "f", reason: "unknown_status" },
      { ...failed({}), auditError: "the disk is full" },
    ], { waits: true });
    expect(stderr).toBe([
      "skipped b (not ended after 1m; canceled)",
      "skipped b (not ended after 1m; perhaps canceled)",
      "skipped e (perhaps canceled, and still there)",
      "skipped f (unknown status)",
      "failed c: no, but not recorded: the disk is full",
      "5 message batches: 4 skipped, 1 failed, 1 not recorded; 3 canceled and still there\n",
    ].join("\n"));
  });

  test("counts what is canceled and still there for a reader that is gone", async () => {
    const stdout = failingOutput("EPIPE");
    const { stderr } = await report([deleted, { ...unended, canceled: true }], { stdout });
    expect(stderr).toBe(
      "2 message batches: 1 deleted, 1 skipped; 1 canceled and still there\n",
    );
  });

  test("leaves the request id out of a line that is too long for the terminal", async () => {
    const id = "msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d";
    const outcome = { ...deleted, id, requestId: "req_011CZkZaBF1tNoB5wlCeusgy" };
    const written: string[] = [];
    const stdout = (columns?: number) => ({
      columns,
      write: (text: string) => Promise.resolve(void written.push(text)),
    });
    for (const columns of [80, 120, undefined]) {
      await report([outcome], { stdout: stdout(columns) });
    }
    expect(written).toEqual([
      `deleted ${id} (receipt)\n`,
      ...Array(2).fill(`deleted ${id} (receipt, req_011CZkZaBF1tNoB5wlCeusgy)\n`),
    ]);
  });
});
