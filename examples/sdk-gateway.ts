// Deletes batches with the official SDK through a gateway (bun-gateway.ts): only the base URL and the
// key differ. The token, in GATEWAY_TOKEN, may delete batches, and nothing else.
//
// Run: node sdk-gateway.ts msgbatch_…
import Anthropic from "@anthropic-ai/sdk";
import process from "node:process";

const client = new Anthropic({
  baseURL: process.env["GATEWAY_URL"] ?? "http://127.0.0.1:8787",
  apiKey: process.env["GATEWAY_TOKEN"] ?? "",
});
for (const id of process.argv.slice(2)) {
  console.log(JSON.stringify(await client.messages.batches.delete(id)));
}
