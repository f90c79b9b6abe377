/**
 * SQLite as the database of the service, over `node:sqlite`, which Node, Deno and Bun have.
 *
 * @module
 */
import { closeSync, openSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { createStorage, type Database, migrations, type Statement } from "../storage/mod.ts";

/** A database that is open. */
export interface SqliteDatabase extends Database {
  close(): void;
}

/** "bswp": marks a file as ours, so that no other program's database gets our tables. */
const applicationId = 0x62737770;

/**
 * Opens a SQLite file, and makes the tables in a new one. A table that is gone is not made again.
 *
 * It uses the rollback journal, not WAL: a write then fails if the file was removed or renamed.
 *
 * @param path Path of the file, or `:memory:`.
 * @throws An error of the file system, or of SQLite.
 */
export function openSqlite(path: string): SqliteDatabase {
  if (path !== ":memory:") checkFile(path);
  const database = new DatabaseSync(path, { timeout: 3_000 });
  try {
    // EXTRA: what was committed survives a crash of the machine, too.
    database.exec("PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA");
    transaction(database, () => migrate(database));
  } catch (error) {
    database.close();
    throw error;
  }
  return {
    run: (statements) => attempt(() => transaction(database, () => allRows(database, statements))),
    checkWritable() {
      const write = () => setVersion(database, read(database, "user_version")); // it changes nothing
      return attempt(() => transaction(database, write));
    },
    close: () => database.close(),
  };
}

/**
 * Reads the audit trail of a database as JSON lines, while others may write. It changes nothing.
 *
 * @throws An error of SQLite, or the database has no audit trail.
 */
export async function* readSqliteTrail(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const database = new DatabaseSync(path, { readOnly: true, timeout: 3_000 });
  try {
    const table = "SELECT 1 FROM sqlite_master WHERE name = 'audit_entries'";
    if (!database.prepare(table).get()) throw new Error("the database has no audit trail");
    const run: Database["run"] = (statements) => attempt(() => allRows(database, statements));
    const encoder = new TextEncoder();
    for await (const lines of createStorage({ run }).lines()) yield encoder.encode(lines);
  } finally {
    database.close();
  }
}

function allRows(database: DatabaseSync, statements: readonly Statement[]) {
  return statements.map(({ sql, values }) => {
    // By name: in order, Node before 22.19 does not know `?1`.
    const numbers = Array.from(sql.matchAll(/\?(\d+)/g), ([, number]) => Number(number));
    const named = Object.fromEntries(numbers.map((number) => [number, values[number - 1] ?? null]));
    return database.prepare(sql).all(named);
  });
}

/** Fails with an error of the file system, which says more than SQLite does. */
function checkFile(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found && !found.isFile() && !found.isDirectory()) throw new Error("it is no regular file");
  closeSync(openSync(path, "a", 0o600));
}

// deno-lint-ignore require-await
async function attempt<Value>(action: () => Value): Promise<Value> {
  return action();
}

function transaction<Value>(database: DatabaseSync, action: () => Value): Value {
  database.exec("BEGIN IMMEDIATE");
  try {
    const value = action();
    database.exec("COMMIT");
    return value;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function migrate(database: DatabaseSync): void {
  const version = read(database, "user_version");
  const { tables } = database.prepare("SELECT count(*) AS tables FROM sqlite_master").get() ?? {};
  if (read(database, "application_id") !== applicationId && (version !== 0 || tables !== 0)) {
    throw new Error("it is the database of another program");
  }
  if (version > migrations.length) throw new Error("a newer version of batchsweep made it");
  for (const { sql } of migrations.slice(version)) database.exec(sql);
  database.exec(`PRAGMA application_id = ${applicationId}`);
  setVersion(database, migrations.length);
}

function read(database: DatabaseSync, pragma: "application_id" | "user_version"): number {
  return Number(database.prepare(`PRAGMA ${pragma}`).get()?.[pragma]);
}

function setVersion(database: DatabaseSync, version: number): void {
  database.exec(`PRAGMA user_version = ${version}`);
}
