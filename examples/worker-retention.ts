// A Worker that deletes what a retention policy lets go: batches that ended 30 days ago, except the
// newest ten. It needs no database. For an audit trail and a gateway, deploy the Worker of this
// repository instead (docs/worker.md).
//
// wrangler.toml:
//   name = "retention"
//   main = "worker-retention.ts"
//   compatibility_date = "2026-11-01"
//   triggers = { crons = ["17 * * * *"] }
//
// Run: npx wrangler secret put ANTHROPIC_API_KEY && npx wrangler deploy
import { type RetentionPolicy, runRetention } from "batchsweep/retention";

interface Env {
  readonly ANTHROPIC_API_KEY: string;
  readonly ANTHROPIC_BASE_URL?: string;
}

const policy: RetentionPolicy = {
  version: 1,
  rules: [
    { type: "delete_after", days: 30, since: "ended" },
    { type: "keep_last", count: 10 },
  ],
  holds: [],
};

export default {
  async scheduled(_event: unknown, env: Env): Promise<void> {
    const client = { apiKey: env.ANTHROPIC_API_KEY, baseUrl: env.ANTHROPIC_BASE_URL };
    // The next run goes on with what is left.
    const run = await runRetention(client, policy, { requests: 1_000, maxShare: 0.5 });
    console.log(JSON.stringify(run));
    if (run.error !== undefined) throw new Error(run.error.message); // the run counts as failed
  },
};
