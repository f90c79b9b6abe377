import { describe, expect, inject, test } from "vitest";
import { BatchsweepError, deleteMessageBatch, type RequestEvent } from "../../mod.ts";
import { attemptTimeouts } from "../fixtures/attempt-timeouts.ts";
import { type Expected, hostileTable } from "../fixtures/hostile-table.ts";
import { apiKey, stub } from "../fixtures/stub.ts";

const id = "msgbatch_013Zva2CMHLNnXjNJJKqJ2EF";
const server = inject("hostileServer");
const timeout = 20_000;

/** The requests of a run, as the server saw them. */
async function seen(run: string): Promise<readonly string[]> {
  return await (await fetch(`${server}/seen/${run}`)).json();
}

/** Calls the server, and tells what came of it. */
async function call(behaviours: string) {
  const run = crypto.randomUUID();
  const events: RequestEvent[] = [];
  // Waited for where it must come; far enough away, on a busy machine too, where it must not.
  const names = behaviours.split(",");
  const isSlow = (name = names.at(-1) ?? "") => /silence|stall|drip/.test(name);
  using _ = attemptTimeouts(timeout, () => isSlow(names[events.length]) ? 1_500 : timeout);
  const client = {
    apiKey,
    baseUrl: `${server}/${behaviours}/${run}`,
    clock: { ...stub([]).clock, now: () => performance.now() },
    onRequest: (event: RequestEvent) => events.push(event),
    timeout,
    ...(isSlow() ? { maxRetries: 1 } : {}),
  };
  const result: unknown = await deleteMessageBatch(client, id).catch((error: unknown) => error);
  return { result, events, requests: await seen(run) };
}

function check(
  behaviours: string,
  expected: Expected,
  { result, events, requests }: Awaited<ReturnType<typeof call>>,
) {
  const deletes = requests.filter((head) => head.startsWith("DELETE "));
  expect(deletes.length, "DELETEs that the server saw").toBe(expected.requests);
  expect(requests.length - deletes.length, "looks").toBe(expected.looks ?? 0);
  expect(events).toHaveLength(requests.length);
  const { requests: _, looks: __, ...rest } = expected;
  expect(result).toMatchObject(rest);
  if (expected.evidence !== undefined) return;
  expect(result).toBeInstanceOf(BatchsweepError);
  const { attempts, status, requestId } = result as Record<string, unknown>;
  expect(attempts).toBeGreaterThan(0);
  // Every answer that came whole had an id, but for these, which are written by hand.
  const byHand = /(no-content|endless|without-id)$/.test(behaviours);
  expect(requestId).toBe(status === undefined || byHand ? undefined : "req_h");
}

describe("deleteMessageBatch() before a hostile server ends as it must at", () => {
  for (const [behaviours, expected] of Object.entries(hostileTable)) {
    test(behaviours, async () => check(behaviours, expected, await call(behaviours)));
  }

  test("a redirect, whose target sees nothing", async () => {
    const run = crypto.randomUUID();
    const client = { apiKey, baseUrl: `${server}/redirect-307/${run}` };
    await expect(deleteMessageBatch(client, run)).rejects.toThrow(/redirect/);
    expect(await seen(run)).toHaveLength(1);
  });

  test("a closed port: it is known that nothing was done, where the runtime tells", async () => {
    const client = { apiKey, baseUrl: "http://127.0.0.1:1", maxRetries: 0 };
    const tells = navigator.userAgent !== "Cloudflare-Workers";
    await expect(deleteMessageBatch(client, id)).rejects.toMatchObject({
      code: "ERR_CONNECTION",
      reason: tells ? "refused" : "unknown",
      sent: !tells,
      outcomeKnown: tells,
      attempts: tells ? 0 : 1,
    });
  });
});
