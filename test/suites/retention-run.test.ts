import { describe, expect, test } from "vitest";
import type { AuditTrail, Client } from "../../mod.ts";
import { createMemoryAuditTrail } from "../fixtures/memory-audit-trail.ts";
import type { RetentionPolicy } from "../../src/retention/mod.ts";
import { runRetention, type RunRetentionOptions } from "../../src/retention/run/run-retention.ts";
import { createMemoryStateStore } from "../../src/service/memory-state-store.ts";
import { day, daysAgo, play } from "../fixtures/batches.ts";
import { BATCHES, call } from "../fixtures/sandbox/call.ts";
import { apiKey, rejection, stub } from "../fixtures/stub.ts";

const month: RetentionPolicy = {
  version: 1,
  rules: [{ type: "delete_after", days: 30, since: "ended" }],
  holds: [],
};
const hour = 3_600_000;
const numbered = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `msgbatch_${from + index}`);

/** A sandbox with batches that are so many days old, each a little younger than the one before. */
function setUp(days: readonly number[] = [], overrides: Partial<Client> = {}) {
  const played = play({}, overrides);
  const { sandbox, client } = played;
  const store = createMemoryStateStore();
  days.forEach((age, index) =>
    sandbox.seed({
      id: `msgbatch_${index + 1}`,
      created_at: daysAgo(age - index * 1e-6),
      ended_at: daysAgo(age - index * 1e-6),
    })
  );
  const run = (options: Partial<RunRetentionOptions> = {}, policy = month) =>
    runRetention(client, policy, { store, ...options });
  const requests = () => sandbox.requests.map(({ method }) => method);
  return { ...played, store, run, requests };
}

const olds = (count: number) => Array.from({ length: count }, () => 40);

describe("runRetention() deletes", () => {
  test("what the policy lets go and nothing else, the oldest first; then nothing", async () => {
    const { sandbox, run, deletes } = setUp([40, 35, 31, 29, 5]);
    sandbox.seed({ processing_status: "in_progress" });
    expect(await run()).toEqual({
      startedAt: daysAgo(0),
      endedAt: daysAgo(0),
      requests: 4,
      listed: 6,
      deleted: 3,
      missing: 0,
      skipped: 0,
      failed: 0,
      hasMore: false,
    });
    expect(deletes().sort()).toEqual(numbered(1, 3));
    expect(deletes()[0]).toBe("msgbatch_1");
    sandbox.clearRequests();
    expect(await run()).toMatchObject({ requests: 1, listed: 3, deleted: 0, hasMore: false });
    expect(deletes()).toEqual([]);
  });

  test("nothing that is held", async () => {
    const { run, deletes } = setUp(olds(3));
    await run({}, { ...month, holds: ["msgbatch_2"] });
    expect(deletes().sort()).toEqual(["msgbatch_1", "msgbatch_3"]);
  });

  test("on the record", async () => {
    const auditTrail = createMemoryAuditTrail();
    const { run } = setUp(olds(1), { auditTrail, actor: "retention" });
    await run();
    expect(auditTrail.entries.map(({ phase, actor, id }) => [phase, actor, id])).toEqual([
      ["intent", "retention", "msgbatch_1"],
      ["outcome", "retention", "msgbatch_1"],
    ]);
  });

  test("each batch once where two runs meet: the second ends at once", async () => {
    const { run, deletes } = setUp(olds(20));
    const runs = await Promise.all([run(), run()]);
    expect(runs.filter((one) => one === undefined)).toHaveLength(1);
    expect(runs.find((one) => one !== undefined)).toMatchObject({ deleted: 20, missing: 0 });
    expect(deletes().sort()).toEqual(numbered(1, 20).sort());
  });
});

describe("runRetention() has a budget,", () => {
  test("and goes on in the next run, with the list and with the plan", async () => {
    const { sandbox, run, requests, deletes } = setUp([...olds(5), ...Array(2_500).fill(3)]);
    const runs = [];
    do {
      sandbox.clearRequests();
      runs.push(await run({ requests: 2 }));
      expect(requests().length).toBeLessThanOrEqual(2);
    } while (runs.at(-1)?.hasMore && runs.length < 20);
    expect(runs.map((one) => [one?.listed, one?.deleted, one?.hasMore])).toEqual([
      [2_000, 0, true],
      [505, 1, true],
      [0, 2, true],
      [0, 2, false],
    ]);
    expect(sandbox.size).toBe(2_500);
    expect(deletes().sort()).toEqual(numbered(4, 5));
  });

  test("which every attempt is part of", async () => {
    const { sandbox, run, requests } = setUp(olds(60));
    sandbox.fail({ status: 529, probability: 0.4 });
    sandbox.fail({ connection: "lost_after", probability: 0.3 });
    for (const budget of [1, 3, 7, 20, 40, 40, 40, 40, 40, 40, 40]) {
      sandbox.clearRequests();
      const result = await run({ requests: budget });
      expect(requests().length).toBeLessThanOrEqual(budget);
      expect(result?.requests).toBe(requests().length);
    }
    sandbox.clearFaults();
    while ((await run())?.hasMore);
    expect(sandbox.size).toBe(0);
  });

  test("that pays for the record, too, where a deletion costs more than a request", async () => {
    const { run, sandbox } = setUp(olds(20));
    expect(await run({ requests: 10, costOfDeletion: 3 })).toMatchObject({
      requests: 4,
      deleted: 3,
      hasMore: true,
    });
    expect(await run({ requests: 10, costOfDeletion: 3 })).toMatchObject({
      requests: 3,
      deleted: 3,
    });
    expect(sandbox.size).toBe(14);
  });

  test("and twelve minutes at the most", async () => {
    const { sandbox, client, store, run } = setUp(olds(30));
    const fetch: Client["fetch"] = async (url, init) => {
      sandbox.advance(60_000);
      return await sandbox.fetch(url, init);
    };
    const result = await runRetention({ ...client, fetch }, month, { store, requests: 1_000 });
    expect(result).toMatchObject({ hasMore: true, requests: 12, deleted: 11 });
    expect(result?.error).toBeUndefined();
    expect(await run()).toMatchObject({ listed: 0, deleted: 19, hasMore: false });
  });

  test("and stops when it is told to, without having failed", async () => {
    const { client, sandbox, store } = setUp(olds(30));
    const controller = new AbortController();
    const fetch: Client["fetch"] = async (url, init) => {
      if (sandbox.requests.length === 10) controller.abort();
      return await sandbox.fetch(url, init);
    };
    const options = { store, signal: controller.signal };
    const result = await runRetention({ ...client, fetch }, month, options);
    expect(result).toMatchObject({ hasMore: true, failed: 0 });
    expect(result?.error).toBeUndefined();
    expect(sandbox.size).toBeGreaterThan(15);
    expect(await runRetention(client, month, options)).toMatchObject({ requests: 0 });
    expect(await runRetention(client, month, { store })).toMatchObject({ hasMore: false });
    expect(sandbox.size).toBe(0);
  });
});

describe("runRetention() once a day", () => {
  test("comes to the end of a list that takes several of them", async () => {
    const { run, sandbox, deletes } = setUp([...olds(2), ...Array(3_500).fill(3)]);
    const runs = [];
    for (let days = 0; days < 6; days += 1) {
      runs.push(await run({ requests: 1 }));
      sandbox.advance(day);
    }
    expect(runs.map((one) => [one?.listed, one?.deleted])).toEqual([
      [1_000, 0],
      [1_000, 0],
      [1_000, 0],
      [502, 0],
      [0, 1],
      [0, 1],
    ]);
    expect(deletes()).toHaveLength(2);
  });

  test("was good where it came to its end or settled something, not where it only read on", async () => {
    const { run, sandbox, store } = setUp([...olds(2), ...Array(1_500).fill(3)]);
    const lastGoodAt = async () =>
      JSON.parse((await store.read("retention"))?.value ?? "").lastGoodAt;
    const seen = [];
    for (let days = 0; days < 4; days += 1) {
      await run({ requests: 1 });
      seen.push(await lastGoodAt());
      sandbox.advance(day);
    }
    expect(seen).toEqual([undefined, undefined, daysAgo(-2), daysAgo(-3)]);
  });
});

describe("runRetention() begins anew", () => {
  const many = [...olds(5), ...Array(1_500).fill(3)];

  test("when the policy has changed, and deletes nothing by the old plan", async () => {
    const { run, deletes } = setUp(many);
    expect(await run({ requests: 3 })).toMatchObject({ deleted: 1, hasMore: true });
    const held = { ...month, holds: numbered(1, 5) };
    expect(await run({}, held)).toMatchObject({ listed: 1_504, deleted: 0, hasMore: false });
    expect(deletes()).toHaveLength(1);
    // Nor does the old plan come back with the old policy.
    expect(await run()).toMatchObject({ listed: 1_504, deleted: 4 });
  });

  test("when the workspace or the base URL of the client has changed", async () => {
    for (const other of [{ baseUrl: "https://proxy.example" }, { workspaceId: "wrkspc_1" }]) {
      const { run, client, store, sandbox } = setUp(many);
      await run({ requests: 3 });
      sandbox.clearRequests();
      await runRetention({ ...client, ...other }, month, { store });
      expect(sandbox.requests[0]?.method).toBe("GET");
    }
  });

  test("when the key is of another workspace by now, after one run that fails", async () => {
    const { run, store, sandbox } = setUp(olds(30));
    expect(await run({ requests: 11 })).toMatchObject({ deleted: 10, hasMore: true });
    const other = play({ workspaceId: "wrkspc_other" });
    for (let index = 0; index < 30; index += 1) other.sandbox.seed({ created_at: daysAgo(40) });
    const onOther = () => runRetention(other.client, month, { store });
    expect(await onOther()).toMatchObject({
      requests: 1,
      deleted: 0,
      failed: 1,
      hasMore: true,
      error: { code: "ERR_PURGE_REFUSED" },
    });
    // Nothing of the other workspace goes by a plan that was not made for it.
    expect([sandbox.size, other.sandbox.size]).toEqual([20, 30]);
    const second = await onOther();
    expect(second).toMatchObject({ listed: 30, deleted: 30, failed: 0, hasMore: false });
    expect(second?.error).toBeUndefined();
    expect([sandbox.size, other.sandbox.size]).toEqual([20, 0]);
    expect(await run()).toMatchObject({ listed: 20, deleted: 20, failed: 0, hasMore: false });
  });

  test("when the key changes in the middle of a run, which says what it did", async () => {
    const { client, sandbox, store } = setUp(olds(30));
    const other = play({ workspaceId: "wrkspc_other" });
    for (let index = 0; index < 5; index += 1) other.sandbox.seed({ created_at: daysAgo(40) });
    let requests = 0;
    const fetch: Client["fetch"] = async (url, init) =>
      await ((requests += 1) > 12 ? other : { sandbox }).sandbox.fetch(url, init);
    const options = { store, requests: 40 };
    const first = await runRetention({ ...client, fetch }, month, options);
    expect(first).toMatchObject({ listed: 30, hasMore: true, missing: 0 });
    expect(first?.error?.code).toBe("ERR_PURGE_REFUSED");
    expect([first?.deleted, other.sandbox.size]).toEqual([30 - sandbox.size, 5]);
    expect(await runRetention({ ...client, fetch }, month, options)).toMatchObject({
      listed: 5,
      deleted: 5,
      failed: 0,
      hasMore: false,
    });
  });

  test("when the key changes in the middle of a list, after one run that fails", async () => {
    const { run, store, deletes } = setUp(many);
    expect(await run({ requests: 1 })).toMatchObject({ listed: 1_000, hasMore: true });
    const other = play({ workspaceId: "wrkspc_other" });
    for (let index = 0; index < 5; index += 1) other.sandbox.seed({ created_at: daysAgo(40) });
    let runs = 0;
    let last;
    do {
      last = await runRetention(other.client, month, { store });
      runs += 1;
    } while (last?.hasMore && runs < 5);
    expect(runs).toBeLessThan(3);
    expect(last).toMatchObject({ listed: 5, deleted: 5, failed: 0 });
    expect([deletes(), other.sandbox.size]).toEqual([[], 0]);
  });

  test("when a week is over, and not before", async () => {
    const { run, sandbox } = setUp(many);
    await run({ requests: 3 });
    sandbox.advance(7 * day - 1);
    expect(await run({ requests: 1 })).toMatchObject({ listed: 0, deleted: 1 });
    sandbox.advance(1);
    expect(await run({ requests: 1 })).toMatchObject({ listed: 1_000, deleted: 0 });
  });

  test("when the cursor does not work any more", async () => {
    const { run, sandbox } = setUp(many);
    expect(await run({ requests: 1 })).toMatchObject({ listed: 1_000, hasMore: true });
    const cursor = "msgbatch_506";
    expect((await call(sandbox, "DELETE", `${BATCHES}/${cursor}`)).status).toBe(200);
    const result = await run();
    expect(result).toMatchObject({ listed: 1_504, deleted: 5, hasMore: false });
    expect(result?.error).toBeUndefined();
  });

  test("when what is stored cannot be read", async () => {
    for (const value of ["", "{", "null", '{"version":2}', '{"version":1,"purpose":"x"}']) {
      const { run, store } = setUp(olds(2));
      for (const name of ["retention", "retention-work"]) {
        await store.write(name, value, undefined);
      }
      expect(await run()).toMatchObject({ deleted: 2, hasMore: false });
    }
  });
});

describe("runRetention() fails, and says so in the store,", () => {
  test("where a plan would delete too large a share", async () => {
    const { run, store, deletes } = setUp([40, 40, 40, 1]);
    const errors: unknown[] = [];
    const onError = (error: unknown) => errors.push(error);
    const refused = await run({ maxShare: 0.5, onError });
    expect(refused).toMatchObject({
      deleted: 0,
      error: { code: "ERR_PURGE_REFUSED", message: expect.stringContaining("3 of 4 batches") },
    });
    expect(errors).toHaveLength(1);
    expect(JSON.parse((await store.read("retention"))?.value ?? "").last).toEqual(refused);
    expect(deletes()).toEqual([]);
    expect(await run({ maxShare: 0.75 })).toMatchObject({ deleted: 3 });
  });

  test("where the list cannot be read, and goes on where it stopped", async () => {
    const { run, sandbox } = setUp([...olds(1), ...Array(2_500).fill(3)]);
    sandbox.fail({ status: 500 });
    await run({ requests: 2 });
    sandbox.clearRequests();
    sandbox.fail({ status: 401 });
    expect(await run()).toMatchObject({ listed: 0, error: { code: "ERR_API" }, hasMore: true });
    const result = await run();
    expect(result).toMatchObject({ listed: 1_501, deleted: 1, hasMore: false });
    expect(result?.error).toBeUndefined();
  });

  test("where a deletion fails, and goes on with the next", async () => {
    const { run, sandbox } = setUp(olds(8));
    sandbox.fail({ method: "DELETE", path: /_3$/, status: 500, times: 3 });
    expect(await run()).toMatchObject({
      deleted: 7,
      failed: 1,
      hasMore: false,
      error: { code: "ERR_API" },
    });
    expect(await run()).toMatchObject({ deleted: 1, failed: 0 });
  });

  test("where the key is refused: what is left is left to the next run", async () => {
    const { run, sandbox, deletes } = setUp(olds(8));
    sandbox.fail({ method: "DELETE", status: 403 });
    const errors: unknown[] = [];
    const result = await run({ onError: (error) => errors.push(error) });
    expect(errors).toEqual([result?.error]);
    expect(result).toMatchObject({ failed: 1, deleted: 0, hasMore: true });
    expect(result?.error?.code).toBe("ERR_API");
    expect(deletes()).toHaveLength(1);
    expect(await run()).toMatchObject({ listed: 0, deleted: 7, hasMore: false });
    expect(await run()).toMatchObject({ deleted: 1 });
  });

  test("where nobody answers, however small the budget is", async () => {
    for (const requests of [1, 2, 3, 4]) {
      const { run, sandbox } = setUp(olds(8));
      const silence = { connection: "lost_before", times: 99 } as const;
      sandbox.fail(silence);
      expect((await run({ requests }))?.error).toBeDefined();
      sandbox.clearFaults();
      expect((await run({ requests: 1 }))?.error).toBeUndefined();
      sandbox.fail(silence);
      expect((await run({ requests }))?.error).toBeDefined();
      sandbox.clearFaults();
      expect(await run()).toMatchObject({ hasMore: false });
    }
  });

  test("where the audit trail does: its error is for the owner only", async () => {
    const trouble = new Error("postgres://secret@db");
    const auditTrail = { append: () => Promise.reject(trouble) };
    const { run, store, deletes } = setUp(olds(3), { auditTrail });
    const errors: unknown[] = [];
    expect(await run({ onError: (error) => errors.push(error) })).toMatchObject({
      error: { code: "ERR_CALLER" },
    });
    expect(errors).toEqual([trouble]);
    expect(deletes()).toEqual([]);
    expect((await store.read("retention"))?.value).not.toContain("postgres");
  });

  test("where the audit trail does after a deletion: each is told, and one is kept", async () => {
    const trouble = "postgres://secret@db";
    const auditTrail: AuditTrail = {
      append: ({ phase, id }) =>
        phase === "outcome" && id !== "msgbatch_2"
          ? Promise.reject(new Error(trouble))
          : Promise.resolve(),
    };
    const { run, store } = setUp(olds(3), { auditTrail });
    const errors: unknown[] = [];
    expect(await run({ onError: (error) => errors.push(error) })).toMatchObject({
      deleted: 3,
      error: { code: "ERR_AUDIT" },
    });
    expect(errors).toHaveLength(2);
    const stored = (await store.read("retention"))?.value ?? "";
    expect(stored).not.toContain("postgres");
    expect(JSON.parse(stored).lastGoodAt).toBeUndefined();
  });

  test("where the answers come from several workspaces", async () => {
    for (const requests of [40, 1]) {
      const { client, store, sandbox, deletes } = setUp([...olds(3), ...Array(1_500).fill(3)]);
      let answers = 0;
      const fetch: Client["fetch"] = async (url, init) => {
        const response = await sandbox.fetch(url, init);
        if (++answers > 1) response.headers.set("anthropic-workspace-id", "wrkspc_other");
        return response;
      };
      const runs = [];
      while (runs.length < 2) {
        runs.push(await runRetention({ ...client, fetch }, month, { store, requests }));
      }
      expect(runs.some((one) => one?.error?.code === "ERR_PURGE_REFUSED")).toBe(true);
      expect(runs[1]?.deleted).toBe(requests === 1 ? 0 : 3);
      expect(new Set(deletes()).size).toBe(requests === 1 ? 0 : 3);
    }
  });

  test("where the list holds an id that cannot be deleted", async () => {
    const { run, sandbox, deletes } = setUp(olds(3));
    sandbox.seed({ id: "../files" });
    expect((await run())?.error).toMatchObject({ code: "ERR_PURGE_REFUSED" });
    expect(deletes()).toEqual([]);
  });

  test("where the server leads in a circle", async () => {
    const { client, seen } = stub([() =>
      Response.json({
        data: [{ ...sandboxBatch, id: "msgbatch_1" }],
        has_more: true,
        first_id: "msgbatch_1",
        last_id: "msgbatch_1",
      })]);
    const result = await runRetention(client, month, { store: createMemoryStateStore() });
    expect(result?.error).toMatchObject({ code: "ERR_PURGE_REFUSED" });
    expect(seen).toHaveLength(2);
  });

  test.each([
    ["at once", 40, ["here"]],
    ["over several runs", 1, ["here"]],
    ["by several cursors, over several runs", 1, ["a", "b", "c"]],
  ])("where the server leads in a circle by what is no id, %s", async (_, requests, cursors) => {
    let answers = 0;
    const { client } = stub([() =>
      Response.json({
        data: [{ ...sandboxBatch, id: `msgbatch_${answers}` }],
        has_more: true,
        first_id: null,
        last_id: cursors[answers++ % cursors.length],
      })]);
    const store = createMemoryStateStore();
    const codes = [];
    for (let runs = 0; runs < 4; runs += 1) {
      codes.push((await runRetention(client, month, { store, requests }))?.error?.code);
    }
    expect(codes).toContain("ERR_PURGE_REFUSED");
  });

  const sandboxBatch = play().sandbox.seed();

  test("and without a secret that a server echoes", async () => {
    const { client } = stub([() =>
      Response.json(
        { type: "error", error: { type: "invalid_request_error", message: `Key ${apiKey}` } },
        { status: 400 },
      )]);
    const store = createMemoryStateStore();
    const result = await runRetention(client, month, { store });
    expect(JSON.stringify([result, await store.read("retention")])).not.toContain(apiKey);
  });
});

describe("runRetention() outlives its process:", () => {
  test("a run that was killed blocks others for half an hour", async () => {
    const { run, store, sandbox } = setUp(olds(3));
    let writes = 0;
    const dying = {
      ...store,
      write: (...args: Parameters<typeof store.write>) =>
        ++writes > 2 ? Promise.reject(new Error("killed")) : store.write(...args),
    };
    expect(await rejection(run({ store: dying }))).toEqual(new Error("killed"));
    expect(sandbox.size).toBe(0);
    sandbox.advance(hour / 2 - 1);
    expect(await run()).toBeUndefined();
    sandbox.advance(1);
    expect(await run()).toMatchObject({ listed: 0, deleted: 3, missing: 0, hasMore: false });
    expect(await run()).toMatchObject({ listed: 0, deleted: 0 });
  });

  test("its lease holds where the clock of a rival is behind", async () => {
    for (const behind of [1, 60_000, hour / 2]) {
      const { run, client, store, sandbox, deletes } = setUp(olds(3));
      let rival: Promise<unknown> | undefined;
      const { clock } = client;
      const late = { ...client, clock: { ...clock ?? never(), now: () => sandbox.now() - behind } };
      const fetch: Client["fetch"] = async (url, init) => {
        rival ??= runRetention(late, month, { store });
        expect(await rival).toBeUndefined();
        return await sandbox.fetch(url, init);
      };
      expect(await runRetention({ ...client, fetch }, month, { store }))
        .toMatchObject({ deleted: 3 });
      expect(deletes()).toHaveLength(3);
      expect(await run()).toMatchObject({ deleted: 0 });
    }
  });

  test("what it deleted is deleted to the next, and what others did is missing", async () => {
    const auditTrail = createMemoryAuditTrail();
    const { store, sandbox, client } = setUp(olds(20), { auditTrail });
    let isDead = false;
    let die = () => {};
    const death = new Promise<void>((resolve) => {
      die = resolve;
    });
    const fetch: Client["fetch"] = async (url, init) => {
      const response = await sandbox.fetch(url, init);
      isDead ||= sandbox.requests.length >= 6;
      if (isDead) die();
      return isDead ? await new Promise<Response>(() => {}) : response;
    };
    void runRetention({ ...client, fetch }, month, { store, requests: 11 });
    await death;
    const gone = 20 - sandbox.size;
    expect(gone).toBeGreaterThan(4);
    expect((await call(sandbox, "DELETE", `${BATCHES}/msgbatch_20`)).status).toBe(200);
    sandbox.advance(hour);
    expect(await runRetention(client, month, { store })).toMatchObject({
      listed: 0,
      deleted: 19,
      missing: 1,
      hasMore: false,
    });
    const known = auditTrail.entries.filter(({ evidence }) => evidence === "absent_after_retry");
    expect(known).toHaveLength(gone);
  });

  test("what it deleted with its last request, unseen, is deleted to the next", async () => {
    const { run, sandbox } = setUp(olds(1));
    sandbox.fail({ method: "DELETE", connection: "lost_after" });
    expect(await run({ requests: 2 })).toMatchObject({ deleted: 0, failed: 0, hasMore: true });
    expect(sandbox.size).toBe(0);
    expect(await run()).toMatchObject({ deleted: 1, missing: 0, hasMore: false });
  });

  test("what was never sent is missing where it is gone", async () => {
    const { run, sandbox } = setUp(olds(2));
    sandbox.fail({ method: "DELETE", connection: "lost_before", times: 9 });
    await run({ requests: 3 });
    sandbox.clearFaults();
    const untried = sandbox.requests.some(({ path }) => path.endsWith("_2")) ? 0 : 1;
    expect(untried).toBe(1);
    for (const id of ["msgbatch_1", "msgbatch_2"]) {
      await call(sandbox, "DELETE", `${BATCHES}/${id}`);
    }
    expect(await run()).toMatchObject({ deleted: 1, missing: 1 });
  });

  test("batches that went with a run that was killed are missing, and no failure", async () => {
    const { run, store, sandbox } = setUp(olds(30));
    await run({ requests: 6 });
    const before = await store.read("retention-work");
    await run({ requests: 6 });
    const after = await store.read("retention-work");
    await store.write("retention-work", before?.value ?? "", after?.version);
    const result = await run();
    expect(result).toMatchObject({ deleted: 19, missing: 6, failed: 0, hasMore: false });
    expect(result?.error).toBeUndefined();
    expect(sandbox.size).toBe(0);
  });

  test("one that is overtaken leaves everything to the other", async () => {
    const { run, store, sandbox, client } = setUp(olds(30));
    let overtaking: Promise<unknown> | undefined;
    const fetch: Client["fetch"] = async (url, init) => {
      if (sandbox.requests.length === 8 && overtaking === undefined) {
        sandbox.advance(hour);
        overtaking = run({ requests: 5 });
        await overtaking;
      }
      return await sandbox.fetch(url, init);
    };
    const options = { store, requests: 20 };
    const slow = await runRetention({ ...client, fetch }, month, options);
    expect(overtaking).toBeDefined();
    const last = JSON.parse((await store.read("retention"))?.value ?? "").last;
    expect(last).toEqual(await overtaking);
    expect(slow).toBeUndefined();
    while ((await run())?.hasMore);
    expect(sandbox.size).toBe(0);
  });
});

describe("runRetention() goes by what is stored", () => {
  test("with each id once, however often it is there", async () => {
    const { run, store, deletes } = setUp(olds(8));
    await run({ requests: 2 });
    const { value = "", version } = await store.read("retention-work") ?? {};
    const { ids, ...work } = JSON.parse(value);
    await store.write("retention-work", JSON.stringify({ ...work, ids: `${ids} ${ids}` }), version);
    const result = await run();
    expect(result).toMatchObject({ listed: 0, deleted: 7, missing: 0, hasMore: false });
    expect(result?.error).toBeUndefined();
    expect(deletes()).toHaveLength(8);
  });

  test("and not again where it cannot be applied", async () => {
    const { run, store } = setUp(olds(8));
    await run({ requests: 2 });
    const { value = "", version } = await store.read("retention-work") ?? {};
    const work = { ...JSON.parse(value), ids: "../files" };
    await store.write("retention-work", JSON.stringify(work), version);
    expect((await run())?.error).toMatchObject({ code: "ERR_PURGE_REFUSED" });
    expect(await run()).toMatchObject({ listed: 7, deleted: 7, hasMore: false });
  });
});

describe("runRetention() refuses", () => {
  const wrong: [string, Partial<RunRetentionOptions>][] = [
    ["no store", { store: undefined as never }],
    ["no requests", { requests: 0 }],
    ["half a request", { requests: 1.5 }],
    ["requests that do not suffice for a deletion", { requests: 2, costOfDeletion: 3 }],
    ["a share above 1", { maxShare: 50 }],
    ["a share that is no number", { maxShare: NaN }],
  ];
  test.each(wrong)("%s, without a request", async (_, options) => {
    const { run, requests, store } = setUp(olds(1));
    const error = await rejection(run(options));
    expect(error instanceof RangeError || error instanceof TypeError).toBe(true);
    expect(requests()).toEqual([]);
    expect(await store.read("retention")).toBeUndefined();
  });

  test("a policy that cannot be used, without a request", async () => {
    const { run, requests } = setUp(olds(1));
    const error = await rejection(run({}, { ...month, rules: [] }));
    expect(error).toMatchObject({ code: "ERR_INVALID_POLICY" });
    expect(requests()).toEqual([]);
  });
});

function never(): never {
  throw new Error("There is no clock");
}
