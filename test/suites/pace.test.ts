import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Clock,
  deleteMessageBatch,
  exportMessageBatchResults,
  listMessageBatches,
  type Pace,
  type Permit,
} from "../../mod.ts";
import { createMemoryAuditTrail } from "../fixtures/memory-audit-trail.ts";
import { createPace } from "../../src/purge/mod.ts";
import { batchOf, seededRandom } from "../fixtures/batches.ts";
import { playTraffic, type Traffic } from "../fixtures/paced-traffic.ts";
import { lost, page, receipt, refusal as refused, rejection, stub } from "../fixtures/stub.ts";
import { createVirtualTime } from "../fixtures/virtual-time.ts";

const longestWait = 60_000;
const paceIn = (clock: Clock, concurrency = 32): Pace =>
  createPace({ clock, concurrency, longestWait });
const virtual = () => createVirtualTime(seededRandom(1));
const settle = async () => {
  for (let turn = 0; turn < 16; turn += 1) await null;
};
const limitHeaders = (limit: string, remaining: string, reset = "2026-11-22T00:01:00Z") =>
  new Headers({
    "anthropic-ratelimit-requests-limit": limit,
    "anthropic-ratelimit-requests-remaining": remaining,
    "anthropic-ratelimit-requests-reset": reset,
  });
const refusal = (seconds: string) => ({
  status: 429,
  headers: new Headers({ "retry-after": seconds }),
});

/** Asks for so many permits, and counts those that are given. */
function ask(pace: Pace, count: number): Permit[] {
  const given: Permit[] = [];
  for (let index = 0; index < count; index += 1) {
    pace.permit().then((permit) => given.push(permit));
  }
  return given;
}

describe("createPace() against a token bucket", () => {
  const fifty = { perMinute: 3_000, burst: 50 };
  const thousand = { perMinute: 1_000 };
  const table: [string, Traffic, number, number][] = [
    ["50/s, with headers", { limit: { ...fifty, headers: true }, requests: 600 }, 1.02, 0.005],
    ["50/s", { limit: fifty, requests: 600 }, 1.05, 0.04],
    [
      "1,000/min, answers after 300 ms, with headers",
      { limit: { ...thousand, headers: true }, requests: 1_300, latency: 300 },
      1.04,
      0.005,
    ],
    [
      "1,000/min, answers after 300 ms",
      { limit: thousand, requests: 1_300, latency: 300 },
      1.1,
      0.04,
    ],
    [
      "1,000/min, 50 at once, answers after 300 ms, with headers",
      { limit: { ...thousand, burst: 50, headers: true }, requests: 300, latency: 300 },
      1.05,
      0.01,
    ],
    [
      "1,000/min, 50 at once, answers after 300 ms",
      { limit: { ...thousand, burst: 50 }, requests: 300, latency: 300 },
      1.15,
      0.05,
    ],
    [
      "4,000/min, 100 at once, answers after 150 ms",
      { limit: { perMinute: 4_000, burst: 100 }, requests: 3_000, latency: 150 },
      1.1,
      0.04,
    ],
    [
      "50/s, 5 at once, with headers",
      {
        limit: { ...fifty, burst: 5, headers: true },
        requests: 600,
        latency: 20,
      },
      1.05,
      0.02,
    ],
    // The rate is underestimated at first, since the small bucket is full again before each backoff ends.
    ["50/s, 5 at once", { limit: { ...fifty, burst: 5 }, requests: 600, latency: 20 }, 2, 0.04],
    [
      "50/min, with headers",
      {
        limit: { perMinute: 50, headers: true },
        requests: 150,
        latency: 150,
      },
      1.05,
      0.01,
    ],
    ["50/min", { limit: { perMinute: 50 }, requests: 150, latency: 150 }, 1.1, 0.2],
  ];
  test.each(table)("keeps to %s, and loses little time", async (_, traffic, ratio, share) => {
    for (const seed of [1, 2, 3]) {
      const report = await playTraffic({ ...traffic, seed });
      expect(report.ratio).toBeGreaterThan(0.99);
      expect(report.ratio).toBeLessThan(ratio);
      expect(report.refusedShare).toBeLessThan(share);
    }
  });

  test.each([true, false])("shares it with others, headers: %s", async (headers) => {
    const others = { perSecond: 25, from: 3_000, to: 100_000 };
    const limit = { ...fifty, headers };
    const report = await playTraffic({ limit, requests: 1_000, latency: 20, others });
    const fair = 3_000 + (1_000 - 50 - 150) / 25 * 1_000;
    expect(report.duration / fair).toBeLessThan(1.15);
    expect(report.refusedShare).toBeLessThan(0.06);
  });

  test("uses the whole limit again after others have stopped", async () => {
    const others = { perSecond: 60, from: 2_000, to: 20_000 };
    const report = await playTraffic({ limit: fifty, requests: 1_500, latency: 20, others });
    const alone = (1_500 - 50 - 100) / 50 * 1_000;
    expect(report.duration).toBeLessThan(20_000 + 2 * alone);
  });

  test("measures no rate across a pause before the first 429", async () => {
    const pause = 3_600_000;
    const limit = { perMinute: 1_000, burst: 50 };
    const report = await playTraffic({ limit, requests: 400, latency: 300, pause });
    const least = (400 - 50) / 1_000 * 60_000;
    expect(report.duration - pause).toBeLessThan(1.15 * least);
  });

  test("reaches its concurrency soon where there is no limit, and never exceeds it", async () => {
    for (const concurrency of [1, 5, 32, 100]) {
      const limit = { perMinute: 1e7 };
      const report = await playTraffic({ limit, requests: 3_000, latency: 300, concurrency });
      expect(report.mostAtOnce).toBe(concurrency);
      expect(report.ratio).toBeLessThan(concurrency > 32 ? 3 : 1.3);
    }
  });

  test("sends nothing after a 429 until retry-after is over, and then only a few requests", async () => {
    const { sentAt, refusedAt } = await playTraffic({ limit: fifty, requests: 300 });
    const [first = NaN] = refusedAt;
    const after = sentAt.filter((at) => at > first);
    expect(Math.min(...after)).toBeGreaterThanOrEqual(first + 998); // the clock shows no fractions
    const atOnce = after.filter((at) => at < first + 1_001.5);
    expect(atOnce.length).toBeLessThanOrEqual(8);
  });
});

describe("createPace()", () => {
  test("sends the first request alone, until one has passed", async () => {
    const { clock } = virtual();
    const pace = paceIn(clock);
    const given = ask(pace, 40);
    await settle();
    for (const [index, status] of [undefined, 401, 402, 403].entries()) {
      expect(given).toHaveLength(index + 1);
      given[index]?.({ status });
      await settle();
    }
    expect(given).toHaveLength(5);
    given[4]?.({ status: 200 });
    await settle();
    expect(given.length).toBeGreaterThan(5 + 4);
    expect(given.length).toBeLessThan(5 + 11);
  });

  test("sends one request alone after a 429, until one has passed", async () => {
    const time = virtual();
    const pace = paceIn(time.clock);
    (await pace.permit())({ status: 200 });
    (await pace.permit())(refusal("1"));
    const permit = await time.until(pace.permit());
    const given = ask(pace, 40);
    await settle();
    expect(given).toHaveLength(0);
    permit({ status: 200 });
    await settle();
    expect(given.length).toBeGreaterThan(4);
  });

  test("sends one request alone after a 429, though one that was sent before it passes", async () => {
    const time = virtual();
    const pace = paceIn(time.clock);
    (await pace.permit())({ status: 200 });
    const [refused, late] = [await pace.permit(), await pace.permit()];
    refused(refusal("1"));
    late({ status: 200 });
    const permit = await time.until(pace.permit());
    const given = ask(pace, 40);
    await settle();
    expect(given).toHaveLength(0);
    permit({ status: 200 });
    await settle();
    expect(given.length).toBeGreaterThan(4);
  });

  test("rejects invalid options", () => {
    for (const concurrency of [0, -1, 1.5, NaN, Infinity]) {
      expect(() => createPace({ concurrency })).toThrow(RangeError);
    }
    for (const longest of [-1, NaN, Infinity]) {
      expect(() => createPace({ longestWait: longest })).toThrow(RangeError);
    }
  });

  test("sends as many requests at once as the headers allow", async () => {
    const { clock } = virtual();
    const pace = paceIn(clock);
    const given = ask(pace, 100);
    await settle();
    given[0]?.({ status: 200, headers: limitHeaders("1000", "20") });
    await settle();
    expect(given).toHaveLength(1 + 19); // one is left in the bucket
  });

  test("ignores the headers of an answer to an older request", async () => {
    const time = virtual();
    const pace = paceIn(time.clock);
    (await pace.permit())({ status: 200, headers: limitHeaders("1000", "999") });
    const slow = await pace.permit(); // such as a download
    for (let left = 997; left > 900; left -= 1) {
      (await pace.permit())({ status: 200, headers: limitHeaders("1000", String(left)) });
    }
    slow({ status: 200, headers: limitHeaders("1000", "50") });
    await pace.permit();
    expect(time.waits).toEqual([]);
  });

  test("sends more when the headers tell more than it expected", async () => {
    const time = virtual();
    const pace = paceIn(time.clock);
    (await pace.permit())({ status: 200, headers: limitHeaders("1000", "3") });
    (await pace.permit())({ status: 200, headers: limitHeaders("1000", "500") });
    const given = ask(pace, 30);
    await settle();
    expect(given).toHaveLength(30);
  });

  test("gives permits in the order in which they were asked for", async () => {
    const time = virtual();
    const pace = paceIn(time.clock, 3);
    const order: number[] = [];
    await time.until(Promise.all(
      Array.from({ length: 30 }, async (_, index) => {
        const permit = await pace.permit();
        order.push(index);
        await time.clock.sleep(10);
        permit({ status: 200 });
      }),
    ));
    expect(order).toEqual(Array.from({ length: 30 }, (_, index) => index));
  });

  test("counts the first answer to a permit only", async () => {
    const { clock } = virtual();
    const pace = paceIn(clock, 1);
    const given = ask(pace, 3);
    await settle();
    given[0]?.({ status: 200 });
    expect(given[0]?.({ status: 429 })).toBe(false);
    await settle();
    expect(given).toHaveLength(2);
  });

  test("excuses nine 429s in a row, waiting longer each time, and not the tenth", async () => {
    const time = virtual();
    const pace = paceIn(time.clock);
    const excused: boolean[] = [];
    for (let round = 0; round < 11; round += 1) {
      const permit = await time.until(pace.permit());
      excused.push(permit(refusal("1")));
    }
    expect(excused).toEqual([...Array(9).fill(true), false, false]);
    expect(time.waits.map(Math.round)).toEqual([
      ...[1_000, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000],
      ...[60_000, 60_000, 60_000],
    ]);
    const permit = await time.until(pace.permit());
    permit({ status: 200 });
    const next = await time.until(pace.permit());
    expect(next(refusal("1"))).toBe(true);
  });

  test("counts 429s to requests that were in flight together as one", async () => {
    const time = virtual();
    const pace = paceIn(time.clock);
    const first = await pace.permit();
    first({ status: 200 });
    const permits = await Promise.all(Array.from({ length: 6 }, () => pace.permit()));
    for (const permit of permits) expect(permit(refusal("2"))).toBe(true);
    await time.until(pace.permit());
    expect(time.waits).toEqual([2_000]);
  });
});

describe("createPace(), when a permit is awaited with a signal,", () => {
  test("rejects that permit at once with the reason, and no other", async () => {
    const time = virtual();
    const pace = paceIn(time.clock, 1);
    const held = await pace.permit();
    const controller = new AbortController();
    const reason = new Error("enough");
    const aborted = pace.permit(controller.signal).catch((error) => error);
    const other = ask(pace, 1);
    controller.abort(reason);
    expect(await aborted).toBe(reason);
    expect(other).toHaveLength(0);
    held({ status: 200 });
    await settle();
    expect(other).toHaveLength(1); // the place of the one that left is not held
  });

  test("rejects at once if the signal is already aborted", async () => {
    const pace = paceIn(virtual().clock);
    const reason = new Error("enough");
    await expect(pace.permit(AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(ask(pace, 1)).toHaveLength(0);
  });

  test("leaves no timer once all have left the queue", async () => {
    const time = virtual();
    const pace = paceIn(time.clock);
    (await pace.permit())(refusal("30"));
    const controller = new AbortController();
    const aborted = [1, 2].map(() => pace.permit(controller.signal).catch(() => "aborted"));
    await settle();
    expect(time.pending()).toBe(1);
    controller.abort();
    expect(await Promise.all(aborted)).toEqual(["aborted", "aborted"]);
    await settle();
    expect(time.pending()).toBe(0);
  });

  test("leaves no listener on the signal", async () => {
    const time = virtual();
    const pace = paceIn(time.clock);
    const controller = new AbortController();
    const { signal } = controller;
    const listeners = new Set<unknown>();
    const add = signal.addEventListener.bind(signal);
    signal.addEventListener = (type: string, listener: EventListener) => {
      listeners.add(listener);
      add(type, listener);
    };
    const remove = signal.removeEventListener.bind(signal);
    signal.removeEventListener = (type: string, listener: EventListener) => {
      listeners.delete(listener);
      remove(type, listener);
    };
    const permit = await pace.permit(signal);
    const waiting = [1, 2].map(() => pace.permit(signal).catch(() => "aborted"));
    expect(listeners.size).toBe(2);
    permit(refusal("1"));
    await time.until(Promise.race(waiting));
    await settle();
    expect(listeners.size).toBe(1);
    controller.abort();
    await Promise.all(waiting);
    await settle();
    expect(listeners.size).toBe(0);
  });

  test("keeps a permit that was given before the abort", async () => {
    const pace = paceIn(virtual().clock);
    const controller = new AbortController();
    const permit = await pace.permit(controller.signal);
    controller.abort();
    permit({ status: 200 });
    await settle();
    expect(ask(pace, 1)).toHaveLength(0);
    await settle();
  });
});

describe("createPace(), with strange headers,", () => {
  const far = "2036-11-22T00:00:00Z";
  const unusable: [string, Headers][] = [
    ["a limit of nothing", limitHeaders("0", "0", far)],
    ["a remainder below nothing", limitHeaders("50", "-5", far)],
    ["no numbers", limitHeaders("NaN", "NaN", "NaN")],
    ["a fraction", limitHeaders("50", "0.5")],
    ["an endless limit", limitHeaders("Infinity", "0")],
    ["a number too long to be one", limitHeaders("1".repeat(400), "0")],
    ["a limit alone", new Headers({ "anthropic-ratelimit-requests-limit": "1" })],
    ["a remainder alone", new Headers({ "anthropic-ratelimit-requests-remaining": "0" })],
    ["a reset alone", new Headers({ "anthropic-ratelimit-requests-reset": far })],
    [
      "two limits",
      new Headers([
        ["anthropic-ratelimit-requests-limit", "1"],
        ["anthropic-ratelimit-requests-limit", "2"],
        ["anthropic-ratelimit-requests-remaining", "0"],
      ]),
    ],
  ];
  test.each(unusable)("does not wait for %s", async (_, headers) => {
    const time = virtual();
    const pace = paceIn(time.clock);
    for (let index = 0; index < 100; index += 1) (await pace.permit())({ status: 200, headers });
    expect(time.waits).toEqual([]);
  });

  test("takes equal limits, sent twice, for one", async () => {
    const time = virtual();
    const pace = paceIn(time.clock);
    (await pace.permit())({ status: 200, headers: limitHeaders("60, 60", "1, 1") });
    await time.until(pace.permit());
    expect(time.waits).toEqual([1_000]);
  });

  test("reads no reset: one in ten years or in the past changes nothing", async () => {
    for (const reset of [far, "1970-01-01T00:00:00Z", "soon"]) {
      const time = virtual();
      const pace = paceIn(time.clock);
      (await pace.permit())({ status: 200, headers: limitHeaders("60", "1", reset) });
      await time.until(pace.permit());
      expect(time.waits).toEqual([1_000]);
    }
  });

  test("waits at most longestWait", async () => {
    const time = virtual();
    const pace = paceIn(time.clock);
    (await pace.permit())({ status: 200, headers: limitHeaders("1", "0", far) });
    for (let index = 0; index < 5; index += 1) {
      (await time.until(pace.permit()))({ status: 200, headers: limitHeaders("1", "0", far) });
    }
    (await time.until(pace.permit()))(refusal("86400"));
    await time.until(pace.permit());
    expect(time.waits).toHaveLength(7);
    expect(Math.max(...time.waits)).toBe(longestWait);
  });

  const text = fc.oneof(
    fc.integer({ min: -10, max: 5_000 }).map(String),
    fc.double().map(String),
    fc.constantFrom("", "NaN", "-0", "1e9", "9".repeat(30), far, "1970-01-01T00:00:00Z", "soon"),
  );
  const header = fc.tuple(
    fc.constantFrom(
      "anthropic-ratelimit-requests-limit",
      "anthropic-ratelimit-requests-remaining",
      "anthropic-ratelimit-requests-reset",
      "retry-after",
      "retry-after-ms",
    ),
    text,
  );
  const answer = fc.record({
    status: fc.constantFrom(200, 200, 200, 429, 404, 500, 529, undefined),
    headers: fc.option(fc.array(header).map((pairs) => new Headers(pairs)), { nil: undefined }),
    latency: fc.nat(2_000),
    /** When the caller aborts, in milliseconds. */
    patience: fc.option(fc.nat(5_000), { nil: undefined }),
  });
  const limits = fc.record({
    concurrency: fc.integer({ min: 1, max: 40 }),
    longest: fc.constantFrom(0, 1, 100, 60_000),
    seed: fc.integer(),
  });

  test("never exceeds concurrency and longestWait, and always ends", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(answer, { maxLength: 60 }),
        limits,
        async (answers, { concurrency, longest, seed }) => {
          const time = createVirtualTime(seededRandom(seed));
          const pace = createPace({ clock: time.clock, concurrency, longestWait: longest });
          let underWay = 0;
          let most = 0;
          const begun = time.now();
          await time.until(Promise.all(answers.map(async (one) => {
            const controller = new AbortController();
            let abortedAt: number | undefined;
            if (one.patience !== undefined) {
              time.at(begun + one.patience, () => {
                abortedAt = time.now();
                controller.abort("enough");
              });
            }
            let permit: Permit;
            try {
              permit = await pace.permit(controller.signal);
            } catch (reason) {
              expect(reason).toBe("enough");
              expect(time.now()).toBe(abortedAt);
              return;
            }
            underWay += 1;
            most = Math.max(most, underWay);
            await new Promise<void>((resolve) => time.at(time.now() + one.latency, resolve));
            underWay -= 1;
            permit(one);
          })));
          expect(most).toBeLessThanOrEqual(concurrency);
          expect(time.waits.every((wait) => wait > 0 && wait <= longest)).toBe(true);
          expect(time.waits.every(Number.isInteger)).toBe(true); // setTimeout drops fractions
          expect(time.now() - begun).toBeLessThanOrEqual(
            answers.length * (longest + 2_002) + 5_000,
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("createPace(), with a broken clock,", () => {
  const clocks: [string, (now: number, reads: number) => number][] = [
    ["stands still", (now) => now],
    ["goes back", (now, reads) => now - reads * 1_000],
    ["is no number", () => NaN],
    ["leaps", (now, reads) => now + (reads % 2) * 86_400_000],
  ];
  test.each(clocks)("goes on when it %s", async (_, read) => {
    let reads = 0;
    const clock: Clock = {
      now: () => read(Date.parse("2026-11-22T00:00:00Z"), reads += 1),
      random: () => 0,
      sleep: () => Promise.resolve(),
    };
    const pace = paceIn(clock);
    const headers = limitHeaders("1", "0");
    for (let index = 0; index < 20; index += 1) {
      const status = index % 5 === 4 ? 429 : 200;
      (await pace.permit())({ status, headers });
    }
  });

  test.each([3, 7, 13, 60, 77, 1_000])("waits once a request, at %i a minute", async (limit) => {
    let now = 0;
    let waits = 0;
    const sleep = () => (waits += 1) > 500 ? Promise.reject(new Error("again")) : Promise.resolve();
    const pace = paceIn({ now: () => now, random: () => 0, sleep });
    const headers = limitHeaders(String(limit), "0");
    for (let index = 0; index < 200 && waits < 500; index += 1) {
      now += 500;
      (await pace.permit())({ status: 200, headers });
    }
    expect(waits).toBeLessThanOrEqual(200);
  });

  test("goes on when its waits fail, and can be aborted when they never end", async () => {
    const sleeps: Clock["sleep"][] = [
      () => Promise.reject(new Error("no timers")),
      () => {
        throw new Error("no timers");
      },
    ];
    for (const sleep of sleeps) {
      const pace = paceIn({ now: () => 0, random: () => 0, sleep });
      for (let index = 0; index < 20; index += 1) (await pace.permit())(refusal("60"));
    }
    const pace = paceIn({ now: () => 0, random: () => 0, sleep: () => new Promise(() => {}) });
    (await pace.permit())(refusal("60"));
    await expect(pace.permit(AbortSignal.timeout(1))).rejects.toThrow();
  });
});

describe("a client with a pace", () => {
  const id = "msgbatch_1";
  const turnedAway = refused(429, "rate_limit_error", { "retry-after": "1" });
  /** A pace that lets everybody go, and remembers what it was told. */
  const watch = (excuses = true, before = () => Promise.resolve()) => {
    const told: unknown[] = [];
    const pace: Pace = {
      permit: async () => {
        await before();
        let open = true;
        return (answer) => {
          if (open) told.push(answer?.status);
          open = false;
          return excuses && answer?.status === 429;
        };
      },
    };
    return { pace, told };
  };

  test("asks for every attempt, and tells what each came to", async () => {
    const { pace, told } = watch();
    const answers = [refused(500, "api_error"), turnedAway, lost, receipt(id)];
    const { client } = stub(answers, { pace });
    await deleteMessageBatch(client, id);
    expect(told).toEqual([500, 429, undefined, 200]);

    for await (const _ of listMessageBatches(stub([page([])], { pace }).client));
    expect(told).toHaveLength(5);
  });

  test("repeats a 429 that its pace takes upon itself without counting it, 30 times at most", async () => {
    const { pace } = watch();
    const patient = stub([...Array(9).fill(turnedAway), receipt(id)], { pace, maxRetries: 0 });
    expect(await deleteMessageBatch(patient.client, id)).toMatchObject({ evidence: "receipt" });
    expect(patient.waits).toEqual(Array(9).fill(1_000));

    const endless = stub([turnedAway], { pace, maxRetries: 1 });
    const error = await rejection(deleteMessageBatch(endless.client, id));
    expect(error).toMatchObject({ status: 429, attempts: 32 });

    const { pace: strict } = watch(false);
    const counted = stub([turnedAway], { pace: strict });
    await rejection(deleteMessageBatch(counted.client, id));
    expect(counted.seen).toHaveLength(3);
  });

  test("does not repeat a 429 that cannot be waited out", async () => {
    const { pace } = watch();
    const hour = refused(429, "rate_limit_error", { "retry-after": "3600" });
    const { client, seen } = stub([hour], { pace });
    expect(await rejection(deleteMessageBatch(client, id))).toMatchObject({
      retryAfter: 3_600_000,
    });
    expect(seen).toHaveLength(1);
  });

  test("does not count the wait for leave as a part of its timeout", async () => {
    const { pace } = watch(true, () => new Promise((resolve) => setTimeout(resolve, 80)));
    const { client } = stub([receipt(id)], { pace, timeout: 40, maxRetries: 0 });
    expect(await deleteMessageBatch(client, id)).toMatchObject({ evidence: "receipt" });
  });

  test("records no intent before it has leave, and gives leave back that it does not use", async () => {
    const auditTrail = createMemoryAuditTrail();
    const reason = new Error("enough");
    const never: Pace = { permit: () => Promise.reject(reason) };
    const { client, seen } = stub([receipt(id)], { pace: never, auditTrail });
    await expect(deleteMessageBatch(client, id)).rejects.toBe(reason);
    expect([auditTrail.entries, seen]).toEqual([[], []]);

    const { pace, told } = watch();
    const broken = { append: () => Promise.reject(reason) };
    const unrecorded = stub([receipt(id)], { pace, auditTrail: broken }).client;
    await expect(deleteMessageBatch(unrecorded, id)).rejects.toBe(reason);
    const secretless = stub([receipt(id)], { pace, apiKey: () => Promise.reject(reason) }).client;
    await expect(deleteMessageBatch(secretless, id)).rejects.toBe(reason);
    expect(told).toEqual([undefined, undefined]);
  });

  test("does not wait for a request to another host", async () => {
    const { pace, told } = watch();
    const results = () => new Response(`{"custom_id":"a","result":{}}\n`);
    const { client } = stub([() => new Response("", { status: 404 }), results], { pace });
    const batch = batchOf(id, { results_url: "https://results.example/1" });
    await exportMessageBatchResults(client, batch, new WritableStream());
    expect(told).toEqual([404]);
  });
});
