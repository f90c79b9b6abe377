/**
 * A process of its own that serves the sandbox, with batches that have ended. Its argument is JSON:
 * how many, and optionally the limit and how long each answer takes, in milliseconds. It prints its
 * URL, and for every line of its input what it has seen; it ends when its input does.
 *
 * @module
 */
import { createInterface } from "node:readline";
import { serve } from "../../src/adapters/serve.ts";
import { createSandbox, type RateLimit } from "../../src/sandbox/mod.ts";

/** What the server is asked for. */
export interface SandboxServerOptions {
  readonly batches: number;
  readonly limit?: RateLimit | undefined;
  readonly latency?: number | undefined;
}

/** What the server has seen. */
export interface SandboxServerReport {
  readonly requests: number;
  /** Those that were answered by 429. */
  readonly refused: number;
  /** How many batches are left. */
  readonly left: number;
}

const { batches, limit, latency }: SandboxServerOptions = JSON.parse(process.argv[2] ?? "{}");
const sandbox = createSandbox({ rateLimit: limit, requestLogSize: 16 });
for (let number = 1; number <= batches; number += 1) {
  sandbox.seed({ id: `msgbatch_bench_${number}`, created_at: "2026-01-01T00:00:00Z" });
}
if (latency) sandbox.fail({ delay: latency, after: true, times: Infinity });

let requests = 0;
let refused = 0;
const { url } = await serve(async (request) => {
  requests += 1;
  const response = await sandbox.fetch(request);
  if (response.status === 429) refused += 1;
  return response;
});
console.log(url);
for await (const _ of createInterface({ input: process.stdin })) {
  const report: SandboxServerReport = { requests, refused, left: sandbox.size };
  console.log(JSON.stringify(report));
}
process.exit(0);
