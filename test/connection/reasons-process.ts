/**
 * Deletes a batch at each of some base URLs, and prints why that failed. A URL that stands twice is
 * asked again, on the connection that was used before.
 */
import process from "node:process";
import { APIConnectionError, deleteMessageBatch } from "../../mod.ts";

for (const baseUrl of process.argv.slice(2)) {
  const client = { apiKey: "sk-ant-api03-SENTINEL", baseUrl, maxRetries: 0 };
  const end = await deleteMessageBatch(client, "msgbatch_1").catch((error: unknown) => error);
  if (end instanceof APIConnectionError) {
    const { reason, sent, outcomeKnown, why } = end;
    console.log(JSON.stringify({ reason, sent, outcomeKnown, why }));
  } else {
    console.log(JSON.stringify(end));
  }
}
process.exit(0);
