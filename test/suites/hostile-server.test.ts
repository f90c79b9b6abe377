import { describe, expect, inject, test } from "vitest";
import { BatchsweepError, deleteMessageBatch } from "../../mod.ts";
import { hostileRun } from "../fixtures/hostile-run.ts";
import { type Expected, hostileTable } from "../fixtures/hostile-table.ts";
import { apiKey } from "../fixtures/stub.ts";

const id = "msgbatch_013Zva2CMHLNnXjNJJKqJ2EF";

/** Calls the server, and tells what came of it. */
async function call(behaviours: string) {
  using run = hostileRun(behaviours);
  const result: unknown = await deleteMessageBatch(run.client, id).catch((error: unknown) => error);
  return { result, events: run.events, requests: await run.seen() };
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
    const server = inject("hostileServer");
    const client = { apiKey, baseUrl: `${server}/redirect-307/${run}` };
    await expect(deleteMessageBatch(client, run)).rejects.toThrow(/redirect/);
    expect(await (await fetch(`${server}/seen/${run}`)).json()).toHaveLength(1);
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
