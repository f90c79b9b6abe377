/**
 * A process that adds to an audit trail or seals it, in any runtime: `add FILE NAME COUNT SIZE`, or
 * `seal FILE`, until stdin ends. It tells each thing that is done in a line.
 *
 * @module
 */
import process from "node:process";
import { createJsonlAuditTrail } from "../../src/audit/jsonl.ts";
import { sealAuditTrail } from "../../src/audit/seal.ts";
import { openAppendFile } from "../../src/adapters/append-file.ts";
import { files } from "../../src/adapters/files.ts";
import { auditSource, sealsOf } from "../../src/cli/trail.ts";
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

async function seal(): Promise<void> {
  let over = false;
  process.stdin.on("end", () => over = true).resume();
  const file = await openAppendFile(sealsOf(path));
  for (let last = false; !last;) {
    last = over;
    tell(await sealAuditTrail(auditSource(files, path), file));
    await new Promise((resolve) => setTimeout(resolve));
  }
  await file.close();
}

if (command === "add") await add();
if (command === "seal") await seal();
process.exit(0);
