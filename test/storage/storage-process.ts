/**
 * A process that adds to the audit trail in a SQLite file, in any runtime: `FILE NAME COUNT`. It prints
 * the id of each entry once it is safe, and at the end how many entries there are.
 *
 * @module
 */
import process from "node:process";
import { openSqlite } from "../../src/adapters/sqlite.ts";
import { createStorage } from "../../src/storage/mod.ts";
import { collect, intentOf } from "../fixtures/audit-entries.ts";

const [path = "", name = "", count = "0"] = process.argv.slice(2);
const database = openSqlite(path);
const storage = createStorage(database);
await storage.check();
let next = 0;
const work = async () => {
  while (next < Number(count)) {
    const id = `${name}-${next += 1}`;
    await storage.auditTrail.append(intentOf("msgbatch_1", { id, actor: name }));
    console.log(id);
  }
};
await Promise.all(Array.from({ length: 8 }, work));
console.log(`entries: ${(await collect(storage.entries())).length}`);
database.close();
