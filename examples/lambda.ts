// An AWS Lambda function (nodejs24.x) that deletes the batch of its event, such as the last state of a
// Step Functions machine: {"id":"msgbatch_…"}. Lambda may call it twice for one event, so a batch that
// is gone already is a success, too.
//
// Run: npx esbuild lambda.ts --bundle --platform=node --format=esm --outfile=index.mjs
import { deleteMessageBatch, type Deletion } from "batchsweep";
import process from "node:process";

interface Context {
  getRemainingTimeInMillis(): number;
}

export async function handler(event: { id: string }, context: Context): Promise<Deletion> {
  const client = {
    apiKey: process.env["ANTHROPIC_API_KEY"],
    baseUrl: process.env["ANTHROPIC_BASE_URL"],
  };
  return await deleteMessageBatch(client, event.id, {
    allowMissing: true,
    signal: AbortSignal.timeout(context.getRemainingTimeInMillis() - 1_000),
  });
}
