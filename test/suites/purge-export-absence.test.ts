import { describe, expect, test } from "vitest";
import { applyPurge, type ApplyPurgeOptions, planPurge } from "../../src/purge/mod.ts";
import type { Client } from "../../mod.ts";
import { createMemoryAuditTrail } from "../fixtures/memory-audit-trail.ts";
import { intentOf, ofPlan } from "../fixtures/audit-entries.ts";
import { daysAgo, drain, play, type Played } from "../fixtures/batches.ts";
import { createMemoryStore } from "../fixtures/memory-sink.ts";

const id = "msgbatch_1";
const template = "/v1/messages/batches/{message_batch_id}";
const results = `${template}/results`;

/** Purges one batch that has ended, with an export, where looks are answered 404 for so many times. */
async function purge(
  times: number,
  { options, before }: {
    readonly options?: ApplyPurgeOptions;
    readonly before?: (played: Played) => unknown;
  } = {},
) {
  const waits: number[] = [];
  const auditTrail = createMemoryAuditTrail();
  const played = play({}, { auditTrail });
  played.sandbox.seed({ id, created_at: daysAgo(9), requests: 3 });
  const plan = await planPurge(played.client, { filter: "*" });
  before?.(played);
  if (times > 0) played.sandbox.fail({ method: "GET", path: template, status: 404, times });
  played.sandbox.clearRequests();
  const clock = played.client.clock;
  if (clock === undefined) throw new Error("There is no clock");
  const watched: Client = {
    ...played.client,
    clock: {
      ...clock,
      sleep: (duration, signal) => {
        waits.push(duration);
        return clock.sleep(duration, signal);
      },
    },
  };
  const exportTo = createMemoryStore();
  const history = options?.history && ofPlan(plan, options.history);
  const { outcomes } = await drain(applyPurge(watched, plan, { exportTo, ...options, history }));
  const requests = played.sandbox.requests.map(({ method, path }) =>
    path.endsWith("/results") ? "results" : method
  ).join(" ");
  const entries = auditTrail.entries.map(({ phase, outcome }) => outcome ?? phase);
  return { ...played, outcomes, requests, waits, entries, exportTo };
}

describe("applyPurge() with exportTo, when a look finds no such batch,", () => {
  test.each([1, 2])("and %i at first: it looks again, stores and deletes", async (times) => {
    const { outcomes, requests, waits, entries, exportTo, sandbox } = await purge(times);
    expect(outcomes).toMatchObject([{ outcome: "deleted", evidence: "receipt", id }]);
    expect(requests).toBe(`${"GET ".repeat(times)}GET results DELETE`);
    expect(waits).toEqual([1_000, 1_500].slice(0, times));
    expect(entries).toEqual(["intent", "deleted"]);
    expect([[...exportTo.kept.keys()], sandbox.size]).toEqual([[id], 0]);
  });

  test("believes the third, and says missing", async () => {
    const { outcomes, requests, waits, entries } = await purge(3);
    expect(outcomes).toEqual([{ outcome: "missing", id }]);
    expect(requests).toBe("GET GET GET");
    expect(waits).toEqual([1_000, 1_500]);
    expect(entries).toEqual(["intent", "missing"]);
  });

  test("does not say that an earlier run deleted what is still there", async () => {
    const history = [intentOf(id)];
    const live = await purge(1, { options: { history } });
    expect(live.outcomes).toMatchObject([{ outcome: "deleted", evidence: "receipt" }]);
    const gone = await purge(3, { options: { history } });
    expect(gone.outcomes).toMatchObject([{ outcome: "deleted", evidence: "absent_after_retry" }]);
    expect(gone.requests).toBe("GET GET GET");
  });

  test("nor after its results were not found: it is left alone, and told", async () => {
    for (const times of [1, 2]) {
      const { outcomes, sandbox, requests, entries } = await purge(0, {
        before: ({ sandbox }) => {
          sandbox.fail({ path: results, status: 404 });
          sandbox.fail({ method: "GET", path: template, headers: { "x-nothing": "1" } });
          sandbox.fail({ method: "GET", path: template, status: 404, times });
        },
      });
      expect(outcomes).toMatchObject([
        { outcome: "skipped", reason: "export_failed", error: { code: "ERR_NOT_FOUND" } },
      ]);
      expect(requests).toBe(`GET results${" GET".repeat(times + 1)}`);
      expect([sandbox.size, entries]).toEqual([1, []]);
    }
  });

  test("nor after its deletion was answered 404", async () => {
    const history = [intentOf(id)];
    const { outcomes, requests, entries, sandbox } = await purge(0, {
      options: { history },
      before: ({ sandbox }) => sandbox.fail({ method: "DELETE", status: 404 }),
    });
    expect(outcomes).toMatchObject([{ outcome: "deleted", evidence: "receipt", id }]);
    expect(requests).toBe("GET results DELETE GET DELETE");
    expect(entries).toEqual(["intent", "deleted"]);
    expect(sandbox.size).toBe(0);
  });

  test("nor after two were: it is told that they do not find what is there", async () => {
    const { outcomes, sandbox, entries } = await purge(0, {
      before: ({ sandbox }) => sandbox.fail({ method: "DELETE", status: 404, times: 2 }),
    });
    expect(outcomes).toMatchObject([
      { outcome: "failed", error: { code: "ERR_INVALID_RESPONSE", status: 404 } },
    ]);
    expect([sandbox.size, entries]).toEqual([1, ["intent", "failed"]]);
  });

  test("ends the looks at an abort, at once, with nothing recorded", async () => {
    const controller = new AbortController();
    // A clock that heeds no signal: the wait between the looks never ends by itself.
    const clock = {
      now: () => Date.now(),
      random: () => 0,
      sleep: () => new Promise<void>(() => {}),
    };
    const { client, sandbox } = play();
    sandbox.seed({ id, created_at: daysAgo(9) });
    const plan = await planPurge(client, { filter: "*" });
    sandbox.clearRequests();
    sandbox.fail({ method: "GET", path: template, status: 404, times: 2 });
    const auditTrail = createMemoryAuditTrail();
    const onRequest = () => void setTimeout(() => controller.abort(), 1);
    const { outcomes } = await drain(
      applyPurge({ ...client, clock, auditTrail, onRequest }, plan, {
        exportTo: createMemoryStore(),
        signal: controller.signal,
      }),
    );
    expect(outcomes).toEqual([{ outcome: "unattempted", id, reason: "interrupted" }]);
    expect([sandbox.requests.length, auditTrail.entries, sandbox.size]).toEqual([1, [], 1]);
  });

  test("ends the looks when the run stops: what is left is not judged", async () => {
    const { client, sandbox } = play();
    const ids = Array.from({ length: 4 }, (_, index) => `msgbatch_${index + 1}`);
    for (const [index, one] of ids.entries()) {
      sandbox.seed({ id: one, created_at: daysAgo(9 + index) }); // the first is the newest
    }
    const plan = await planPurge(client, { filter: "*" });
    sandbox.fail({ method: "GET", path: /\/msgbatch_2$/, status: 404, times: 2 });
    sandbox.fail({ method: "GET", path: /\/msgbatch_[34]$/, status: 401 });
    const clock = {
      now: () => sandbox.now(),
      random: () => 0,
      sleep: () => new Promise<void>(() => {}),
    };
    const { outcomes, summary } = await drain(
      applyPurge({ ...client, clock, maxRetries: 0 }, plan, { exportTo: createMemoryStore() }),
    );
    expect(summary).toMatchObject({ deleted: 1, missing: 0 });
    expect(outcomes).toContainEqual({
      outcome: "unattempted",
      id: "msgbatch_2",
      reason: "credentials_refused",
    });
    expect(sandbox.batch("msgbatch_2")).toBeDefined();
  });

  test("does not outlast the time of a cancellation", async () => {
    const { client, sandbox } = play();
    sandbox.seed({ id, processing_status: "in_progress" });
    const plan = await planPurge(client, { filter: "*", cancelInProgress: true });
    sandbox.fail({ method: "GET", path: template, status: 404, times: 9 });
    const start = sandbox.now();
    const { outcomes } = await drain(
      applyPurge(client, plan, { exportTo: createMemoryStore(), waitTimeout: 1_200 }),
    );
    expect(outcomes).toMatchObject([{ outcome: "missing" }]);
    expect(sandbox.now() - start).toBe(1_200);
  });
});
