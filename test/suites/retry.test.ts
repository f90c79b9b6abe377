import { describe, expect, test } from "vitest";
import { isOutcomeKnown, isRetryable, retryAfter, retryDelay } from "../../src/core/retry.ts";
import { stub } from "../fixtures/stub.ts";

const now = Date.parse("2026-11-22T00:00:00Z");
const { clock } = stub([]);

describe("isRetryable()", () => {
  test("follows the official SDKs' list of statuses", () => {
    const retried = [undefined, 408, 409, 429, 500, 502, 503, 504, 529];
    const final = [200, 204, 302, 400, 401, 402, 403, 404, 413, 422];
    expect(retried.filter((status) => !isRetryable({ status }))).toEqual([]);
    expect(final.filter((status) => isRetryable({ status }))).toEqual([]);
  });

  test("lets x-should-retry decide", () => {
    const asks = (answer: string) => new Headers({ "x-should-retry": answer });
    expect(isRetryable({ status: 400, headers: asks("true") })).toBe(true);
    expect(isRetryable({ status: 500, headers: asks("false") })).toBe(false);
    expect(isRetryable({ status: 500, headers: asks("perhaps") })).toBe(true);
    expect(isRetryable({ status: 302, headers: asks("true") })).toBe(false);
  });

  test("is false for a spent limit", () => {
    const errorCode = "enforced_spend_limit_reached";
    expect(isRetryable({ status: 429, errorCode })).toBe(false);
  });
});

describe("isOutcomeKnown()", () => {
  test("is false where the deed may have been done", () => {
    const unknown = [undefined, 408, 500, 502, 503, 504];
    const known = [200, 400, 404, 409, 429, 529];
    expect(unknown.filter((status) => isOutcomeKnown({ status }))).toEqual([]);
    expect(known.filter((status) => !isOutcomeKnown({ status }))).toEqual([]);
  });
});

describe("retryAfter()", () => {
  const cases: [Record<string, string>, number | undefined][] = [
    [{}, undefined],
    [{ "retry-after": "3" }, 3_000],
    [{ "retry-after": "0.5" }, 500],
    [{ "retry-after-ms": "250", "retry-after": "3" }, 250],
    [{ "retry-after-ms": "0", "retry-after": "3" }, 3_000],
    [{ "retry-after": "Sun, 22 Nov 2026 00:00:07 GMT" }, 7_000],
    [{ "retry-after": "Sat, 21 Nov 2026 00:00:07 GMT" }, undefined],
    [{ "retry-after": "0" }, undefined],
    [{ "retry-after": "-1" }, undefined],
    [{ "retry-after": "soon" }, undefined],
    [{ "retry-after": "1e3" }, undefined],
    [{ "retry-after": "0x10" }, undefined],
    [{ "retry-after": "NaN" }, undefined],
    [{ "retry-after": "Infinity" }, undefined],
    [{ "retry-after": "99999999999" }, undefined],
    [{ "retry-after": "2026-11-22T00:00:07Z" }, undefined],
  ];
  for (const [headers, expected] of cases) {
    test(`is ${expected} for ${JSON.stringify(headers)}`, () => {
      expect(retryAfter(new Headers(headers), now)).toBe(expected);
    });
  }
});

describe("retryDelay()", () => {
  const limits = { maxRetryDelay: 60_000, clock };

  test("doubles from half a second to eight", () => {
    const delays = [1, 2, 3, 4, 5, 6, 50].map((attempt) => retryDelay({}, attempt, limits, now));
    expect(delays).toEqual([500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
  });

  test("takes off up to a quarter", () => {
    const hasty = { ...clock, random: () => 0.999 };
    const delay = retryDelay({}, 1, { ...limits, clock: hasty }, now) ?? 0;
    expect(delay).toBeGreaterThanOrEqual(375);
    expect(delay).toBeLessThan(376);
  });

  test("gives up where the server asks for longer than is allowed", () => {
    const asks = (seconds: string) => new Headers({ "retry-after": seconds });
    expect(retryDelay({ status: 429, headers: asks("60") }, 1, limits, now)).toBe(60_000);
    expect(retryDelay({ status: 429, headers: asks("61") }, 1, limits, now)).toBeUndefined();
  });

  test("keeps the backoff below the longest wait that is allowed", () => {
    expect(retryDelay({}, 9, { maxRetryDelay: 100, clock }, now)).toBe(100);
  });
});
