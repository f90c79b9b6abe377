import { execFileSync } from "node:child_process";
import { mkdtemp, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSqlite } from "../../src/adapters/sqlite.ts";
import type { AuditEntry } from "../../src/audit/mod.ts";
import { createStorage, migrations } from "../../src/storage/mod.ts";
import { collect, intentOf, outcomeOf } from "../fixtures/audit-entries.ts";
import { rejection } from "../fixtures/stub.ts";

let folder = "";
let path = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "batchsweep-"));
  path = join(folder, "batchsweep.sqlite");
});
afterEach(() => rm(folder, { recursive: true }));

const clock = { now: () => 0, random: () => 0, sleep: () => Promise.resolve() };

/** A storage on the file, and plain SQL on it from another connection. */
function open() {
  const database = openSqlite(path);
  const storage = createStorage(database, { clock });
  const other = new DatabaseSync(path);
  const close = () => {
    database.close();
    other.close();
  };
  return {
    database,
    storage,
    sql: (text: string) => other.exec(text),
    count: (table: string) => other.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.["n"],
    [Symbol.dispose]: close,
  };
}

describe("the audit trail in SQLite", () => {
  test("gives the entries back, in order, by object and by time", async () => {
    using opened = open();
    const { storage } = opened;
    const entries = Array.from({ length: 1_201 }, (_, index) =>
      intentOf(`msgbatch_${index % 3}`, {
        time: new Date(Date.parse("2026-11-22T00:00:00Z") + index).toISOString(),
        reason: "é 😀",
      }));
    const { auditTrail } = storage; // so that they are written together
    for (const entry of entries) void auditTrail.append(entry);
    await auditTrail.append(intentOf("msgbatch_last"));
    const read = (options = {}) => collect(storage.entries(options));
    expect((await read()).slice(0, -1)).toEqual(entries);
    expect(await read({ objectId: "msgbatch_1" })).toEqual(
      entries.filter(({ objectId }) => objectId === "msgbatch_1"),
    );
    const [since, until] = [entries[700]?.time, entries[710]?.time];
    expect(await read({ since, until })).toEqual(entries.slice(700, 710));
  });

  test("keeps one row of a write that is repeated, and knows which intents are open", async () => {
    using opened = open();
    const { storage: { auditTrail, openIntents }, count } = opened;
    const [one, other] = [intentOf("msgbatch_1"), intentOf("msgbatch_2")];
    const outcome = outcomeOf(one);
    for (const entry of [one, other, one, outcome, outcome, one]) await auditTrail.append(entry);
    expect(count("audit_entries")).toBe(3);
    // One so far in the future is of a wrong clock: no deletion of it goes on.
    for (
      const [after, open] of [[-900_001, [other]], [-900_000, []], [0, []], [900_001, [other]]]
    ) {
      expect(await openIntents(Date.parse(one.time) + Number(after))).toEqual(open);
    }
  });

  test("takes so many intents of an actor within a time, at once or one by one", async () => {
    using opened = open();
    const { storage, count } = opened;
    const at = (hour: number) => `2026-11-22T0${hour}:00:00.000Z`;
    const intent = (hour: number, more: Partial<AuditEntry> = {}) =>
      intentOf("msgbatch_1", { actor: "a", time: at(hour), ...more });
    await storage.auditTrail.append(intent(3, { operation: "cancel" }));
    await storage.auditTrail.append(intent(3, { actor: "b" }));
    await storage.auditTrail.append(outcomeOf(intent(3)));
    const add = (entry: AuditEntry) => storage.appendWithin(entry, 3, at(1));
    const [old, first, second] = [intent(0), intent(1), intent(2)];
    for (const entry of [old, first, second, second]) expect(await add(entry)).toBeUndefined();
    const told = await Promise.all([intent(3), intent(3), intent(3)].map(add));
    expect(told.toSorted()).toEqual([at(1), at(1), undefined]);
    expect(await add(second)).toBeUndefined(); // it is there
    expect(count("audit_entries")).toBe(7);
    expect(await storage.appendWithin(intent(4), 3, at(2))).toBeUndefined();
  });

  test("refuses whatever changes or removes an entry", async () => {
    using opened = open();
    const { storage: { auditTrail }, sql, count } = opened;
    const entry = intentOf("msgbatch_1");
    await auditTrail.append(entry);
    const columns = "(seq, id, time, phase, object_id, entry)";
    for (
      const text of [
        "DELETE FROM audit_entries",
        "UPDATE audit_entries SET entry = '{}'",
        `REPLACE INTO audit_entries ${columns} VALUES (1, 'x', '', 'intent', '', '{}')`,
        `REPLACE INTO audit_entries ${columns} VALUES (9, '${entry.id}', '', 'intent', '', '{}')`,
        `INSERT OR IGNORE INTO audit_entries ${columns} VALUES (9, '${entry.id}', '', 'intent', '', '{}')`,
      ]
    ) {
      expect(() => sql(text), text).toThrow("only ever added to");
    }
    expect(() =>
      sql(`INSERT INTO audit_entries ${columns} VALUES (-1, '', '', 'intent', '', '{}')`)
    )
      .toThrow("CHECK");
    expect(await rejection(auditTrail.append({ ...entry, reason: "another" })))
      .toMatchObject({ code: "ERR_STORAGE" });
    expect(count("audit_entries")).toBe(1);
  });
});

describe("holds and runs in SQLite", () => {
  test("take ids of batches only: a pattern would hold nothing", async () => {
    using opened = open();
    const { storage, sql } = opened;
    sql("INSERT INTO holds (id) VALUES ('msgbatch_1')");
    sql("INSERT INTO holds (id, reason) VALUES ('msgbatch_2', 'Smith v. Jones')");
    for (const id of ["msgbatch_*", "msgbatch_%", "", " msgbatch_3", "msgbatch_3\n", ".."]) {
      expect(() => sql(`INSERT INTO holds (id) VALUES ('${id}')`)).toThrow("CHECK");
    }
    expect((await storage.holds()).toSorted()).toEqual(["msgbatch_1", "msgbatch_2"]);
    expect(await storage.isHeld("msgbatch_1")).toBe(true);
    expect(await storage.isHeld("msgbatch_")).toBe(false);
  });

  test("tell the newest run, the newest that ended, and the newest that was good", async () => {
    using opened = open();
    const { storage } = opened;
    expect(await storage.runs()).toEqual({});
    const counts = { requests: 1, listed: 1, due: 0, deleted: 0, missing: 0, skipped: 0 };
    const more = { failed: 0, settled: 0, hasMore: false };
    const time = "2026-11-22T00:00:00.000Z";
    const runOf = (id: string, changes = {}) => ({
      id,
      startedAt: time,
      run: { startedAt: time, endedAt: time, ...counts, ...more, ...changes },
    });
    const begun = (id: string) => ({ id, startedAt: time });
    const good = runOf("good");
    await storage.addRun(begun("good"));
    expect(await storage.runs()).toEqual({ first: begun("good"), last: begun("good") });
    await storage.addRun(good);
    await storage.addRun(good);
    expect(await storage.runs()).toEqual({
      first: good,
      last: good,
      lastEnded: good,
      lastGood: good,
    });
    await storage.addRun(runOf("unfinished", { hasMore: true }));
    const failed = runOf("failed", { error: { code: "ERR_API", message: "refused" } });
    await storage.addRun(failed);
    await storage.addRun(begun("begun"));
    expect(await storage.runs())
      .toEqual({ first: good, last: begun("begun"), lastEnded: failed, lastGood: good });
  });
});

test("operations in SQLite are replaced by others with their batch once they have ended", async () => {
  using opened = open();
  const { storage } = opened;
  const first = { id: "msgbatch_1", startedAt: "2026-11-22T00:00:00.000Z", looks: 0 };
  const other = { ...first, startedAt: "2026-11-22T00:00:01.000Z", webhookId: "msg_2" };
  const younger = { ...other, id: "msgbatch_0" };
  for (const operation of [younger, first, { ...first, looks: 3 }, other]) {
    await storage.saveOperation(operation);
  }
  expect(await storage.operation("msgbatch_1")).toEqual({ ...first, looks: 3 });
  expect(await storage.openOperations()).toEqual(["msgbatch_1", "msgbatch_0"]);
  const ended = { ...first, endedAt: "2026-11-22T00:00:02.000Z", evidence: "receipt" as const };
  await storage.saveOperation(ended);
  expect(await storage.openOperations()).toEqual(["msgbatch_0"]);
  expect(await storage.operation("msgbatch_1")).toEqual(ended);
  await storage.saveOperation(other);
  expect(await storage.operation("msgbatch_1")).toEqual(other);
  expect(await storage.operation("msgbatch_2")).toBeUndefined();
});

describe("check() finds", () => {
  const names = migrations.flatMap(({ sql }) =>
    [...sql.matchAll(/^CREATE (TABLE|INDEX|TRIGGER) (\w+)/gm)].map(([, kind = "", name = ""]) =>
      [kind, name] as const
    )
  );

  test.each(names)("that the %s %s is gone, which is not made again", async (kind, name) => {
    const error = { code: "ERR_STORAGE", message: `Cannot use the database: it has no ${name}` };
    {
      using opened = open();
      await opened.storage.check();
      opened.sql(`DROP ${kind} ${name}`);
      expect(await rejection(opened.storage.check())).toMatchObject(error);
    }
    using again = open();
    expect(await rejection(again.storage.check())).toMatchObject(error);
  });

  const changes: Record<string, () => Promise<unknown>> = {
    "removed": () => rm(path),
    "renamed": () => rename(path, `${path}.old`),
    "renamed, and another has its name": async () => {
      await rename(path, `${path}.old`);
      await writeFile(path, "");
    },
    "truncated": () => truncate(path),
  };
  test.each(Object.entries(changes))(
    "that the file was %s; so does append()",
    async (_, change) => {
      using opened = open();
      const { storage } = opened;
      await storage.auditTrail.append(intentOf("msgbatch_1"));
      await change();
      expect(await rejection(storage.check())).toMatchObject({ code: "ERR_STORAGE" });
      expect(await rejection(storage.auditTrail.append(intentOf("msgbatch_2"))))
        .toMatchObject({ code: "ERR_STORAGE" });
    },
  );
});

describe("openSqlite()", () => {
  test("makes a file for its owner only, with a rollback journal", async () => {
    using opened = open();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const [[mode] = []] = await opened.database.run([{ sql: "PRAGMA journal_mode", values: [] }]);
    expect(mode).toEqual({ journal_mode: "delete" });
  });

  test("runs all statements or none", async () => {
    using opened = open();
    const insert = (id: string) => ({ sql: "INSERT INTO holds (id) VALUES (?1)", values: [id] });
    await rejection(opened.database.run([insert("msgbatch_1"), insert("msgbatch_*")]));
    expect(await opened.storage.holds()).toEqual([]);
    await opened.database.run([insert("msgbatch_1"), insert("msgbatch_2")]);
    expect(await opened.storage.holds()).toHaveLength(2);
  });

  test("waits for another writer", async () => {
    using opened = open();
    execFileSync(process.execPath, [
      "--input-type=module",
      "-e",
      `
      import { spawn } from "node:child_process";
      spawn(process.execPath, ["--input-type=module", "-e", ${
        JSON.stringify(`
        import { DatabaseSync } from "node:sqlite";
        const db = new DatabaseSync(process.argv[1]);
        db.exec("BEGIN IMMEDIATE");
        console.log("locked");
        setTimeout(() => db.exec("COMMIT"), 500);
      `)
      }, process.argv[1]], { detached: true, stdio: ["ignore", "pipe", "ignore"] })
        .stdout.once("data", () => process.exit());
    `,
      path,
    ]);
    const startedAt = performance.now();
    await opened.storage.auditTrail.append(intentOf("msgbatch_1"));
    expect(performance.now() - startedAt).toBeGreaterThan(100);
  });

  const refusals: Record<string, [make: () => unknown, why: string]> = {
    "a folder": [() => rm(path, { force: true }).then(() => path = folder), "EISDIR"],
    "a file in no folder": [() => path = join(folder, "missing", "a.sqlite"), "ENOENT"],
    "a pipe": [() => execFileSync("mkfifo", [path]), "it is no regular file"],
    "a text": [
      () => writeFile(path, "a text that is no database at all, and longer than the header of one"),
      "file is not a database",
    ],
    "the database of another program": [
      () => new DatabaseSync(path).exec("CREATE TABLE notes (text TEXT)"),
      "it is the database of another program",
    ],
    "one of a later version": [() => {
      openSqlite(path).close();
      new DatabaseSync(path).exec("PRAGMA user_version = 99");
    }, "a newer version of batchsweep made it"],
  };
  test.each(Object.entries(refusals))("refuses %s", async (_, [make, why]) => {
    await make();
    expect(() => openSqlite(path)).toThrow(why);
  });
});
