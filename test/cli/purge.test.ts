import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe } from "vitest";
import { presentIn, seedOldAndYoung } from "../fixtures/seed-batches.ts";
import { testInDirectory as test } from "../fixtures/test-in-directory.ts";
import { createInterruptingStage } from "./interrupting-stage.ts";
import { createGate, createStage, jsonLines, names, runtimes, start } from "./runtimes.ts";

describe.each(names)("purge on %s", (runtime) => {
  test("sends nothing without --yes where there is no terminal, CI=true or not", async ({ expect }) => {
    let requests = 0;
    await using stage = await createStage((request, next) => {
      requests += 1;
      return next(request);
    });
    seedOldAndYoung(stage.sandbox);
    const env = { CI: "true" };
    const { code, stdout, stderr } = await stage.run(runtime, ["purge", "--all"], { env });
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toBe(
      "Cannot ask whether to delete: there is no terminal\n" +
        "Use --yes to delete without a question, --dry-run or --plan-out to delete nothing\n",
    );
    expect(requests).toBe(0);
  });

  test("plans, applies, records and saves, in files", async ({ expect, directory, at }) => {
    await using stage = await createStage();
    const { old, young } = seedOldAndYoung(stage.sandbox);
    const [plan, trail, saved] = [at("plan.json"), at("audit.jsonl"), at("saved")];
    const run = (...args: string[]) => stage.run(runtime, ["purge", ...args], { directory });

    expect(await run("--older-than", "7d", "--plan-out", plan)).toMatchObject({
      code: 0,
      stdout: "",
    });
    expect(stage.sandbox.size).toBe(4);
    const args = ["--plan", plan, "--audit", trail, "--export", saved, "--yes"];
    const applied = await run(...args, "--json");
    expect(applied.code, applied.stderr).toBe(0);
    const lines = jsonLines<{ id: string; export: { sha256: string } }>(applied.stdout);
    expect(lines.slice(0, -1).map(({ id }) => id).sort()).toEqual([...old].sort());
    expect(lines.at(-1)).toMatchObject({ summary: { planned: 3, deleted: 3, hasMore: false } });
    expect((await readdir(directory)).sort()).toEqual([
      "audit.jsonl",
      "plan.json",
      "saved",
    ]);
    expect((await readdir(saved)).sort()).toEqual(old.map((id) => `${id}.jsonl`).sort());
    for (const { id, export: { sha256 } } of lines.slice(0, -1)) {
      const sum = execFileSync("sha256sum", [join(saved, `${id}.jsonl`)], { encoding: "utf8" });
      expect(sum.split(" ")[0]).toBe(sha256);
    }
    expect(jsonLines(await readFile(trail, "utf8"))).toHaveLength(6);
    expect(stage.sandbox.batch(young)).toBeDefined();

    stage.sandbox.clearRequests();
    const again = await run(...args);
    // Whose workspace it is, and nothing else: all is gone by the audit trail.
    expect([again.code, stage.requests()]).toEqual([0, ["GET /v1/messages/batches"]]);
    expect(again.stdout.match(/^deleted /gm)).toHaveLength(3);
  });

  test("goes on after a kill between the results and the deletion", async ({ expect, directory, at }) => {
    await using stage = await createStage();
    const { old: [id = ""] } = seedOldAndYoung(stage.sandbox, 1);
    const args = ["purge", "--older-than", "7d", "--export", directory, "--yes"];
    stage.sandbox.fail({ method: "DELETE", status: 403 });
    // A 403 alone is about the batch, not about the key.
    expect((await stage.run(runtime, args, { directory })).code).toBe(1);
    await writeFile(at(`${id}.jsonl.01234567.part`), "half");
    const before = new Date(Date.now() - 7_200_000); // what was just written may go on
    await utimes(at(`${id}.jsonl.01234567.part`), before, before);
    const { code, stderr } = await stage.run(runtime, args, { directory });
    expect(code, stderr).toBe(0);
    expect(await readdir(directory)).toEqual([`${id}.jsonl`]);
    expect(stage.sandbox.batch(id)).toBeUndefined();
  });

  test("deletes nothing whose results would replace others", async ({ expect, directory, at }) => {
    await using stage = await createStage();
    const { old: [id = ""] } = seedOldAndYoung(stage.sandbox, 1);
    await writeFile(at(`${id}.jsonl`), "mine");
    const args = ["purge", "--older-than", "7d", "--export", directory, "--yes"];
    const { code, stderr } = await stage.run(runtime, args, { directory });
    expect([code, stage.sandbox.size]).toEqual([1, 2]);
    expect(stderr).toContain(`skipped ${id} (export failed): `);
    expect(stderr).toContain("is there already, with another content");
    expect(await readFile(at(`${id}.jsonl`), "utf8")).toBe("mine");
  });

  test("sends nothing where a file cannot be used", async ({ expect, directory, at }) => {
    await using stage = await createStage();
    seedOldAndYoung(stage.sandbox);
    await writeFile(at("file"), "text\nof another kind\n");
    const cases = [
      ["--all", "--audit", at("none/audit.jsonl")],
      ["--all", "--export", at("file")],
      ["--plan", at("none.json")],
    ];
    for (const args of cases) {
      const ended = await stage.run(runtime, ["purge", ...args, "--yes"], { directory });
      expect([ended.code, ended.stdout], args.join(" ")).toEqual([2, ""]);
      expect(ended.stderr).toMatch(/^Cannot (open|read|use) \S+: [^\n]+\n$/);
    }
    expect(stage.sandbox.requests).toEqual([]);
  });

  test("finishes what is in flight when it is interrupted, and reports it", async ({ expect, directory, at }) => {
    await using stage = await createInterruptingStage();
    const { old } = seedOldAndYoung(stage.sandbox, 5);
    const args = ["purge", "--older-than", "7d", "--yes", "--json", "--audit", at("a")];
    const { code, stdout, stderr } = await stage.interrupt(runtime, args, { directory });
    expect(code).toBe(130);
    const deleted = old.length - presentIn(stage.sandbox, old).length;
    expect(deleted).toBeGreaterThan(0);
    expect(jsonLines(stdout).at(-1)).toMatchObject({
      summary: { planned: 5, deleted, unattempted: 5 - deleted, hasMore: true },
    });
    expect(stdout.match(/"outcome":"deleted"/g)).toHaveLength(deleted);
    expect(stderr).toContain(`Stopped: interrupted. ${5 - deleted} are left\n`);
    expect(jsonLines(await readFile(at("a"), "utf8"))).toHaveLength(2 * deleted);
  });

  test("ends at once when it is interrupted again", async ({ expect }) => {
    const asked = createGate();
    await using stage = await createStage(async (request, next) => {
      if (request.method !== "DELETE") return await next(request);
      asked.open();
      return await new Promise<Response>(() => {});
    });
    seedOldAndYoung(stage.sandbox);
    const running = stage.start(runtime, ["purge", "--older-than", "7d", "--yes"]);
    await asked.passed;
    running.child.kill("SIGINT");
    await running.until("stderr", /^Interrupted/m);
    const [, signal] = await Promise.all([
      running.ended,
      once(running.child, "exit").then(([, signal]) => signal),
      running.child.kill("SIGINT"),
    ]);
    expect(signal).toBe("SIGINT");
    expect(stage.sandbox.size).toBe(4);
  });

  test("stops, and says what it did, when the reader is gone", async ({ expect }) => {
    const read = createGate();
    let deletions = 0;
    await using stage = await createStage(async (request, next) => {
      if (request.method === "DELETE" && deletions++ > 0) await read.passed;
      return await next(request);
    });
    const { old } = seedOldAndYoung(stage.sandbox, 60);
    const running = stage.start(runtime, ["purge", "--older-than", "7d", "--yes"]);
    await running.until("stdout", /\n/);
    await running.stopReading();
    read.open();
    const { code, stderr } = await running.ended;
    expect(code).toBe(141);
    const left = presentIn(stage.sandbox, old).length;
    expect(left).toBeGreaterThan(0);
    expect(stderr).toMatch(
      new RegExp(
        `^Deleting .+\n.+\n60 message batches: ${60 - left} deleted, ${left} unattempted\n$`,
      ),
    );
  });

  test("asks at a terminal, and deletes what was shown when its number is typed", async ({ expect, skip, directory }) => {
    if (process.env["CI"] !== "true" && !hasScript()) {
      return skip("script(1) of util-linux is not here");
    }
    await using stage = await createStage();
    const { old } = seedOldAndYoung(stage.sandbox);
    const command = runtimes[runtime](stage.host, ["NO_COLOR"], directory);
    const line = [...command, "purge", "--older-than", "7d"].join(" ");
    const env = { ...stage.env, TERM: "xterm" };
    for (const [answer, size, exit] of [["yes", 4, 1], ["3", 1, 0]] as const) {
      const running = start(["script", "-qec", line, "/dev/null"], { env, open: true });
      await running.until("stdout", /Type 3 to delete them, anything else to stop: /);
      running.child.stdin.end(`${answer}\n`);
      const { code, stdout } = await running.ended;
      expect([code, stage.sandbox.size]).toEqual([exit, size]);
      expect(stdout).toContain("Delete     3 of 4 message batches");
      expect(stdout.includes("3 message batches: 3 deleted")).toBe(answer === "3");
      for (const id of old) expect(stdout).toContain(`  ${id}  `);
    }
  });
});

test("purge under Deno names what it may not do, and sends nothing", async ({ expect, at }) => {
  await using stage = await createStage();
  seedOldAndYoung(stage.sandbox);
  for (const flag of ["--audit", "--export", "--holds"]) {
    const args = ["purge", "--all", "--yes", flag, at("x")];
    const { code, stdout, stderr } = await stage.run("Deno", args);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(
      /^Cannot (open|read) \S+: this process has no permission for it \(--allow-(read|write)\)\n$/,
    );
  }
  expect(stage.sandbox.requests).toEqual([]);
});

function hasScript(): boolean {
  try {
    return execFileSync("script", ["--version"], { encoding: "utf8" }).includes("util-linux");
  } catch {
    return false;
  }
}
