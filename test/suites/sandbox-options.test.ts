import { describe, expect, test } from "vitest";
import { createSandbox, type SandboxOptions } from "../../src/sandbox/mod.ts";
import { seededRandom } from "../fixtures/batches.ts";
import { BATCHES, call, toRequest } from "../fixtures/sandbox/call.ts";

const NOW = Date.parse("2026-11-22T00:00:00Z");
const DAY = 86_400_000;
const now = () => NOW;

/** What came from JavaScript, or out of JSON, where a type was promised. */
const wrong = (value: unknown) => value as never;

describe("createSandbox() seed", () => {
  test("of a number: so many batches of the last 60 days, in every state", () => {
    const sandbox = createSandbox({ now, seed: 250 });
    const batches = sandbox.batches();
    const count = (status: string) =>
      batches.filter(({ processing_status }) => processing_status === status).length;
    expect(sandbox.size).toBe(250);
    expect(["in_progress", "canceling", "ended"].map(count)).toEqual([10, 10, 230]);
    const ages = batches.map(({ created_at }) => (NOW - Date.parse(created_at)) / DAY);
    expect(ages).toEqual(ages.toSorted((a, b) => a - b));
    expect([ages.at(0), ages.at(-1)]).toEqual([0, 60]);
    const old = batches.filter(({ archived_at }) => archived_at !== null).length;
    expect(old / 230).toBeCloseTo(31 / 60, 1);
    expect(createSandbox({ seed: 0 }).size).toBe(0);
    expect(createSandbox({ seed: 1 }).batches()).toMatchObject([{ processing_status: "ended" }]);
  });

  test("of rows: each as often as its count, of its age and its state", () => {
    const sandbox = createSandbox({
      now,
      seed: [
        { count: 2, age: "1.5d" },
        { id: "b", age: "30m", processing_status: "in_progress", requests: 7 },
        { age: "40d", created_at: "2026-11-01T00:00:00Z" },
      ],
    });
    expect(
      sandbox.batches().map(({ created_at, processing_status }) => [created_at, processing_status]),
    ).toEqual([
      ["2026-11-21T23:30:00.000000Z", "in_progress"],
      ["2026-11-20T12:00:00.000000Z", "ended"],
      ["2026-11-20T12:00:00.000000Z", "ended"],
      ["2026-11-01T00:00:00Z", "ended"],
    ]);
    expect(sandbox.batch("b")?.request_counts.processing).toBe(7);
  });
});

describe("createSandbox() faults", () => {
  test.each<[name: string, status: number | undefined, left: number]>([
    ["lost-answer", undefined, 0],
    ["lost-request", undefined, 1],
    ["not-found", 404, 1],
    ["rate-limited", 429, 1],
    ["server-error", 500, 1],
    ["overloaded", 529, 1],
  ])("%s strikes one deletion: status %s, %i batches left", async (fault, status, left) => {
    const sandbox = createSandbox({ seed: [{ id: "b" }], faults: [fault] });
    const found = await call(sandbox, "DELETE", `${BATCHES}/b`).catch(() => undefined);
    expect([found?.status, sandbox.size]).toEqual([status, left]);
    expect((await call(sandbox, "DELETE", `${BATCHES}/b`)).status).toBe(left === 1 ? 200 : 404);
  });

  test("cut-answer lets the answer to a deletion break off", async () => {
    const sandbox = createSandbox({ seed: [{ id: "b" }], faults: ["cut-answer"] });
    const response = await sandbox.fetch(toRequest("DELETE", `${BATCHES}/b`));
    await expect(response.text()).rejects.toThrow();
    expect([response.status, sandbox.size]).toEqual([200, 0]);
  });

  test("strike deletions by chance, each by its own", async () => {
    const sandbox = createSandbox({
      random: seededRandom(1),
      seed: 200,
      faults: ["lost-answer 5%"],
    });
    sandbox.fail("overloaded 10%");
    const found = { answered: 0, overloaded: 0, lost: 0 };
    for (const { id } of sandbox.batches()) {
      const answer = await call(sandbox, "DELETE", `${BATCHES}/${id}`).catch(() => undefined);
      found[answer ? answer.status === 529 ? "overloaded" : "answered" : "lost"] += 1;
    }
    expect(found).toEqual({ answered: 173, overloaded: 18, lost: 9 });
  });
});

describe("createSandbox() latency", () => {
  test("withholds every answer for that long", async () => {
    const slept: number[] = [];
    const sleep = (ms: number) => Promise.resolve(void slept.push(ms));
    const sandbox = createSandbox({ seed: [{ id: "b" }], latency: 300, sleep });
    sandbox.fail({ delay: 50 });
    for (const method of ["GET", "DELETE"]) await call(sandbox, method, `${BATCHES}/b`);
    expect(slept).toEqual([300, 50, 300]);
  });

  test("ends when the caller aborts, and nothing is done", async () => {
    const abort = new AbortController();
    const sleep = () => new Promise<void>(() => {});
    const sandbox = createSandbox({ seed: [{ id: "b" }], latency: 300, sleep });
    const answer = call(sandbox, "DELETE", `${BATCHES}/b`, { signal: abort.signal });
    abort.abort(new RangeError("Enough"));
    await expect(answer).rejects.toThrow("Enough");
    expect(sandbox.size).toBe(1);
  });
});

describe("createSandbox() refuses", () => {
  test.each<[options: unknown, message: string]>([
    [null, "the options: it is not an object"],
    [{ latncy: 1 }, '"latncy" of the options: there are seed, faults, latency, now, '],
    [{ latency: null }, '"latency" of the options: it is not of type number'],
    [{ latency: -1 }, '"latency" of the options: it is not 0 or more'],
    [{ processingTime: NaN }, '"processingTime" of the options: it is not 0 or more'],
    [{ apiKeys: "key" }, '"apiKeys" of the options: it is not of type list'],
    [{ unendedStatus: 404 }, '"unendedStatus" of the options: it is not of type 400 | 409'],
    [{ seed: "250" }, '"seed" of the options: it is not of type number | list'],
    [{ seed: [{}, { status: "ended" }] }, '"status" of batch 2 of the seed: there are id, '],
    [{ seed: [null] }, "batch 1 of the seed: it is not an object"],
    [{ seed: [{ age: "40" }] }, 'age "40": give it with its unit: 40d, 12h or 30m'],
    [{ seed: [{ count: "2" }] }, '"count" of batch 1 of the seed: it is not of type number'],
    [
      { seed: [{ request_counts: { succeded: 1 } }] },
      '"succeded" of request_counts: there are processing, ',
    ],
    [{ rateLimit: { perSecond: 50 } }, '"perSecond" of the rate limit: there are perMinute, '],
    [{ faults: ["lost"] }, 'fault "lost": use one of lost-answer, lost-request, '],
    [{ faults: ["lost-answer 5"] }, 'fault "lost-answer 5": use one of '],
    [{ faults: [{ stauts: 500 }] }, '"stauts" of the fault: there are method, path, '],
    [{ faults: [{ times: 2 }] }, "a fault that does nothing: set one of status, "],
  ])("%j", (options, message) => {
    expect(() => createSandbox(wrong(options))).toThrow(
      expect.objectContaining({
        name: "TypeError",
        message: expect.stringContaining(`Cannot use ${message}`),
      }),
    );
  });

  test("nothing that is undefined", () => {
    const options: Required<{ [Name in keyof SandboxOptions]: undefined }> = {
      seed: undefined,
      faults: undefined,
      latency: undefined,
      now: undefined,
      sleep: undefined,
      random: undefined,
      processingTime: undefined,
      cancelingTime: undefined,
      workspaceId: undefined,
      apiKeys: undefined,
      unendedStatus: undefined,
      rateLimit: undefined,
      basePath: undefined,
      requestLogSize: undefined,
    };
    expect(createSandbox(options).size).toBe(0);
  });
});
