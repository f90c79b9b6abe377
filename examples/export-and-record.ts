// Saves the results of all batches that ended 7 days ago in results/, deletes the batches, and records
// both in audit.jsonl. The last line is the head of the audit trail: keep it elsewhere, and
// `batchsweep audit verify audit.jsonl --head HEAD` proves that nothing was changed since.
//
// Run: node export-and-record.ts
import { createJsonlAuditTrail, verifyAuditTrail } from "batchsweep/audit";
import { openAppendFile, openResultFolder, readFileBytes } from "batchsweep/node";
import { applyPurge, planPurge } from "batchsweep/purge";
import process from "node:process";

const file = await openAppendFile("audit.jsonl");
const client = {
  apiKey: process.env["ANTHROPIC_API_KEY"],
  baseUrl: process.env["ANTHROPIC_BASE_URL"],
  auditTrail: createJsonlAuditTrail(file),
};
const plan = await planPurge(client, { filter: { minDaysSinceEnded: 7 }, archived: "keep" });
const run = applyPurge(client, plan, { exportTo: await openResultFolder("results") });
for await (const outcome of run) console.log(JSON.stringify(outcome));
const { planned, deleted, missing } = await run;
if (deleted + missing < planned) process.exitCode = 1;
await file.close();
console.log((await verifyAuditTrail(readFileBytes("audit.jsonl"))).head);
