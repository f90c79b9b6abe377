// A gateway as a Bun server: the holder of a token in GATEWAY_TOKENS may delete batches with an official
// SDK, and never sees the API key. Every deletion is recorded in audit.jsonl.
//
// `npx batchsweep token create NAME` prints a token, and its row for GATEWAY_TOKENS,
// which is a list: '[ROW]'.
//
// Run: bun bun-gateway.ts
import { createJsonlAuditTrail } from "batchsweep/audit";
import { openAppendFile } from "batchsweep/node";
import { createService } from "batchsweep/service";

const file = await openAppendFile("audit.jsonl");
const stop = new AbortController();
const service = createService({
  environment: Bun.env, // ANTHROPIC_API_KEY and GATEWAY_TOKENS
  client: {
    auditTrail: createJsonlAuditTrail(file),
    headers: { connection: "close" }, // else Bun may repeat a DELETE unseen
  },
  log: (record) => console.log(JSON.stringify(record)),
  signal: stop.signal,
});
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(Bun.env["PORT"] ?? 8787),
  idleTimeout: 60, // seconds; a deletion may take 25
  fetch: service.fetch,
});
console.log(`Listening on ${server.url}`);

async function end(): Promise<void> {
  stop.abort(); // what is under way ends and is recorded
  await server.stop();
  await file.close();
}
process.once("SIGTERM", end).once("SIGINT", end);
