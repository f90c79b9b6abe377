// A Vercel function, api/sweep.ts, that a cron job of vercel.json calls:
//   { "crons": [{ "path": "/api/sweep", "schedule": "17 3 * * *" }] }
// It deletes up to 500 batches that ended 30 days ago. Vercel sends CRON_SECRET with the call.
//
// Run: npx vercel deploy
import { applyPurge, planPurge } from "batchsweep/purge";
import process from "node:process";

export async function GET(request: Request): Promise<Response> {
  const secret = process.env["CRON_SECRET"];
  if (!secret || request.headers.get("authorization") !== `Bearer ${secret}`) {
    return new Response(null, { status: 401 });
  }
  const client = {
    apiKey: process.env["ANTHROPIC_API_KEY"],
    baseUrl: process.env["ANTHROPIC_BASE_URL"],
  };
  const plan = await planPurge(client, { filter: { minDaysSinceEnded: 30, oldest: 500 } });
  // No deletion begins after 240 of the 300 seconds that a function may take.
  const summary = await applyPurge(client, plan, { signal: AbortSignal.timeout(240_000) });
  return Response.json(summary);
}
