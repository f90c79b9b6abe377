/**
 * A process that adds to an audit trail, in any runtime: `add FILE NAME COUNT SIZE`. It tells each
 * entry that is safe in a line. `change FILE KIND` changes the file between two entries, and tells
 * why the next intent is refused, if it is.
 *
 * @module
 */
import { readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import process from "node:process";
import { gzipSync } from "node:zlib";
import { createJsonlAuditTrail } from "../../src/audit/mod.ts";
import { openAppendFile } from "../../src/adapters/append-file.ts";
import { entryOf } from "../fixtures/audit-entries.ts";

const [command, path = "", name = "", count = "0", size = "0"] = process.argv.slice(2);
const tell = (value: unknown) => console.log(JSON.stringify(value));

async function add(): Promise<void> {
  const file = await openAppendFile(path);
  const trail = createJsonlAuditTrail(file);
  let next = 0;
  const work = async () => {
    while (next < Number(count)) {
      const id = `${name}-${next += 1}`;
      await trail.append(entryOf(1, { id, actor: "x".repeat(Number(size)) }));
      tell(id);
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  await file.close();
}

const changes: Readonly<Record<string, () => Promise<void>>> = {
  renamed: () => rename(path, `${path}.1`),
  rotated: async () => {
    await rename(path, `${path}.1`);
    await writeFile(path, "");
  },
  "rotated and compressed": async () => {
    await changes["rotated"]?.();
    await writeFile(`${path}.1.gz`, gzipSync(await readFile(`${path}.1`)));
    await rm(`${path}.1`);
  },
  replaced: async () => {
    await writeFile(`${path}.new`, await readFile(path));
    await rename(`${path}.new`, path);
  },
  removed: () => rm(path),
  compressed: async () => {
    await writeFile(`${path}.gz`, gzipSync(await readFile(path)));
    await rm(path);
  },
  truncated: () => truncate(path, 10),
};

async function change(): Promise<void> {
  const file = await openAppendFile(path);
  const trail = createJsonlAuditTrail(file);
  await trail.append(entryOf(1, { id: "before" }));
  await changes[name]?.();
  await trail.append(
    entryOf(1, { id: "after", phase: "outcome", outcome: "deleted", intent: "x" }),
  );
  for (const id of ["next", "last"]) {
    await trail.append(entryOf(1, { id })).then(() => tell(null), ({ message }) => tell(message));
  }
  await file.close();
}

if (command === "add") await add();
if (command === "change") await change();
process.exit(0);
