// Deletes batches from Deno, which imports the library by URL: nothing to install or configure.
//
// Run: deno run --allow-net=api.anthropic.com --allow-env deno-url.ts msgbatch_…
import { deleteMessageBatch } from "https://raw.githubusercontent.com/batchsweep/batchsweep/v0.1.0/mod.ts";

const client = {
  apiKey: Deno.env.get("ANTHROPIC_API_KEY"),
  baseUrl: Deno.env.get("ANTHROPIC_BASE_URL"),
};
for (const id of Deno.args) {
  const { evidence, requestId } = await deleteMessageBatch(client, id);
  console.log(`${id}: ${evidence} (${requestId})`);
}
