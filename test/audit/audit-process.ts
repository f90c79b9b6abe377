/**
 * A process that adds to an audit trail, in any runtime: `add FILE NAME COUNT SIZE`. It tells each
 * entry that is safe in a line.
 *
 * @module
 */
import process from "node:process";
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

if (command === "add") await add();
process.exit(0);
