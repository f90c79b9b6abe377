import { describe, expect, test } from "vitest";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { BATCHES, call, createBody } from "../fixtures/sandbox/call.ts";

const NOW = Date.parse("2024-09-24T18:00:00Z");
const DAY = 24 * 60 * 60 * 1000;
const NO_REQUESTS = { processing: 0, succeeded: 0, errored: 0, canceled: 0, expired: 0 };

function setUp() {
  const sandbox = createSandbox({ now: () => NOW, processingTime: 60_000, cancelingTime: 10_000 });
  const seed = { id: "b", processing_status: "in_progress", requests: 5 } as const;
  return {
    sandbox,
    seed: () => sandbox.seed(seed),
    retrieve: async () => (await call(sandbox, "GET", `${BATCHES}/b`)).json,
    cancel: () => call(sandbox, "POST", `${BATCHES}/b/cancel`),
    remove: () => call(sandbox, "DELETE", `${BATCHES}/b`),
    results: () => call(sandbox, "GET", `${BATCHES}/b/results`),
  };
}

describe("createSandbox() life", () => {
  test("ends a batch after processingTime, and not before", async () => {
    const { sandbox, seed, retrieve } = setUp();
    seed();
    const inProgress = {
      id: "b",
      type: "message_batch",
      processing_status: "in_progress",
      request_counts: { ...NO_REQUESTS, processing: 5 },
      ended_at: null,
      created_at: "2024-09-24T18:00:00.000000Z",
      expires_at: "2024-09-25T18:00:00.000000Z",
      archived_at: null,
      cancel_initiated_at: null,
      results_url: null,
    };
    sandbox.advance(59_999);
    expect(await retrieve()).toEqual(inProgress);
    sandbox.advance(1);
    expect(await retrieve()).toEqual({
      ...inProgress,
      processing_status: "ended",
      request_counts: { ...NO_REQUESTS, succeeded: 5 },
      ended_at: "2024-09-24T18:01:00.000000Z",
      results_url: "https://api.anthropic.com/v1/messages/batches/b/results",
    });
  });

  test("ends a canceling batch after cancelingTime, partly canceled", async () => {
    const { sandbox, seed, retrieve, cancel } = setUp();
    seed();
    sandbox.advance(55_000);
    expect((await cancel()).json.processing_status).toBe("canceling");
    sandbox.advance(9_999);
    const canceling = {
      id: "b",
      type: "message_batch",
      processing_status: "canceling",
      request_counts: { ...NO_REQUESTS, processing: 5 },
      ended_at: null,
      created_at: "2024-09-24T18:00:00.000000Z",
      expires_at: "2024-09-25T18:00:00.000000Z",
      archived_at: null,
      cancel_initiated_at: "2024-09-24T18:00:55.000000Z",
      results_url: null,
    };
    expect(await retrieve()).toEqual(canceling);
    sandbox.advance(1);
    expect(await retrieve()).toEqual({
      ...canceling,
      processing_status: "ended",
      request_counts: { ...NO_REQUESTS, succeeded: 2, canceled: 3 },
      ended_at: "2024-09-24T18:01:05.000000Z",
      results_url: "https://api.anthropic.com/v1/messages/batches/b/results",
    });
  });

  test("leaves a canceling batch unchanged when it is canceled again", async () => {
    const { sandbox, seed, cancel } = setUp();
    seed();
    const first = await cancel();
    sandbox.advance(5_000);
    const second = await cancel();
    expect([second.status, second.json]).toEqual([200, first.json]);
    sandbox.advance(5_000);
    expect(sandbox.batch("b")?.processing_status).toBe("ended");
  });

  test("refuses to cancel an ended batch", async () => {
    const { sandbox, seed, cancel } = setUp();
    seed();
    sandbox.advance(60_000);
    const { status, json } = await cancel();
    expect(status).toBe(400);
    expect(json.error.type).toBe("invalid_request_error");
    expect(sandbox.batch("b")?.cancel_initiated_at).toBeNull();
  });

  test("expires processing 24 hours after created_at", async () => {
    const sandbox = createSandbox({ now: () => NOW, processingTime: 48 * 60 * 60 * 1000 });
    const body = createBody("a", "b", "c");
    const { id } = (await call(sandbox, "POST", BATCHES, { body })).json;
    sandbox.advance(DAY - 1);
    expect(sandbox.batch(id)?.processing_status).toBe("in_progress");
    sandbox.advance(1);
    const batch = sandbox.batch(id);
    expect(batch?.processing_status).toBe("ended");
    expect(batch?.ended_at).toBe("2024-09-25T18:00:00.000000Z");
    expect(batch?.request_counts).toEqual({ ...NO_REQUESTS, succeeded: 1, expired: 2 });
  });

  test("archives results 29 days after created_at, and keeps the batch", async () => {
    const { sandbox, seed, results, remove } = setUp();
    seed();
    sandbox.advance(29 * DAY - 1);
    expect(sandbox.batch("b")?.archived_at).toBeNull();
    expect((await results()).status).toBe(200);
    sandbox.advance(1);
    expect(sandbox.batch("b")?.archived_at).toBe("2024-10-23T18:00:00.000000Z");
    expect(sandbox.batch("b")?.results_url).toBeNull();
    expect((await results()).status).toBe(404);
    expect((await remove()).status).toBe(200);
  });

  test("deletes nothing that has not ended, in progress or canceling", async () => {
    const { sandbox, seed, cancel, remove } = setUp();
    seed();
    const inProgress = await remove();
    await cancel();
    const canceling = await remove();
    for (const { status, json } of [inProgress, canceling]) {
      expect(status).toBe(400);
      expect(json.error.type).toBe("invalid_request_error");
    }
    expect(sandbox.size).toBe(1);
    sandbox.advance(10_000);
    expect((await remove()).json).toEqual({ id: "b", type: "message_batch_deleted" });
    expect(sandbox.size).toBe(0);
  });

  test("refuses to delete by 409 where unendedStatus says so", async () => {
    const sandbox = createSandbox({ unendedStatus: 409 });
    const { id } = sandbox.seed({ processing_status: "canceling" });
    const { status, json } = await call(sandbox, "DELETE", `${BATCHES}/${id}`);
    expect([status, json.error.type]).toEqual([409, "conflict_error"]);
  });

  test("has no results before the end", async () => {
    const { seed, results } = setUp();
    seed();
    expect((await results()).status).toBe(404);
  });

  test("refuses to turn the clock back", () => {
    expect(() => createSandbox().advance(-1)).toThrow(RangeError);
    expect(() => createSandbox().advance(NaN)).toThrow(RangeError);
  });
});

describe("seed()", () => {
  test("puts an ended batch in place by default", () => {
    const sandbox = createSandbox({ now: () => NOW });
    expect(sandbox.seed({ id: "b" })).toEqual({
      id: "b",
      type: "message_batch",
      processing_status: "ended",
      request_counts: { ...NO_REQUESTS, succeeded: 1 },
      ended_at: "2024-09-24T18:00:00.000000Z",
      created_at: "2024-09-24T17:59:00.000000Z",
      expires_at: "2024-09-25T17:59:00.000000Z",
      archived_at: null,
      cancel_initiated_at: null,
      results_url: "https://api.anthropic.com/v1/messages/batches/b/results",
    });
  });

  test("keeps an in_progress batch so for processingTime, whenever it was created", () => {
    const sandbox = createSandbox({ now: () => NOW, processingTime: 60_000 });
    sandbox.seed({
      id: "b",
      processing_status: "in_progress",
      created_at: "2024-09-24T12:00:00Z",
    });
    sandbox.advance(59_999);
    expect(sandbox.batch("b")?.processing_status).toBe("in_progress");
    sandbox.advance(1);
    expect(sandbox.batch("b")?.processing_status).toBe("ended");
  });

  test("takes the counts that a batch ends with, the rest according to its end", () => {
    const sandbox = createSandbox({ now: () => NOW });
    const request_counts = { processing: 4, succeeded: 3, errored: 2, canceled: 1 };
    sandbox.seed({ id: "b", processing_status: "canceling", request_counts });
    expect(sandbox.batch("b")?.request_counts).toEqual({ ...NO_REQUESTS, processing: 10 });
    sandbox.advance(DAY);
    expect(sandbox.batch("b")?.request_counts).toEqual({
      processing: 0,
      succeeded: 3,
      errored: 2,
      canceled: 5,
      expired: 0,
    });
  });

  test("takes counts of nothing but processing for a number", () => {
    const sandbox = createSandbox({ now: () => NOW });
    const request_counts = { processing: 5 };
    sandbox.seed({ id: "b", processing_status: "canceling", request_counts });
    sandbox.advance(DAY);
    expect(sandbox.batch("b")?.request_counts).toEqual({
      ...NO_REQUESTS,
      succeeded: 2,
      canceled: 3,
    });
  });

  test("lets an ended batch be ended even if it says that it ends in the future", async () => {
    const sandbox = createSandbox({ now: () => NOW });
    const batch = sandbox.seed({ id: "b", ended_at: "2999-01-01T00:00:00Z" });
    expect([batch.processing_status, batch.ended_at]).toEqual(["ended", "2999-01-01T00:00:00Z"]);
    expect((await call(sandbox, "DELETE", `${BATCHES}/b`)).status).toBe(200);
  });

  test("shows timestamps to the letter, even those that are none", () => {
    const sandbox = createSandbox({ now: () => NOW });
    const dates = { created_at: "2024-09-24T18:00:00+02:00", ended_at: "some day" };
    const batch = sandbox.seed({ ...dates, expires_at: "2999-01-01T00:00:00Z" });
    expect([batch.created_at, batch.ended_at, batch.expires_at]).toEqual([
      "2024-09-24T18:00:00+02:00",
      "some day",
      "2999-01-01T00:00:00Z",
    ]);
    expect(sandbox.seed({ ended_at: null }).ended_at).toBeNull();
  });

  test("replaces a batch with the same id", async () => {
    const sandbox = createSandbox({ now: () => NOW });
    sandbox.seed({ id: "b", processing_status: "in_progress" });
    sandbox.seed({ id: "b" });
    expect(sandbox.size).toBe(1);
    const { json } = await call(sandbox, "GET", BATCHES);
    expect(json.data).toEqual([sandbox.batch("b")]);
  });
});
