import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestHarness } from "wrangler";
import type { Call, Script } from "../fixtures/d1-worker.ts";

let folder: string;
let worker: ReturnType<typeof createTestHarness>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "batchsweep-"));
  const configPath = join(folder, "wrangler.toml");
  const migrations = resolve("src/adapters/cloudflare/migrations");
  await writeFile(
    configPath,
    `name = "d1-test"
main = ${JSON.stringify(resolve("test/fixtures/d1-worker.ts"))}
compatibility_date = "2026-11-01"
compatibility_flags = ["no_nodejs_compat", "no_nodejs_compat_v2"]
[[d1_databases]]
binding = "DB"
database_name = "test"
migrations_dir = ${JSON.stringify(migrations)}
`,
  );
  worker = createTestHarness({ workers: [{ configPath }] });
  await worker.listen();
});
afterAll(async () => {
  await worker.close();
  await rm(folder, { recursive: true });
});

async function run(calls: readonly Call[], atOnce = false) {
  const script: Script = { calls, atOnce };
  const response = await worker.fetch("/", { method: "POST", body: JSON.stringify(script) });
  expect(response.status).toBe(200);
  return await response.json() as unknown[];
}
const read = (name: string): Call => ({ name: "read", args: [name] });
const write = (name: string, value: string, version?: number, fill = 1): Call => ({
  name: "write",
  args: [name, value, version],
  fill,
});

describe("createD1StateStore()", () => {
  test("makes its tables where there are none, and writes only over what was read", async () => {
    expect(
      await run([
        read("a"),
        write("a", "1", 1),
        write("a", "1"),
        write("a", "2"),
        read("a"),
        write("a", "2", 1),
        write("a", "3", 1),
        read("a"),
        read("b"),
      ]),
    ).toEqual([
      null,
      false,
      true,
      false,
      { value: "1", version: 1 },
      true,
      false,
      { value: "2", version: 2 },
      null,
    ]);
  });

  test("keeps a text of megabytes whole, and nothing of a longer one before it", async () => {
    const [wrote, long] = await run([
      write("long", "0123456é😀\n", undefined, 600_000),
      read("long"),
    ]);
    expect(wrote).toBe(true);
    expect(long).toEqual({ value: "0123456é😀\n".repeat(600_000), version: 1 });
    expect(await run([write("long", "ab", 1, 300_000), read("long")])).toEqual([
      true,
      { value: "ab".repeat(300_000), version: 2 },
    ]);
    expect(await run([write("long", "", 2), read("long")])).toEqual([
      true,
      { value: "", version: 3 },
    ]);
  });

  test("lets one of many that write at once win, and keeps all of its text", async () => {
    await run([write("race", "begin")]);
    const letters = ["a", "b", "c", "d", "e", "f"];
    for (let version = 1; version <= 5; version += 1) {
      const written = await run(
        letters.map((letter, index) => write("race", letter, version, 300_000 * (index + 1))),
        true,
      );
      expect(written.filter((won) => won === true)).toHaveLength(1);
      const winner = written.indexOf(true);
      expect(await run([read("race")])).toEqual([{
        value: letters[winner]?.repeat(300_000 * (winner + 1)),
        version: version + 1,
      }]);
    }
  });
});

describe("createD1AuditTrail()", () => {
  test("adds each entry once, whoever else writes", async () => {
    const ids = Array.from({ length: 40 }, (_, index) => `msgbatch_${index}`);
    await run(ids.map((id) => ({ name: "append", args: [{ version: 1, id }] })), true);
    const { DB } = await worker.getWorker<{ DB: Database }>().getEnv();
    const { results } = await DB.prepare("SELECT seq, entry FROM audit_entries ORDER BY seq").all();
    expect(results.map(({ entry }) => JSON.parse(String(entry)).id).toSorted())
      .toEqual(ids.toSorted());
    expect(results.map(({ seq }) => seq)).toEqual(ids.map((_, index) => index + 1));
  });
});

describe("the migrations", () => {
  test("can be applied before and after the tables were made", async () => {
    await run([write("migrated", "1")]);
    await worker.getWorker<{ DB: Database }>().applyD1Migrations("DB");
    await worker.reset();
    await worker.getWorker<{ DB: Database }>().applyD1Migrations("DB");
    expect(await run([write("migrated", "2"), read("migrated")])).toEqual([
      true,
      { value: "2", version: 1 },
    ]);
  });
});

interface Database {
  prepare(sql: string): { all(): Promise<{ results: readonly Record<string, unknown>[] }> };
}
