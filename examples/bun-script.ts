// Deletes the batches that the command line names, and says of each what is known.
//
// Run: bun bun-script.ts msgbatch_… msgbatch_…
import { BatchsweepError, deleteMessageBatch } from "batchsweep";

const client = { apiKey: Bun.env["ANTHROPIC_API_KEY"], baseUrl: Bun.env["ANTHROPIC_BASE_URL"] };
for (const id of Bun.argv.slice(2)) {
  try {
    const { evidence } = await deleteMessageBatch(client, id);
    console.log(`${id}: deleted (${evidence})`);
  } catch (error) {
    if (!(error instanceof BatchsweepError)) throw error;
    console.log(`${id}: ${error.message} (${error.code})`); // says if it may be deleted
    process.exitCode = 1;
  }
}
