import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  applyPurge,
  type ApplyPurgeOptions,
  type DeletionOutcome,
  planPurge,
  PurgeRefusedError,
} from "../../src/purge/mod.ts";
import { type Client, deleteMessageBatch } from "../../mod.ts";
import { createMemoryAuditTrail } from "../fixtures/memory-audit-trail.ts";
import type { BatchSeed, SandboxOptions } from "../../src/sandbox/mod.ts";
import { intentOf, ofPlan, outcomeOf } from "../fixtures/audit-entries.ts";
import { day, daysAgo, drain, play, type Played, seededRandom } from "../fixtures/batches.ts";
import { everythingIn } from "../fixtures/everything-in.ts";
import { createMemoryStore, type MemoryStore } from "../fixtures/memory-sink.ts";
import { createRemoteSandbox } from "../fixtures/remote-sandbox.ts";
import { impossibleCounts, sha256Of } from "../fixtures/results.ts";
import { BATCHES, call } from "../fixtures/sandbox/call.ts";
import { apiKey, refusal, rejection } from "../fixtures/stub.ts";

const ended = { created_at: daysAgo(9) };
const results = /\/results$/;

/** Plans all that was seeded, applies the plan with a store, and tells what came of it. */
async function purge(
  seeds: readonly BatchSeed[],
  given: {
    readonly store?: MemoryStore;
    readonly options?: ApplyPurgeOptions;
    readonly client?: Partial<Client>;
    readonly sandbox?: SandboxOptions;
    /** What happens between the plan and its application. */
    readonly before?: (played: Played) => unknown;
  } = {},
) {
  const { store = createMemoryStore(), options, client: overrides } = given;
  const played = play(given.sandbox, overrides);
  const ids = seeds.map((seed) => played.sandbox.seed(seed).id);
  const plan = await planPurge(played.client, { filter: "*", cancelInProgress: true });
  await given.before?.(played);
  played.sandbox.clearRequests();
  const history = options?.history && ofPlan(plan, options.history);
  const run = applyPurge(played.client, plan, { ...options, history, exportTo: store });
  const { outcomes, summary } = await drain(run);
  const of = (id: string | undefined) => outcomes.find((outcome) => outcome.id === id);
  return { ...played, store, ids, plan, outcomes, summary, of };
}

/** The results that the API has of a batch. */
const resultsOf = async ({ sandbox }: Played, id: string) =>
  (await call(sandbox, "GET", `${BATCHES}/${id}/results`)).text;

/** A gateway that has no path for results. */
const noPath = () => Promise.resolve(new Response("no such path", { status: 404 }));

const methods = ({ sandbox }: Played) =>
  sandbox.requests.map(({ method, path }) => results.test(path) ? "results" : method).join(" ");

describe("applyPurge() with exportTo", () => {
  test("records the hash of the results that were stored with the outcome", async () => {
    const auditTrail = createMemoryAuditTrail();
    const { ids: [id = ""], store } = await purge([{ ...ended, requests: 3 }], {
      client: { auditTrail },
    });
    expect(auditTrail.entries.map(({ exportHash }) => exportHash)).toEqual([
      undefined,
      await sha256Of(store.kept.get(id) ?? ""),
    ]);
  });

  test("stores the results of each batch before it deletes it, and says which", async () => {
    const expected = new Map<string, string>();
    const seeds = [{ ...ended, requests: 40 }, { ...ended, requests: 1 }];
    const outcome = await purge(seeds, {
      before: async (played) => {
        for (const { id } of (await planPurge(played.client, { filter: "*" })).items) {
          expected.set(id, await resultsOf(played, id));
        }
      },
    });
    const { ids, of, store, summary, sandbox } = outcome;
    expect(summary).toMatchObject({ planned: 2, deleted: 2 });
    expect(store.kept).toEqual(expected);
    for (const [index, id] of ids.entries()) {
      const text = expected.get(id) ?? "";
      expect(of(id)).toEqual({
        outcome: "deleted",
        id,
        evidence: "receipt",
        requestId: expect.any(String),
        workspaceId: expect.any(String),
        attempts: 1,
        export: {
          id,
          lines: seeds[index]?.requests,
          bytes: new TextEncoder().encode(text).length,
          sha256: await sha256Of(text),
          requestId: expect.any(String),
        },
      });
    }
    expect(sandbox.size).toBe(0);
    expect(methods(outcome)).toBe("GET results DELETE GET results DELETE");
  });

  test("keeps a batch whose results are gone, or deletes it without them, as `archived` says", async () => {
    const old = { created_at: daysAgo(40), ended_at: daysAgo(39) };
    const kept = await purge([old, ended]);
    expect(kept.of(kept.ids[0])).toEqual({
      outcome: "skipped",
      id: kept.ids[0],
      reason: "archived",
    });
    expect(kept.plan.items.map(({ archived }) => archived)).toEqual([undefined, true]);
    expect(kept.summary).toMatchObject({ deleted: 1, skipped: 1 });
    expect(methods(kept)).toBe("GET results DELETE");
    const gone = await purge([old, ended], { options: { archived: "delete" } });
    expect(gone.of(gone.ids[0])).toMatchObject({ outcome: "deleted", archived: true });
    expect(gone.of(gone.ids[1])).toMatchObject({ outcome: "deleted", export: { lines: 1 } });
    expect(methods(gone).split(" ").sort().join(" ")).toBe("DELETE DELETE GET GET results");
  });

  test("stores what is there where the time of archiving says nothing", async () => {
    const times = [daysAgo(-1), "", "soon", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z"];
    for (const archived_at of [...times, "9999-12-31T23:59:59Z", "10000-01-01T00:00:00Z"]) {
      for (const archived of ["keep", "delete"] as const) {
        const odd = { ...ended, override: { archived_at } };
        const { outcomes, plan, store } = await purge([odd], { options: { archived } });
        expect(plan.items).toMatchObject([{ action: "delete" }]);
        expect(plan.items[0]?.archived).toBeUndefined();
        expect(outcomes).toMatchObject([{ outcome: "deleted", export: { lines: 1 } }]);
        expect(store.kept.size).toBe(1);
      }
    }
  });

  test("stores results until 29 days after the creation, to the minute", async () => {
    for (const [age, isThere] of [[29 - 1 / 1_440, true], [29, false]] as const) {
      const old = { created_at: daysAgo(age) };
      const { outcomes, plan } = await purge([old], { options: { archived: "delete" } });
      expect(plan.items[0]?.archived).toBe(isThere ? undefined : true);
      expect(outcomes).toMatchObject([
        isThere ? { outcome: "deleted", export: { lines: 1 } } : { archived: true },
      ]);
      const kept = await purge([old]);
      expect(kept.outcomes).toMatchObject([
        isThere ? { outcome: "deleted" } : { outcome: "skipped", reason: "archived" },
      ]);
    }
  });

  test("finds out when it is applied that results are gone by then", async () => {
    for (const archived of ["keep", "delete"] as const) {
      const young = { created_at: daysAgo(28), ended_at: daysAgo(27) };
      const { outcomes, plan, deletes } = await purge([young], {
        options: { archived },
        before: ({ sandbox }) => sandbox.advance(2 * day),
      });
      expect(plan.items[0]?.archived).toBeUndefined();
      const expected = archived === "keep"
        ? { outcome: "skipped", reason: "archived" }
        : { outcome: "deleted", archived: true };
      expect(outcomes).toMatchObject([expected]);
      expect(deletes()).toHaveLength(archived === "keep" ? 0 : 1);
    }
  });

  test("cancels, waits, stores and deletes where the plan says so", async () => {
    const outcome = await purge([{ processing_status: "in_progress", requests: 10 }]);
    const { ids: [id = ""], of, store } = outcome;
    expect(of(id)).toMatchObject({ outcome: "deleted", attempts: 1, export: { lines: 10 } });
    expect(store.kept.get(id)?.match(/"type":"canceled"/g)).toHaveLength(5);
    expect(methods(outcome)).toMatch(/^GET POST (GET )+results DELETE$/);
  });

  test("leaves alone what has not ended in time, or no longer", async () => {
    const slow = await purge([{ processing_status: "in_progress" }], {
      sandbox: { cancelingTime: 86_000_000 },
      options: { waitTimeout: 5_000 },
    });
    expect(slow.outcomes).toEqual([
      { outcome: "skipped", id: slow.ids[0], reason: "not_ended", canceled: true },
    ]);
    const reborn = await purge([{ ...ended, id: "msgbatch_1" }], {
      before: ({ sandbox }) => sandbox.seed({ id: "msgbatch_1", processing_status: "in_progress" }),
    });
    expect(reborn.outcomes).toEqual([
      { outcome: "skipped", id: "msgbatch_1", reason: "not_ended" },
    ]);
    expect([slow, reborn].map(({ store }) => store.opened)).toEqual([[], []]);
    expect([...slow.deletes(), ...reborn.deletes()]).toEqual([]);
  });

  test("exports nothing that is held, or settled by the record", async () => {
    const settled = outcomeOf(intentOf("msgbatch_1"), { requestId: undefined });
    const { outcomes, store, sandbox } = await purge([
      { ...ended, id: "msgbatch_1" },
      { ...ended, id: "msgbatch_2" },
    ], { options: { history: [settled], holds: ["msgbatch_2"] } });
    expect(outcomes).toHaveLength(2);
    expect(outcomes).toContainEqual(
      { outcome: "deleted", id: "msgbatch_1", evidence: "receipt", attempts: 1, recorded: true },
    );
    expect(outcomes).toContainEqual({ outcome: "skipped", id: "msgbatch_2", reason: "held" });
    expect([store.opened, sandbox.requests]).toEqual([[], []]);
  });
});

describe("applyPurge() with exportTo deletes nothing", () => {
  const stores: [string, () => MemoryStore, RegExp][] = [
    ["opens nothing", () => ({
      ...createMemoryStore(),
      open: () => Promise.reject(new Error("No such bucket")),
    }), /the store failed: No such bucket/],
    ["throws", () => ({
      ...createMemoryStore(),
      open: () => {
        throw new Error("No such bucket");
      },
    }), /No such bucket/],
    ["opens what is no stream", () => ({
      ...createMemoryStore(),
      open: () => Promise.resolve({} as WritableStream<Uint8Array>),
    }), /not a WritableStream/],
    [
      "fails to write",
      () => createMemoryStore({ write: () => Promise.reject(new Error("EIO")) }),
      /the store failed: EIO/,
    ],
    [
      "fails to close",
      () => createMemoryStore({ close: () => Promise.reject(new Error("The disk is full")) }),
      /the store failed: The disk is full/,
    ],
    [
      "fails with no error",
      () => createMemoryStore({ close: () => Promise.reject(apiKey) }),
      /the store failed$/,
    ],
    [
      "quotes the key",
      () => createMemoryStore({ close: () => Promise.reject(new Error(`\u001b[31m\n${apiKey}`)) }),
      /the store failed: \[31m \[redacted\]$/,
    ],
  ];
  test.each(stores)("where the store %s", async (_, make, message) => {
    const store = make();
    const { outcomes, summary, sandbox, deletes } = await purge([ended, ended], { store });
    expect(summary).toMatchObject({ planned: 2, skipped: 2, hasMore: false });
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({
        outcome: "skipped",
        reason: "export_failed",
        error: { code: "ERR_EXPORT", message: expect.stringMatching(message) },
      });
    }
    expect(everythingIn(outcomes)).not.toContain("sentinel");
    expect([sandbox.size, deletes(), [...store.kept]]).toEqual([2, [], []]);
  });

  const shapes: [string, BatchSeed, Record<string, unknown>, RegExp][] = [
    [
      "are too few",
      {
        ...ended,
        override: {
          request_counts: { processing: 0, succeeded: 2, errored: 0, canceled: 0, expired: 0 },
        },
      },
      { code: "ERR_INVALID_RESPONSE", status: 200 },
      /1 lines, and the batch 2 results/,
    ],
  ];
  test.each(shapes)("whose results %s", async (_, seed, error, message) => {
    const { ids, outcomes, summary, sandbox, deletes } = await purge([seed]);
    expect(outcomes).toEqual([{
      outcome: "skipped",
      id: ids[0],
      reason: "export_failed",
      error: expect.objectContaining({ ...error, message: expect.stringMatching(message) }),
    }]);
    expect(summary).toMatchObject({ skipped: 1, hasMore: false });
    expect([sandbox.size, deletes()]).toEqual([1, []]);
  });

  test("whose counts are impossible, and asks for no results", async () => {
    const counts = { processing: 0, succeeded: 1, errored: 1, canceled: 1, expired: 0 };
    const numbers = impossibleCounts.filter((one) => Object.values(one).every(Number.isFinite));
    expect(numbers.length).toBeGreaterThan(5);
    for (const impossible of numbers) {
      const override = { request_counts: { ...counts, ...impossible } };
      const outcome = await purge([{ ...ended, override }]);
      expect(outcome.outcomes).toMatchObject([{ outcome: "skipped", reason: "export_failed" }]);
      expect([outcome.sandbox.size, methods(outcome)]).toEqual([1, "GET"]);
    }
  });

  const pages = [
    "<!doctype html>\n<title>Sign in</title>\n</html>\n",
    "<Error>\n<Code>Expired</Code>\n</Error>\n",
    `{"type":"error"}\n`.repeat(3),
    `{"custom_id":"request-1","result":{"type":"canceled"}}\n`.repeat(3),
  ];
  test.each(pages)("whose results are %j, as many lines as there must be", async (body) => {
    const { outcomes, store, sandbox, deletes } = await purge([{ ...ended, requests: 3 }], {
      before: ({ sandbox }) => sandbox.fail({ path: results, status: 200, body }),
    });
    expect(outcomes).toMatchObject([
      { outcome: "skipped", reason: "export_failed", error: { code: "ERR_INVALID_RESPONSE" } },
    ]);
    expect([sandbox.size, deletes(), store.kept.size]).toEqual([1, [], 0]);
  });

  test("where the store quotes what the function of the secret gave", async () => {
    let number = 0;
    const secret = () => `gateway-token-${number += 1}`;
    const store = createMemoryStore({
      close: () => Promise.reject(new Error("PUT failed: Bearer gateway-token-1")),
    });
    const client = { apiKey: undefined, authToken: secret };
    const { outcomes, deletes } = await purge([ended], { store, client });
    expect(outcomes).toMatchObject([
      { error: { code: "ERR_EXPORT", message: expect.stringMatching(/the store failed$/) } },
    ]);
    expect(everythingIn(outcomes)).not.toContain("gateway-token");
    expect([number > 1, deletes()]).toEqual([true, []]);
  });

  test("when the connection is lost in the middle of the results, and goes on", async () => {
    const { outcomes, store, sandbox, deletes, ids } = await purge([
      { ...ended, requests: 9 },
      { ...ended, requests: 9 },
    ], {
      client: { maxRetries: 1 },
      before: ({ sandbox }) => sandbox.fail({ path: results, truncate: 100, times: 2 }),
      options: { concurrency: 1 },
    });
    expect(outcomes.map((one) => one.outcome === "skipped" ? one : one.outcome)).toEqual([
      expect.objectContaining({
        reason: "export_failed",
        error: expect.objectContaining({ code: "ERR_CONNECTION" }),
      }),
      "deleted",
    ]);
    expect(store.kept.size).toBe(1);
    expect(deletes()).toEqual([...store.kept.keys()]);
    expect(ids.filter((id) => sandbox.batch(id))).toHaveLength(1);
  });

  const stops: [number, string, string][] = [
    [401, "authentication_error", "credentials_refused"],
    [402, "billing_error", "billing"],
    [429, "rate_limit_error", "rate_limited"],
  ];
  const details = { error_code: "enforced_spend_limit_reached" }; // a 429 that is not waited out
  for (const path of [results, /\/msgbatch_[^/]+$/]) {
    test.each(stops)(`after a %i to ${path}: the run stops`, async (status, type, reason) => {
      const { outcomes, summary, deletes } = await purge(Array(5).fill(ended), {
        client: { maxRetries: 0 },
        before: ({ sandbox }) => sandbox.fail({ method: "GET", path, status, type, details }),
      });
      expect(summary).toMatchObject({ skipped: 1, unattempted: 4, hasMore: true });
      expect(outcomes[0]).toMatchObject({ reason: "export_failed", error: { status, type } });
      expect(outcomes[4]).toMatchObject({ outcome: "unattempted", reason });
      expect(deletes()).toEqual([]);
    });
  }

  test("after ten outages in a row: the run stops", async () => {
    const { summary, deletes } = await purge(Array(15).fill(ended), {
      client: { maxRetries: 0 },
      options: { concurrency: 1 },
      before: ({ sandbox }) => sandbox.fail({ path: results, truncate: 10, times: 99 }),
    });
    expect(summary).toMatchObject({ skipped: 10, unattempted: 5, hasMore: true });
    expect(deletes()).toEqual([]);
  });

  test("whose results are not found", async () => {
    const { ids, outcomes, deletes } = await purge([ended], {
      before: ({ sandbox }) =>
        sandbox.fail({ method: "GET", path: results, status: 404, times: 9 }),
    });
    expect(outcomes).toMatchObject([{
      id: ids[0],
      reason: "export_failed",
      error: { code: "ERR_NOT_FOUND", status: 404 },
    }]);
    expect(deletes()).toEqual([]);
  });

  test("after a refusal of another origin, which stops nothing", async () => {
    const asked: Headers[] = [];
    const override = { results_url: "https://results.example.com/r" };
    const seeds = [ended, ended, { created_at: daysAgo(8), override }]; // the newest goes first
    const played = play();
    const ids = seeds.map((seed) => played.sandbox.seed(seed).id);
    const client: Client = {
      ...played.client,
      fetch: async (url, init) => {
        if (url.includes(ids[2] ?? "") && results.test(url)) return await noPath();
        if (!url.startsWith("https://results.example.com")) {
          return await played.client.fetch?.(url, init) ?? Response.error();
        }
        asked.push(new Headers(init.headers));
        return await refusal(401, "authentication_error")();
      },
    };
    const plan = await planPurge(client, { filter: "*" });
    const exportTo = createMemoryStore();
    const { outcomes, summary } = await drain(applyPurge(client, plan, { exportTo }));
    expect(summary).toMatchObject({ deleted: 2, skipped: 1, unattempted: 0 });
    expect(outcomes[0]).toMatchObject({
      id: ids[2],
      reason: "export_failed",
      error: { code: "ERR_API", message: expect.stringMatching(/another origin.* 401/) },
    });
    expect(asked.map((headers) => [...headers])).toEqual([[]]);
  });

  test("when the function of the secret fails, which stops the run and is thrown", async () => {
    const reason = new Error("The vault is closed");
    let asked = 0;
    const { client, sandbox, deletes } = play({}, {
      apiKey: () => (asked += 1) > 2 ? Promise.reject(reason) : Promise.resolve(apiKey),
    });
    for (let index = 0; index < 3; index += 1) sandbox.seed(ended);
    const plan = await planPurge(client, { filter: "*" });
    const outcomes: DeletionOutcome[] = [];
    const error = await rejection((async () => {
      const run = applyPurge(client, plan, { exportTo: createMemoryStore() });
      for await (const outcome of run) outcomes.push(outcome);
    })());
    expect(error).toBe(reason);
    expect(outcomes.map((one) => one.outcome)).toEqual(["failed", "unattempted", "unattempted"]);
    expect(deletes()).toEqual([]);
  });
});

describe("applyPurge() with exportTo, when a batch is gone,", () => {
  const gone = (options: ApplyPurgeOptions = {}, auditTrail = createMemoryAuditTrail()) =>
    purge([{ ...ended, id: "msgbatch_1" }], {
      options,
      client: { auditTrail },
      before: ({ sandbox }) =>
        sandbox.fail({ method: "GET", path: /msgbatch_1$/, status: 404, times: 9 }),
    });
  const intent = intentOf("msgbatch_1");

  test("says missing, records it, and sends no deletion", async () => {
    const auditTrail = createMemoryAuditTrail();
    const { outcomes, deletes, store, sandbox } = await gone({}, auditTrail);
    expect(outcomes).toEqual([{ outcome: "missing", id: "msgbatch_1" }]);
    // The 404 was one of those that live batches are answered for a moment.
    expect([deletes(), store.opened, sandbox.size]).toEqual([[], [], 1]);
    expect(auditTrail.entries.map(({ phase, outcome }) => outcome ?? phase)).toEqual([
      "intent",
      "missing",
    ]);
  });

  test("says absent_after_retry, where an earlier run may have deleted it", async () => {
    const auditTrail = createMemoryAuditTrail();
    const { outcomes, deletes } = await gone({ history: [intent] }, auditTrail);
    expect(outcomes).toEqual([{
      outcome: "deleted",
      id: "msgbatch_1",
      evidence: "absent_after_retry",
      requestId: expect.any(String),
      workspaceId: expect.any(String),
      attempts: 0,
    }]);
    expect(deletes()).toEqual([]);
    expect(auditTrail.entries[1]).toMatchObject({
      outcome: "deleted",
      evidence: "absent_after_retry",
    });
  });

  test("sees it, also between the look and the results, and after three looks of a wait", async () => {
    const between = await purge([{ ...ended, id: "msgbatch_1" }], {
      before: (played) => {
        played.sandbox.fail({ path: results, status: 404 });
        played.sandbox.fail({ path: /msgbatch_1$/, headers: { "x-nothing": "1" } });
        played.sandbox.fail({ path: /msgbatch_1$/, status: 404, times: 3 });
      },
    });
    expect(between.outcomes).toEqual([{ outcome: "missing", id: "msgbatch_1" }]);
    expect(between.deletes()).toEqual([]);
    const waiting = await purge([{ processing_status: "in_progress", id: "msgbatch_1" }], {
      before: ({ sandbox }) => sandbox.fail({ path: /msgbatch_1$/, status: 404, times: 3 }),
    });
    expect(waiting.outcomes).toEqual([{ outcome: "missing", id: "msgbatch_1" }]);
    expect(waiting.deletes()).toEqual([]);
  });

  test("does not ask another origin, which has the results, whose workspace it is", async () => {
    const played = play();
    const elsewhere = "https://results.example.com/r";
    const { id } = played.sandbox.seed({ ...ended, override: { results_url: elsewhere } });
    const text = await resultsOf(played, id);
    const client: Client = {
      ...played.client,
      fetch: async (url, init) => {
        if (results.test(url)) return await noPath();
        if (url !== elsewhere) return await played.client.fetch?.(url, init) ?? Response.error();
        await deleteMessageBatch(played.client, id); // somebody else
        return new Response(text, { headers: { "anthropic-workspace-id": "wrkspc_other" } });
      },
    };
    const plan = await planPurge(client, { filter: "*" });
    expect(plan.workspaceId).toMatch(/^wrkspc_/);
    const { outcomes } = await drain(applyPurge(client, plan, { exportTo: createMemoryStore() }));
    expect(outcomes).toMatchObject([{ outcome: "deleted", evidence: "absent_after_retry" }]);
  });

  test("says deleted of what was stored, and gone before it was deleted", async () => {
    const { outcomes, store } = await purge([{ ...ended, id: "msgbatch_1" }], {
      before: ({ sandbox }) => {
        sandbox.fail({ method: "DELETE", status: 404 });
        sandbox.fail({ path: /msgbatch_1$/, headers: { "x-nothing": "1" } });
        sandbox.fail({ path: /msgbatch_1$/, status: 404, times: 3 });
      },
    });
    expect(outcomes).toMatchObject([
      { outcome: "deleted", evidence: "absent_after_retry", export: { lines: 1 } },
    ]);
    expect([...store.kept.keys()]).toEqual(["msgbatch_1"]);
  });
});

describe("applyPurge() with exportTo, when it is aborted,", () => {
  test("ends exports that are under way, and deletes nothing more", async () => {
    const controller = new AbortController();
    const aborted: unknown[] = [];
    const store = createMemoryStore({
      write: () => {
        controller.abort(new PurgeRefusedError("apply", "enough")); // an error of this library
        return new Promise((resolve) => setTimeout(resolve, 5));
      },
      abort: (reason) => void aborted.push(reason),
    });
    const { outcomes, deletes, sandbox } = await purge([ended, ended, ended], {
      store,
      options: { signal: controller.signal },
    });
    expect(outcomes.map((one) => one.outcome === "unattempted" && one.reason)).toEqual(
      Array(3).fill("interrupted"),
    );
    expect([deletes(), sandbox.size, [...store.kept]]).toEqual([[], 3, []]);
    expect(aborted).toEqual([controller.signal.reason]);
  });

  test("between the export and the deletion, does not begin the deletion", async () => {
    const controller = new AbortController();
    const store = createMemoryStore({ close: () => void setTimeout(() => controller.abort(), 0) });
    const slow = {
      ...store,
      open: async (id: string) => {
        const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
        const kept = readable.pipeTo(await store.open(id));
        const writer = writable.getWriter();
        return new WritableStream<Uint8Array>({
          write: (chunk) => writer.write(chunk),
          close: async () => {
            await writer.close();
            await kept;
            await new Promise((resolve) => setTimeout(resolve, 20));
          },
        });
      },
    };
    const { outcomes, deletes } = await purge([ended], {
      store: slow,
      options: { signal: controller.signal },
    });
    expect(outcomes).toMatchObject([{ outcome: "unattempted", reason: "interrupted" }]);
    expect([deletes(), store.kept.size]).toEqual([[], 1]);
  });

  test("while the store opens, aborts what opens later", async () => {
    const controller = new AbortController();
    let open = () => {};
    let aborted = 0;
    const store = createMemoryStore({
      abort: () => {
        aborted += 1;
      },
    });
    const late = {
      ...store,
      open: async (id: string) => {
        setTimeout(() => controller.abort(), 0);
        await new Promise<void>((resolve) => open = resolve);
        return await store.open(id);
      },
    };
    const { outcomes } = await purge([ended], {
      store: late,
      options: { signal: controller.signal },
    });
    expect(outcomes).toMatchObject([{ outcome: "unattempted" }]);
    open();
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(aborted).toBe(1);
  });
});

test("a purge with an export over HTTP survives lost connections and overload", async () => {
  const { url, control } = await createRemoteSandbox();
  const ids: string[] = [];
  for (let index = 0; index < 40; index += 1) {
    ids.push((await control({ seed: { ...ended, requests: 30 } })).batch.id);
  }
  const client: Client = { apiKey, baseUrl: url, maxRetries: 9, maxRetryDelay: 5 };
  const plan = await planPurge(client, { filter: "*" });
  const template = "/v1/messages/batches/{message_batch_id}";
  await control({ fail: { path: `${template}/results`, truncate: true, probability: 0.05 } });
  await control({ fail: { path: `${template}/results`, truncate: true } }); // once in any case
  await control({ fail: { method: "DELETE", connection: "lost_after", probability: 0.05 } });
  await control({ fail: { status: 529, path: template, probability: 0.05 } });
  const exportTo = createMemoryStore();
  const { outcomes, summary } = await drain(applyPurge(client, plan, { exportTo }));
  expect(summary).toMatchObject({ planned: 40, deleted: 40, hasMore: false });
  expect(new Set(exportTo.kept.keys())).toEqual(new Set(ids));
  for (const outcome of outcomes) {
    const stored = exportTo.kept.get(outcome.id) ?? "";
    const lines = stored.trimEnd().split("\n").map((line) => JSON.parse(line).custom_id);
    expect(lines).toEqual(Array.from({ length: 30 }, (_, index) => `request-${index + 1}`));
    expect(outcome).toMatchObject({ export: { lines: 30, sha256: await sha256Of(stored) } });
  }
  const { requests } = await control();
  expect(requests.filter(({ path }) => results.test(path)).length).toBeGreaterThan(40);
});

test("a purge with an export deletes only what is stored whole, whatever goes wrong", async () => {
  const fault = fc.record({
    method: fc.constantFrom("GET", "GET", "POST", "DELETE"),
    what: fc.oneof(
      fc.nat(3_000).map((truncate) => ({ truncate })),
      fc.constantFrom(
        { connection: "lost_before" } as const,
        { connection: "lost_after" } as const,
        ...[400, 401, 404, 409, 429, 500, 529].map((status) => ({ status })),
        { status: 200, body: "<!doctype html>" },
        { status: 302 },
      ),
    ),
  });
  const seed = fc.record({
    processing_status: fc.constantFrom("ended", "ended", "in_progress"),
    requests: fc.nat(9),
  });
  let deleted = 0;
  let skipped = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(seed, { minLength: 1, maxLength: 4 }),
      fc.array(fault, { maxLength: 12 }),
      fc.option(fc.nat(4), { nil: undefined }),
      fc.integer(),
      async (seeds, faults, failing, number) => {
        const random = seededRandom(number);
        const played = play({ random });
        for (const { processing_status, requests } of seeds) {
          const created_at = processing_status === "ended" ? daysAgo(9) : undefined;
          played.sandbox.seed({ processing_status, requests, created_at });
        }
        const plan = await planPurge(played.client, { filter: "*", cancelInProgress: true });
        for (const { method, what } of faults) {
          played.sandbox.fail({ method, probability: 0.2, times: 2, ...what });
        }
        const unstored: string[] = [];
        let closes = 0;
        const exportTo = createMemoryStore({
          close: () => {
            if (closes++ === failing) throw new Error("The disk is full");
          },
        });
        const client: Client = {
          ...played.client,
          fetch: async (url, init) => {
            const id = url.split("/").at(-1) ?? "";
            const batch = played.sandbox.batch(id);
            if (init.method === "DELETE" && batch !== undefined) {
              // The same batch elsewhere, where nothing goes wrong.
              const twin = play();
              twin.sandbox.seed({ id, ...ended, request_counts: batch.request_counts });
              if (exportTo.kept.get(id) !== await resultsOf(twin, id)) unstored.push(id);
            }
            return await played.client.fetch?.(url, init) ?? Response.error();
          },
        };
        const { outcomes } = await drain(applyPurge(client, plan, { exportTo }));
        expect(unstored).toEqual([]);
        for (const outcome of outcomes) {
          const stored = exportTo.kept.get(outcome.id);
          const there = played.sandbox.batch(outcome.id) !== undefined;
          if (!there) expect(stored).toBeDefined();
          if (outcome.outcome === "deleted") {
            deleted += 1;
            expect(outcome.export).toMatchObject({
              lines: (stored ?? "").split("\n").length - 1,
              sha256: await sha256Of(stored ?? ""),
            });
          }
          if (outcome.outcome === "skipped") {
            skipped += 1;
            expect(there).toBe(true);
          }
        }
      },
    ),
    { numRuns: 60 },
  );
  expect(Math.min(deleted, skipped)).toBeGreaterThan(5); // some 70 and 50
});
