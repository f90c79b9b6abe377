import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createTestHarness } from "wrangler";
import { migrations } from "../../src/storage/mod.ts";
import { intentOf, outcomeOf } from "../fixtures/audit-entries.ts";
import type { StorageCall } from "../fixtures/d1-worker.ts";

const migrationsFolder = resolve("src/adapters/cloudflare/migrations");
let folder: string;
let configPath: string;
let worker: ReturnType<typeof createTestHarness>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "batchsweep-"));
  configPath = join(folder, "wrangler.toml");
  await writeFile(
    configPath,
    `name = "d1-test"
main = ${JSON.stringify(resolve("test/fixtures/d1-worker.ts"))}
compatibility_date = "2026-11-01"
compatibility_flags = ["no_nodejs_compat", "no_nodejs_compat_v2"]
[[d1_databases]]
binding = "DB"
database_name = "test"
migrations_dir = ${JSON.stringify(migrationsFolder)}
`,
  );
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  worker = createTestHarness({ workers: [{ configPath }] });
  await worker.listen();
});
afterEach(() => worker.close());

interface D1 {
  prepare(sql: string): { all(): Promise<{ results: readonly Record<string, unknown>[] }> };
}
const instance = () => worker.getWorker<{ DB: D1 }>();
const migrate = () => instance().applyD1Migrations("DB");
const sql = async (text: string) =>
  (await (await instance().getEnv()).DB.prepare(text).all()).results;

async function call(...calls: readonly StorageCall[]) {
  const response = await worker.fetch("/", { method: "POST", body: JSON.stringify(calls) });
  expect(response.status).toBe(200);
  return await response.json() as unknown[];
}

describe("the storage in D1", () => {
  test("writes entries together, each once, and gives them back", async () => {
    await migrate();
    const entries = Array.from({ length: 40 }, (_, index) => intentOf(`msgbatch_${index}`));
    const append = [...entries, ...entries].map((entry) => ({ name: "append", entry }) as const);
    expect(await call(...append)).toEqual(append.map(() => null));
    expect(await call({ name: "entries" })).toEqual([entries]);
    const [first = intentOf(""), ...others] = entries;
    await call({ name: "append", entry: outcomeOf(first) });
    await call({ name: "append", entry: first });
    expect(await call({ name: "openIntents", now: Date.parse(first.time) + 900_001 }))
      .toEqual([others]);
    const counted = [1, 2, 3].map(() => intentOf("msgbatch_1", { actor: "a" }));
    const told = await call(
      ...counted.map((entry) => ({ name: "appendWithin", entry, most: 2 }) as const),
    );
    expect(told.toSorted()).toEqual([first.time, null, null]);
  });

  test("refuses whatever changes or removes an entry", async () => {
    await migrate();
    const entry = intentOf("msgbatch_1");
    await call({ name: "append", entry });
    const columns = "(seq, id, time, phase, object_id, entry)";
    for (
      const text of [
        "DELETE FROM audit_entries",
        "UPDATE audit_entries SET entry = '{}'",
        `REPLACE INTO audit_entries ${columns} VALUES (1, 'x', '', 'intent', '', '{}')`,
        `REPLACE INTO audit_entries ${columns} VALUES (9, '${entry.id}', '', 'intent', '', '{}')`,
      ]
    ) {
      await expect(sql(text)).rejects.toThrow("only ever added to");
    }
    expect(await call({ name: "entries" })).toEqual([[entry]]);
  });

  test("keeps holds and runs", async () => {
    await migrate();
    await sql("INSERT INTO holds (id) VALUES ('msgbatch_1')");
    await expect(sql("INSERT INTO holds (id) VALUES ('msgbatch_*')")).rejects.toThrow("CHECK");
    const run = { id: "1", startedAt: "2026-11-22T00:00:00.000Z" };
    expect(
      await call(
        { name: "holds" },
        { name: "isHeld", id: "msgbatch_1" },
        { name: "isHeld", id: "msgbatch_2" },
        { name: "addRun", run },
      ),
    ).toEqual([["msgbatch_1"], true, false, null]);
    expect(await call({ name: "runs" })).toEqual([{ first: run, last: run }]);
  });

  test("makes no table that is not there, or no longer", async () => {
    const gone = (name: string) => ({
      error: `StorageError: Cannot use the database: it has no ${name}`,
    });
    expect(await call({ name: "check" })).toEqual([gone("audit_entries")]);
    const entry = intentOf("msgbatch_1");
    expect(await call({ name: "append", entry }))
      .toEqual([{ error: expect.stringContaining("no such table: audit_entries") }]);
    await migrate();
    expect(await call({ name: "check" })).toEqual([null]);
    await sql("DROP TABLE open_intents");
    expect(await call({ name: "check" })).toEqual([gone("open_intents")]);
    expect(await call({ name: "append", entry }))
      .toEqual([{ error: expect.stringContaining("no such table") }]);
    expect(await call({ name: "entries" })).toEqual([[]]);
  });
});

test("the migrations of wrangler are those of the storage", async () => {
  const files = await readdir(migrationsFolder);
  expect(files.toSorted()).toEqual(migrations.map(({ name }) => `${name}.sql`));
  for (const { name, sql } of migrations) {
    expect(await readFile(join(migrationsFolder, `${name}.sql`), "utf8")).toBe(sql);
  }
});
