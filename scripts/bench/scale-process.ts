/**
 * A process that plans the deletion of all batches there are, and applies the plan; or does the same
 * number of deletions with raw `fetch`. It prints what that took: seconds, and its peak memory (RSS) in
 * MB. Arguments: the bundle's URL or `raw-fetch`, the server's.
 *
 * @module
 */
import type * as library from "../../src/purge/mod.ts";

const [, , subject = "", baseUrl = ""] = process.argv;
const apiKey = "sk-ant-api03-bench";
const peak = () => process.resourceUsage().maxRSS / 1024;
const seconds = () => performance.now() / 1000;

/** Plans, and gives the function that applies the plan and counts the deletions. */
async function planByLibrary(): Promise<() => Promise<number>> {
  const { applyPurge, planPurge }: typeof library = await import(subject);
  const client = { baseUrl, apiKey };
  const plan = await planPurge(client, { filter: { minDaysSinceEnded: 1 } });
  return async () => (await applyPurge(client, plan)).deleted;
}

/** The same without a plan, a check or a retry: the ids, then 32 deletions at a time. */
async function planByRawFetch(): Promise<() => Promise<number>> {
  const headers = { "x-api-key": apiKey, "anthropic-version": "2023-06-01" };
  const ids: string[] = [];
  for (let after = "", more = true; more;) {
    const url = `${baseUrl}/v1/messages/batches?limit=1000${after && `&after_id=${after}`}`;
    const page = await (await fetch(url, { headers })).json();
    for (const { id } of page.data) ids.push(id);
    after = page.last_id;
    more = page.has_more;
  }
  return async () => {
    let deleted = 0;
    const work = async () => {
      for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
        const url = `${baseUrl}/v1/messages/batches/${id}`;
        const response = await fetch(url, { method: "DELETE", headers });
        if ((await response.json()).id === id) deleted += 1;
      }
    };
    await Promise.all(Array.from({ length: 32 }, work));
    return deleted;
  };
}

const loaded = peak();
const startedAt = seconds();
const apply = subject === "raw-fetch" ? await planByRawFetch() : await planByLibrary();
const plannedAt = seconds();
const planned = peak();
const deleted = await apply();
const time = { plan: plannedAt - startedAt, apply: seconds() - plannedAt };
console.log(JSON.stringify({ deleted, ...time, loaded, planned, peak: peak() }));
process.exit(0);
