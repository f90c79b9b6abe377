// Deletes each night what ended 30 days ago. Deno.cron() runs it at 03:17 UTC, also on Deno Deploy.
// With --now it runs once at the start, too.
//
// Run: deno run --unstable-cron --allow-net=api.anthropic.com --allow-env deno-cron.ts --now
// Before, in your project: deno add npm:batchsweep
import { runRetention } from "batchsweep/retention";

const client = {
  apiKey: Deno.env.get("ANTHROPIC_API_KEY"),
  baseUrl: Deno.env.get("ANTHROPIC_BASE_URL"),
};

async function sweep(): Promise<void> {
  const run = await runRetention(client, {
    version: 1,
    rules: [{ type: "delete_after", days: 30, since: "ended" }],
    holds: [],
  });
  console.log(JSON.stringify(run));
}

Deno.cron("delete old message batches", "17 3 * * *", sweep);
if (Deno.args.includes("--now")) await sweep();
