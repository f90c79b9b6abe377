// A Worker that ends a pipeline: it stores the results of each batch in R2, and then deletes the batch.
// A batch whose results could not be stored whole stays for the next run.
//
// It takes all batches of the key's workspace. wrangler.toml:
//   name = "pipeline"
//   main = "worker-pipeline.ts"
//   compatibility_date = "2026-11-01"
//   triggers = { crons = ["*/10 * * * *"] }
//   r2_buckets = [{ binding = "RESULTS", bucket_name = "results" }]
//
// Run: npx wrangler secret put ANTHROPIC_API_KEY && npx wrangler deploy
import { applyPurge, planPurge } from "batchsweep/purge";

interface Env {
  readonly ANTHROPIC_API_KEY: string;
  readonly ANTHROPIC_BASE_URL?: string;
  readonly RESULTS: { put(key: string, value: Blob): Promise<unknown> };
}

export default {
  async scheduled(_event: unknown, env: Env): Promise<void> {
    const client = { apiKey: env.ANTHROPIC_API_KEY, baseUrl: env.ANTHROPIC_BASE_URL };
    // The oldest 100: a paid Worker may make 10,000 requests a run.
    const plan = await planPurge(client, { filter: { status: ["ended"], oldest: 100 } });
    const summary = await applyPurge(client, plan, {
      concurrency: 4, // so many results are in memory at once
      exportTo: { open: (id) => Promise.resolve(objectOf(env.RESULTS, `${id}.jsonl`)) },
    });
    console.log(JSON.stringify(summary));
  },
};

/** An object that is stored when the stream is closed. */
function objectOf(bucket: Env["RESULTS"], key: string): WritableStream<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  return new WritableStream({
    write: (chunk) => void chunks.push(chunk),
    close: async () => void await bucket.put(key, new Blob(chunks)),
  });
}
