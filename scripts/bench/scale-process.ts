/**
 * A process that plans the deletion of all batches there are, and applies the plan, and prints what it
 * took: seconds, and its peak memory (RSS) in MB. Arguments: the bundle's URL, the server's.
 *
 * @module
 */
import type * as library from "../../src/purge/mod.ts";

const [, , bundle = "", baseUrl = ""] = process.argv;
const { applyPurge, planPurge }: typeof library = await import(bundle);
const client = { baseUrl, apiKey: "sk-ant-api03-bench" };
const peak = () => process.resourceUsage().maxRSS / 1024;
const seconds = () => performance.now() / 1000;

const loaded = peak();
const startedAt = seconds();
const plan = await planPurge(client, { filter: { minDaysSinceEnded: 1 } });
const plannedAt = seconds();
const planned = peak();
let deleted = 0;
for await (const { outcome } of applyPurge(client, plan)) if (outcome === "deleted") deleted += 1;
const time = { plan: plannedAt - startedAt, apply: seconds() - plannedAt };
console.log(JSON.stringify({ deleted, ...time, loaded, planned, peak: peak() }));
process.exit(0);
