import { setTimeout as setTimeoutAsync } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import {
  applyPurge,
  type ApplyPurgeOptions,
  planPurge,
  type PurgePlan,
} from "../../src/purge/mod.ts";
import { type Client, deleteMessageBatch } from "../../mod.ts";
import { serve, type Server } from "../../src/adapters/serve.ts";
import { createSandbox, type RateLimit, type Sandbox } from "../../src/sandbox/mod.ts";
import { daysAgo, drain } from "../fixtures/batches.ts";
import { deletionsAsked } from "../fixtures/deletions-asked.ts";
import { createIdleTime } from "../fixtures/idle-time.ts";
import { apiKey } from "../fixtures/stub.ts";

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** How long an answer takes, in milliseconds. */
const latency = 20;

/**
 * A sandbox behind HTTP, with batches that have ended, and what it was asked. A machine that is slow
 * takes none of the time that is measured.
 */
async function start(batches: number, rateLimit?: RateLimit, headers: Record<string, string> = {}) {
  const time = createIdleTime();
  const sandbox = createSandbox({ rateLimit, now: time.now });
  for (let index = 0; index < batches; index += 1) sandbox.seed({ created_at: daysAgo(9) });
  const server = await serve(async (request) => {
    await time.pause(latency / 2);
    const response = await sandbox.fetch(request);
    for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
    await time.pause(latency / 2);
    return response;
  });
  servers.push(server);
  const client: Client = {
    apiKey,
    baseUrl: server.url,
    clock: time.clock,
    fetch: (url, init) =>
      time.during(async () => {
        const { status, headers, body } = await fetch(url, init);
        return new Response(await new Response(body).arrayBuffer(), { status, headers });
      }),
  };
  return { sandbox, client, time, plan: await planPurge(client, { filter: "*" }) };
}

const refused = ({ requests }: Sandbox) => requests.filter(({ status }) => status === 429).length;

async function apply(client: Client, plan: PurgePlan, options: ApplyPurgeOptions = {}) {
  const { now = Date.now } = client.clock ?? {};
  const begun = now();
  const { summary } = await drain(applyPurge(client, plan, options));
  return { summary, duration: now() - begun };
}

describe("applyPurge() over HTTP, under a limit,", () => {
  const limit = { perMinute: 6_000, burst: 20 }; // 100/s

  test.each([true, false])("deletes all in little more than the least time, headers: %s", async (
    headers,
  ) => {
    const { sandbox, client, plan } = await start(200, { ...limit, headers });
    const { summary, duration } = await apply(client, plan);
    expect(summary).toMatchObject({ planned: 200, deleted: 200 });
    const least = 1_800; // what the bucket did not hold
    expect(duration).toBeGreaterThan(least - 50); // it fills while the plan is made
    expect(duration).toBeLessThan(headers ? 1.1 * least : 4 * least); // or it has to be found out
    expect(refused(sandbox) / sandbox.requests.length).toBeLessThan(headers ? 0.02 : 0.1);
  });

  test.each([true, false])("fails nothing while others use half of it, headers: %s", async (
    headers,
  ) => {
    const { sandbox, client, time, plan } = await start(150, { ...limit, headers });
    const over = new AbortController();
    const greedy = (async () => {
      let answered = 0;
      while (!over.signal.aborted) {
        const { status } = await sandbox.fetch(`${client.baseUrl}/v1/messages/batches?limit=1`, {
          headers: { "x-api-key": "another", "anthropic-version": "2023-06-01" },
        });
        if (status === 200) answered += 1;
        await time.clock.sleep(20);
      }
      return answered;
    })();
    const { summary } = await apply({ ...client, maxRetries: 0 }, plan);
    over.abort();
    expect(summary).toMatchObject({ planned: 150, deleted: 150 });
    expect(await greedy).toBeGreaterThan(100);
  });

  test("fails nothing when two purges share it, and neither waits for the other's end", async () => {
    const { sandbox, client, plan } = await start(160, limit);
    sandbox.clearRequests();
    const [mine, others] = [plan.items.slice(0, 80), plan.items.slice(80)];
    const [one, other] = await Promise.all([
      apply(client, { ...plan, items: mine }),
      apply(client, { ...plan, items: others }),
    ]);
    expect([one.summary.deleted, other.summary.deleted]).toEqual([80, 80]);
    expect(sandbox.size).toBe(0);
    // Of the first half of all that were deleted, each deleted no less than a quarter.
    const first = deletionsAsked(sandbox, 200).slice(0, 80);
    const ofMine = mine.filter(({ id }) => first.includes(id)).length;
    expect(Math.min(ofMine, 80 - ofMine)).toBeGreaterThanOrEqual(20);
  });

  test("ends its waits at once when it is aborted, in real time", async () => {
    const { sandbox, client, plan } = await start(100, { perMinute: 1, burst: 5 });
    const controller = new AbortController();
    let underWay = 0;
    const real: Client = {
      ...client,
      fetch: async (url, init) => {
        underWay += 1;
        const response = await client.fetch?.(url, init) ?? Response.error();
        underWay -= 1;
        return response;
      },
      clock: {
        now: () => Date.now(),
        random: () => Math.random(),
        sleep: (duration, signal) => {
          // Some were refused, and nothing is asked: all wait for a minute.
          if (refused(sandbox) > 0 && underWay === 0) setTimeout(() => controller.abort());
          return setTimeoutAsync(duration, undefined, { signal });
        },
      },
    };
    const run = applyPurge(real, plan, { signal: controller.signal });
    for (let index = 0; index < 2; index += 1) await run.next();
    const begun = performance.now();
    const { summary } = await drain(run);
    expect(performance.now() - begun).toBeLessThan(25_000);
    expect(controller.signal.aborted).toBe(true);
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
    expect(duration).toBeLessThanOrEqual(20 * (50 + latency));
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
