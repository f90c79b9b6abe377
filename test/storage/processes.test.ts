import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSqlite } from "../../src/adapters/sqlite.ts";
import { createStorage } from "../../src/storage/mod.ts";
import { start } from "../cli/runtimes.ts";
import { collect } from "../fixtures/audit-entries.ts";
import { seededRandom } from "../fixtures/batches.ts";

let folder = "";
let path = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "batchsweep-"));
  path = join(folder, "batchsweep.sqlite");
});
afterEach(() => rm(folder, { recursive: true }));

const script = "test/storage/storage-process.ts";
const commands = {
  Node: () => ["node", "--import", "./scripts/npm-specifiers.ts", script],
  Deno: () => ["deno", "run", `--allow-read=${folder}`, `--allow-write=${folder}`, script],
  Bun: () => ["bun", script],
};
type Runtime = keyof typeof commands;
const runtimes = Object.keys(commands) as Runtime[];
const run = (runtime: Runtime, name: string, count: number) =>
  start([...commands[runtime](), path, name, String(count)], {
    env: { PATH: process.env["PATH"] ?? "" },
  });

async function stored() {
  const database = openSqlite(path);
  const ids = (await collect(createStorage(database).entries())).map(({ id }) => id);
  database.close();
  return ids;
}

describe("one SQLite file", () => {
  test("serves Node, Deno and Bun in turn", { timeout: 60_000 }, async () => {
    for (const [index, runtime] of [...runtimes, ...runtimes].entries()) {
      const { code, stdout, stderr } = await run(runtime, `${runtime}${index}`, 10).ended;
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toContain(`entries: ${(index + 1) * 10}\n`);
    }
    expect(new Set(await stored()).size).toBe(60);
  });

  test("serves Node, Deno and Bun at once, and loses nothing", { timeout: 90_000 }, async () => {
    const all = await Promise.all(
      [...runtimes, ...runtimes].map((runtime, index) => run(runtime, `p${index}`, 60).ended),
    );
    expect(all.map(({ code, stderr }) => ({ code, stderr })))
      .toEqual(all.map(() => ({ code: 0, stderr: "" })));
    const ids = await stored();
    expect(ids).toHaveLength(360);
    expect(new Set(ids).size).toBe(360);
  });

  test.each(runtimes)("has all that was safe when its %s process was killed", {
    timeout: 90_000,
  }, async (runtime) => {
    const seed = Date.now() % 1_000_000;
    const random = seededRandom(seed);
    const told: string[] = [];
    for (let round = 0; round < 6; round += 1) {
      const { child, until, ended } = run(runtime, `r${round}`, 100_000);
      await until("stdout", new RegExp(`r${round}-${1 + Math.floor(random() * 40)}\n`));
      await new Promise((resolve) => setTimeout(resolve, random() * 10));
      child.kill("SIGKILL");
      told.push(...(await ended).stdout.split("\n").slice(0, -1));
    }
    const ids = new Set(await stored());
    console.log(`${runtime}, seed ${seed}: ${told.length} told, ${ids.size} there`);
    expect(told.length).toBeGreaterThan(6);
    expect(told.filter((id) => !ids.has(id))).toEqual([]);
  });
});
