import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { describe } from "vitest";
import { presentIn, seedOldAndYoung } from "../fixtures/seed-batches.ts";
import { testInDirectory as test } from "../fixtures/test-in-directory.ts";
import { createStage, jsonLines, names, runtimes, start } from "./runtimes.ts";

/** A policy that lets the old batches go, and keeps the young one. */
const policy = (holds: readonly string[] = []) =>
  JSON.stringify({
    version: 1,
    rules: [{ type: "delete_after", days: 7, since: "ended" }, { type: "keep_last", count: 1 }],
    holds,
  });

describe.each(names)("retain on %s", (runtime) => {
  test("sends nothing without --yes where there is no terminal, CI=true or not", async ({ expect, directory, at }) => {
    await using stage = await createStage();
    seedOldAndYoung(stage.sandbox);
    await writeFile(at("policy.json"), policy());
    const args = ["retain", "--policy", at("policy.json")];
    const ended = await stage.run(runtime, args, { directory, env: { CI: "true" } });
    expect([ended.code, ended.stdout]).toEqual([2, ""]);
    expect(ended.stderr).toMatch(/^Cannot ask whether to delete: there is no terminal\n/);
    expect(stage.sandbox.requests).toEqual([]);
  });

  test("plans, applies, records and saves, in files", async ({ expect, directory, at }) => {
    await using stage = await createStage();
    const { old: [held = "", ...old], young } = seedOldAndYoung(stage.sandbox);
    await writeFile(at("policy.json"), policy([held]));
    const args = ["retain", "--policy", at("policy.json"), "--max-share", "50%"];
    const planned = await stage.run(runtime, [...args, "--plan-out", at("plan.json")], {
      directory,
    });
    expect(planned.code, planned.stderr).toBe(0);
    expect(stage.sandbox.size).toBe(4);

    const stores = ["--audit", at("audit.jsonl"), "--export", at("saved")];
    const { code, stdout, stderr } = await stage.run(
      runtime,
      [...args, ...stores, "--yes", "--json"],
      { directory },
    );
    expect(code, stderr).toBe(0);
    expect(jsonLines(stdout).at(-1)).toMatchObject({ summary: { planned: 2, deleted: 2 } });
    expect(stderr).toMatch(/\nRecorded in \S+\n {2}Head \d+:[0-9a-f]{64}\n$/);
    expect(presentIn(stage.sandbox, [held, young])).toEqual([held, young]);
    expect((await readdir(directory)).sort()).toEqual([
      "audit.jsonl",
      "plan.json",
      "policy.json",
      "saved",
    ]);
    expect((await readdir(at("saved"))).sort()).toEqual(old.map((id) => `${id}.jsonl`).sort());
    expect((await stat(at("audit.jsonl"))).mode & 0o777).toBe(0o600);
  });

  test("stops where it would delete too large a share, and keeps what is held", async ({ expect, directory, at }) => {
    await using stage = await createStage();
    const { old: [held = ""], young } = seedOldAndYoung(stage.sandbox);
    await writeFile(at("policy.json"), policy());
    const args = ["retain", "--policy", at("policy.json"), "--yes", "--max-share", "50%"];
    const stopped = await stage.run(runtime, args, { directory });
    expect([stopped.code, stopped.stdout]).toEqual([2, ""]);
    expect(stopped.stderr).toContain(
      "Cannot apply the policy: it would delete 3 of 4 message batches (75%), and --max-share is 50%",
    );
    expect(stage.sandbox.size).toBe(4);
    const hold = ["--hold", held];
    expect((await stage.run(runtime, [...args, ...hold], { directory })).code).toBe(0);
    expect(presentIn(stage.sandbox, [held, young])).toEqual([held, young]);
    const one = await stage.run(runtime, ["delete", held, young, ...hold]);
    expect([one.code, stage.sandbox.size]).toEqual([1, 1]);
    expect(one.stderr).toContain(`skipped ${held} (held)\n`);
  });

  test("sends nothing where a policy cannot be used", async ({ expect, directory, at }) => {
    await using stage = await createStage();
    const { young } = seedOldAndYoung(stage.sandbox);
    await writeFile(at("bad.json"), "{}");
    const cases = [
      ["retain", "--yes", "--policy", at("bad.json")],
      ["purge", "--all", "--yes", "--policy", at("none.json")],
      ["delete", young, "--policy", directory],
    ];
    for (const args of cases) {
      const { code, stdout, stderr } = await stage.run(runtime, args, { directory });
      expect([code, stdout], args.join(" ")).toEqual([2, ""]);
      expect(stderr).toMatch(/^Cannot (read|use) \S+: [^\n]+\n( {2}[^\n]+\n)*$/);
    }
    expect(stage.sandbox.requests).toEqual([]);
  });
});

describe.each(names)("audit on %s", (runtime) => {
  /** Runs `audit` in a directory, without a key. */
  const auditIn = (directory: string) => (...args: string[]) => {
    const command = [...runtimes[runtime](undefined, [], directory), "audit", ...args];
    return start(command, {}).ended;
  };

  test("says whether a trail is unchanged up to the head that a purge printed", async ({ expect, directory, at }) => {
    await using stage = await createStage();
    const audit = auditIn(directory);
    seedOldAndYoung(stage.sandbox, 2);
    const path = at("audit.jsonl");
    const purge = ["purge", "--all", "--yes", "--audit", path];
    const { stderr } = await stage.run(runtime, purge, { directory });
    const [, head = ""] = / Head (\d+:[0-9a-f]{64})\n$/.exec(stderr) ?? [];
    const text = await readFile(path, "utf8");
    const [length, hash] = head.split(":");
    expect(length).toBe(String(Buffer.byteLength(text)));
    const byHand = await start(["sh", "-c", `head -c ${length} ${path} | sha256sum`], {}).ended;
    expect(byHand.stdout).toBe(`${hash}  -\n`);
    expect((await audit("head", path)).stdout).toBe(`${head}\n`);
    const verify = async () => {
      const ended = await audit("verify", path, "--head", head);
      return [ended.code, ended.stderr.replace(path, "FILE")];
    };
    const changed = [1, `Cannot verify FILE: it was changed since its head was ${head}\n`];
    expect(await verify()).toEqual([0, ""]);
    for (const other of [text.replace("msgbatch_", "msgbatch-"), text.slice(0, -1), ""]) {
      await writeFile(path, other);
      expect(await verify()).toEqual(changed);
    }
    await writeFile(path, text + text);
    expect(await verify()).toEqual([0, ""]);
  });

  test("ends with 2 where there is nothing to read", async ({ expect, directory, at }) => {
    for (const command of ["verify", "head"]) {
      const { code, stdout, stderr } = await auditIn(directory)(command, at("none.jsonl"));
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(/^Cannot read \S+: there is no such file or directory\n$/);
    }
    expect(await readdir(directory)).toEqual([]);
  });
});

test("retain and audit under Deno name what they may not do, and send nothing", async ({ expect, at }) => {
  await using stage = await createStage();
  seedOldAndYoung(stage.sandbox);
  await writeFile(at("policy.json"), policy());
  await writeFile(at("audit.jsonl"), "");
  for (
    const args of [
      ["retain", "--yes", "--policy", at("policy.json")],
      ["audit", "verify", at("audit.jsonl")],
      ["audit", "head", at("audit.jsonl")],
    ]
  ) {
    const { code, stdout, stderr } = await stage.run("Deno", args);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(
      /^Cannot read \S+: this process has no permission for it \(--allow-read\)\n$/,
    );
  }
  expect(stage.sandbox.requests).toEqual([]);
});
