import { afterEach, describe, expect, test } from "vitest";
import {
  applyPurge,
  type ApplyPurgeOptions,
  type Client,
  deleteMessageBatch,
  planPurge,
  type PurgePlan,
} from "../../mod.ts";
import { serve, type Server } from "../../src/adapters/serve.ts";
import { createSandbox, type RateLimit, type Sandbox } from "../../src/sandbox/sandbox.ts";
import { daysAgo, drain } from "../fixtures/batches.ts";
import { apiKey } from "../fixtures/stub.ts";

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** A sandbox behind HTTP, with batches that have ended, and what it was asked. */
async function start(batches: number, rateLimit?: RateLimit, headers: Record<string, string> = {}) {
  const sandbox = createSandbox({ rateLimit });
  for (let index = 0; index < batches; index += 1) sandbox.seed({ created_at: daysAgo(9) });
  const server = await serve(async (request) => {
    const response = await sandbox.fetch(request);
    for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
    return response;
  });
  servers.push(server);
  const client: Client = { apiKey, baseUrl: server.url };
  return { sandbox, client, plan: await planPurge(client, { filter: "*" }) };
}

const refused = ({ requests }: Sandbox) => requests.filter(({ status }) => status === 429).length;

async function apply(client: Client, plan: PurgePlan, options: ApplyPurgeOptions = {}) {
  const begun = performance.now();
  const { summary } = await drain(applyPurge(client, plan, options));
  return { summary, duration: performance.now() - begun };
}

describe("applyPurge() over HTTP, under a limit,", () => {
  const limit = { perMinute: 6_000, burst: 20 }; // 100/s

  test.each([true, false])("deletes all in little more than the least time, headers: %s", async (
    headers,
  ) => {
    const { sandbox, client, plan } = await start(200, { ...limit, headers });
    const { summary, duration } = await apply(client, plan);
    expect(summary).toMatchObject({ planned: 200, deleted: 200 });
    expect(duration).toBeGreaterThan(1_700);
    expect(duration).toBeLessThan(9_000); // a busy machine; the benchmark measures
    expect(refused(sandbox) / sandbox.requests.length).toBeLessThan(headers ? 0.05 : 0.2);
  });

  test.each([true, false])("fails nothing while others use half of it, headers: %s", async (
    headers,
  ) => {
    const { sandbox, client, plan } = await start(150, { ...limit, headers });
    const over = new AbortController();
    const greedy = (async () => {
      let answered = 0;
      while (!over.signal.aborted) {
        const { status } = await sandbox.fetch(`${client.baseUrl}/v1/messages/batches?limit=1`, {
          headers: { "x-api-key": "another", "anthropic-version": "2023-06-01" },
        });
        if (status === 200) answered += 1;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return answered;
    })();
    const { summary } = await apply({ ...client, maxRetries: 0 }, plan);
    over.abort();
    expect(summary).toMatchObject({ planned: 150, deleted: 150 });
    expect(await greedy).toBeGreaterThan(20);
  });

  test("fails nothing when two purges share it, and neither waits for the other's end", async () => {
    const { sandbox, client, plan } = await start(160, limit);
    const items = plan.items;
    const [one, other] = await Promise.all([
      apply(client, { ...plan, items: items.slice(0, 80) }),
      apply(client, { ...plan, items: items.slice(80) }),
    ]);
    expect([one.summary.deleted, other.summary.deleted]).toEqual([80, 80]);
    expect(sandbox.size).toBe(0);
  });

  test("ends its waits at once when it is aborted", async () => {
    const { sandbox, client, plan } = await start(100, { perMinute: 60, burst: 5 });
    const controller = new AbortController();
    const run = applyPurge(client, plan, { signal: controller.signal });
    for (let index = 0; index < 2; index += 1) await run.next();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const begun = performance.now();
    controller.abort();
    const { summary } = await drain(run);
    expect(performance.now() - begun).toBeLessThan(500);
    expect(summary.unattempted).toBe(sandbox.size);
    expect(summary.failed).toBe(0);
  });
});

describe("applyPurge() over HTTP, whatever the headers say,", () => {
  const limits = (limit: string, remaining: string) => ({
    "anthropic-ratelimit-requests-limit": limit,
    "anthropic-ratelimit-requests-remaining": remaining,
    "anthropic-ratelimit-requests-reset": "2036-11-22T00:00:00Z",
  });
  const table: [string, string][] = [["0", "-5"], ["NaN", "x"], ["1", "0"], ["999999999", "0"]];
  test.each(table)("never hangs: limit %s, remaining %s", async (limit, remaining) => {
    const { client, plan } = await start(20, undefined, limits(limit, remaining));
    const { summary, duration } = await apply({ ...client, maxRetryDelay: 50 }, plan);
    expect(summary).toMatchObject({ deleted: 20 });
    expect(duration).toBeLessThan(20 * 50 + 5_000);
  });
});

describe("deleteMessageBatch(), without a pace,", () => {
  test("goes as it always went: a 429 counts as a retry", async () => {
    const { sandbox, client } = await start(1);
    sandbox.clearRequests();
    sandbox.fail({ status: 429, times: 9, headers: { "retry-after-ms": "1" } });
    await expect(deleteMessageBatch(client, "msgbatch_1")).rejects.toMatchObject({
      status: 429,
      attempts: 3,
    });
  });
});
