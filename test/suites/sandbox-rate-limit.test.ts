import { describe, expect, test } from "vitest";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { BATCHES, call, HEADERS } from "../fixtures/sandbox/call.ts";

const now = () => Date.parse("2024-09-24T18:00:00Z");

describe("rateLimit", () => {
  test("refuses what is above the burst, and says when to come again", async () => {
    const sandbox = createSandbox({ now, random: () => 0, rateLimit: { perMinute: 6, burst: 2 } });
    const statuses: number[] = [];
    for (let i = 0; i < 2; i++) statuses.push((await call(sandbox, "GET", BATCHES)).status);
    expect(statuses).toEqual([200, 200]);
    const { status, headers, json } = await call(sandbox, "GET", BATCHES);
    expect(status).toBe(429);
    expect(headers.get("retry-after")).toBe("10");
    expect(json).toEqual({
      type: "error",
      error: {
        type: "rate_limit_error",
        message: "This request would exceed your organization's rate limit.",
      },
      request_id: "req_010000000000000000000003",
    });
  });

  test("is refilled continuously, and a refused request takes nothing", async () => {
    const sandbox = createSandbox({ now, rateLimit: { perMinute: 6, burst: 1 } });
    const get = async () => (await call(sandbox, "GET", BATCHES)).status;
    expect(await get()).toBe(200);
    for (let i = 0; i < 9; i++) {
      sandbox.advance(1000);
      expect(await get()).toBe(429);
    }
    sandbox.advance(1000);
    expect(await get()).toBe(200);
    sandbox.advance(60_000);
    expect([await get(), await get()]).toEqual([200, 429]);
  });

  test("sends its headers on every answer where they are wanted", async () => {
    const sandbox = createSandbox({ now, rateLimit: { perMinute: 60, burst: 3, headers: true } });
    const limits = async () => {
      const { headers } = await call(sandbox, "GET", BATCHES);
      return ["limit", "remaining", "reset"].map((name) =>
        headers.get(`anthropic-ratelimit-requests-${name}`)
      );
    };
    expect(await limits()).toEqual(["60", "2", "2024-09-24T18:00:01.000000Z"]);
    expect(await limits()).toEqual(["60", "1", "2024-09-24T18:00:02.000000Z"]);
    expect(await limits()).toEqual(["60", "0", "2024-09-24T18:00:03.000000Z"]);
    expect(await limits()).toEqual(["60", "0", "2024-09-24T18:00:03.000000Z"]);
  });

  test("sends no headers by default, but retry-after", async () => {
    const sandbox = createSandbox({ now, rateLimit: { perMinute: 1 } });
    const answers = [await call(sandbox, "GET", BATCHES), await call(sandbox, "GET", BATCHES)];
    expect(answers.map(({ status }) => status)).toEqual([200, 429]);
    for (const { headers } of answers) {
      expect(headers.get("anthropic-ratelimit-requests-remaining")).toBeNull();
    }
    expect(answers[1]?.headers.get("retry-after")).toBe("60");
  });

  test("rounds retry-after up, so that it is never too early", async () => {
    const sandbox = createSandbox({ now, rateLimit: { perMinute: 7, burst: 1 } });
    await call(sandbox, "GET", BATCHES);
    expect((await call(sandbox, "GET", BATCHES)).headers.get("retry-after")).toBe("9");
  });

  test("does not count requests without a key", async () => {
    const sandbox = createSandbox({ now, rateLimit: { perMinute: 1 } });
    const anonymous = { headers: { "anthropic-version": "2023-06-01" } };
    expect((await call(sandbox, "GET", BATCHES, anonymous)).status).toBe(401);
    expect((await call(sandbox, "GET", BATCHES, { headers: HEADERS })).status).toBe(200);
  });
});
