import { describe, expect, test } from "vitest";
import type { Client } from "../../mod.ts";
import type { RetentionPolicy, RetentionRun } from "../../src/retention/mod.ts";
import {
  checkService,
  createService,
  type Environment,
  type LogRecord,
} from "../../src/service/mod.ts";
import { StorageError } from "../../src/storage/mod.ts";
import { intentOf } from "../fixtures/audit-entries.ts";
import { daysAgo, now, play } from "../fixtures/batches.ts";
import { gatewayTokens, token } from "../fixtures/gateway.ts";
import { createMemoryStorage, type MemoryStorage } from "../fixtures/memory-storage.ts";
import { apiKey, refusal, stub } from "../fixtures/stub.ts";
import { deletion, secret, webhook } from "../fixtures/webhook.ts";

const hour = 3_600_000;
const policy: RetentionPolicy = {
  version: 1,
  rules: [{ type: "delete_after", days: 30, since: "ended" }],
  holds: ["msgbatch_held"],
};

/** A service with a policy, before a sandbox with one batch to go, one to stay and one that is held. */
function setUp(
  environment: Environment = {},
  overrides: Partial<Client> = {},
  storage: MemoryStorage = createMemoryStorage(),
) {
  const played = play({}, overrides);
  for (const [id, days] of [["old", 40], ["young", 3], ["held", 40]] as const) {
    played.sandbox.seed({ id: `msgbatch_${id}`, created_at: daysAgo(days) });
  }
  const errors: unknown[] = [];
  const log: LogRecord[] = [];
  const create = () =>
    createService({
      client: played.client,
      storage,
      environment: { WEBHOOK_SECRETS: secret, RETENTION_POLICY: policy, ...environment },
      log(record) {
        log.push(record);
        if (record.error !== undefined) errors.push(record.error);
      },
    });
  const service = create();
  /** Asks another service: each remembers its answer for some seconds. */
  const health = async (asked = create()) => {
    const response = await asked.fetch(new Request("http://localhost/healthz"));
    return { status: response.status, body: await response.json() };
  };
  /** Runs the policy, and tells whether the run failed. */
  const run = () => service.scheduled().then(() => "ended", ({ message }: Error) => message);
  return { ...played, storage, service, health, run, errors, log };
}

/** A request to the gateway. */
const gateway = (id: string, headers: Record<string, string> = { "x-api-key": token }) =>
  new Request(`http://localhost/v1/messages/batches/${id}`, { method: "DELETE", headers });

describe("scheduled()", () => {
  test("deletes what the policy lets go, and nothing else, twice in a row and twice at once", async () => {
    const { service, deletes } = setUp();
    await service.scheduled();
    await service.scheduled();
    await Promise.all([service.scheduled(), service.scheduled({ cron: "* * * * *" })]);
    expect(deletes()).toEqual(["msgbatch_old"]);
  });

  test("does nothing without a policy", async () => {
    const { service, sandbox, errors } = setUp({ RETENTION_POLICY: undefined });
    await service.scheduled();
    expect(sandbox.requests).toHaveLength(0);
    expect(errors).toEqual([]);
  });

  test("settles open intents without a policy, and deletes nothing", async () => {
    const { service, health, storage, sandbox, deletes } = setUp({ RETENTION_POLICY: undefined });
    const time = new Date(now - hour).toISOString();
    const intents = ["msgbatch_gone", "msgbatch_old"].map((id) => intentOf(id, { time }));
    storage.written.push(...intents);
    expect((await health()).status).toBe(503);
    await service.scheduled();
    expect(storage.written.slice(2).map(({ intent, outcome }) => [intent, outcome]).toSorted())
      .toEqual([[intents[0]?.id, "deleted"], [intents[1]?.id, "failed"]].toSorted());
    expect((await health()).status).toBe(200);
    expect(deletes()).toEqual([]);
    const { length } = sandbox.requests;
    await service.scheduled();
    expect(sandbox.requests).toHaveLength(length);
  });

  test("settles open intents however wrong its clock is: no age decides then", async () => {
    const clock = { now: () => now + hour, random: () => 0, sleep: () => Promise.resolve() };
    const off = setUp({ RETENTION_POLICY: undefined }, { clock });
    off.storage.written.push(intentOf("msgbatch_gone", { time: new Date(now).toISOString() }));
    await off.service.scheduled();
    expect(off.storage.written.at(-1)).toMatchObject({ outcome: "deleted", settled: true });
    const policed = setUp({}, { clock });
    expect(await policed.run()).toContain("ERR_PURGE_REFUSED");
    expect(policed.deletes()).toEqual([]);
  });

  test("takes its limits from the environment", async () => {
    const { run, sandbox, health } = setUp({
      RETENTION_POLICY: JSON.stringify(policy),
      RETENTION_REQUESTS: "1",
      RETENTION_MAX_SHARE: " 20% ",
      RETENTION_OVERDUE_AFTER: "P2D",
    });
    expect(await run()).toBe("The retention run failed: ERR_PURGE_REFUSED");
    expect(sandbox.requests).toHaveLength(1);
    expect(await health()).toMatchObject({
      status: 503,
      body: { retention: { state: "failed", code: "ERR_PURGE_REFUSED" } },
    });
  });

  test.each<[what: string, environment: Environment, name: string]>([
    ["a policy that is not JSON", { RETENTION_POLICY: `{${apiKey}` }, "RETENTION_POLICY"],
    ["a policy without rules", { RETENTION_POLICY: '{"version":1}' }, "RETENTION_POLICY"],
    ["a share without a unit", { RETENTION_MAX_SHARE: "50" }, "RETENTION_MAX_SHARE"],
    ["a share above all", { RETENTION_MAX_SHARE: "101%" }, "RETENTION_MAX_SHARE"],
    ["no requests", { RETENTION_REQUESTS: "0" }, "RETENTION_REQUESTS"],
    ["a wait that is none", { RETENTION_OVERDUE_AFTER: "soon" }, "RETENTION_OVERDUE_AFTER"],
  ])("fails with %s, and /healthz says so", async (_, environment, name) => {
    const { run, sandbox, health, errors } = setUp(environment);
    expect(await run()).toBe("The retention run failed: ERR_CONFIGURATION");
    expect(sandbox.requests).toHaveLength(0);
    expect(errors).toEqual([{
      code: "ERR_CONFIGURATION",
      message: expect.stringContaining(name),
    }]);
    const { status, body } = await health();
    expect(status).toBe(503);
    expect(body.detail).toContain(name);
    expect(JSON.stringify(body)).not.toContain("sk-ant");
  });

  test("fails if the client is unusable", async () => {
    const { run, health, errors } = setUp({}, { apiKey: undefined });
    expect(await run()).toBe("The retention run failed: ERR_CONFIGURATION");
    expect(errors).toHaveLength(1);
    expect((await health()).status).toBe(500);
  });

  test("deletes nothing if the database fails, and /healthz says so", async () => {
    const { service, run, health, errors, storage, sandbox } = setUp();
    storage.fail(new StorageError(apiKey));
    expect(await run()).toBe("The retention run failed: ERR_STORAGE");
    expect(sandbox.requests).toHaveLength(0);
    expect(errors).toHaveLength(1);
    const { status, body } = await health();
    expect(status).toBe(503);
    expect(JSON.stringify(body)).not.toContain(apiKey);
    storage.fail(undefined);
    await service.scheduled();
    expect(await health()).toMatchObject({ status: 200, body: { retention: { state: "good" } } });
  });

  test("ends early and well where the platform allows fewer requests", async () => {
    let allowed = 15;
    const { run, health, sandbox, storage, log } = setUp({ RETENTION_REQUESTS: 1_000 }, {
      fetch: (url, init) => {
        if ((allowed -= 1) < 0) {
          throw new Error("Too many subrequests by single Worker invocation.");
        }
        return sandbox.fetch(url, init);
      },
    });
    for (let days = 50; days < 80; days += 1) sandbox.seed({ created_at: daysAgo(days) });
    expect(await run()).toBe("ended");
    expect(log.at(-1)).toMatchObject({ deleted: 14, failed: 0, due: 31, hasMore: true });
    expect((await health()).body.retention).toMatchObject({
      state: "good",
      due: 17,
      dueSince: expect.any(String),
    });
    expect(await storage.openIntents(Infinity)).toEqual([]);
    allowed = 1_000;
    await run();
    expect(sandbox.size).toBe(2);
  });

  test("stops when its time is over, and when the service is to stop", async () => {
    for (const why of ["runTime", "signal"]) {
      const stop = new AbortController();
      const { sandbox, client, deletes } = play({}, {
        fetch: async (url, init) => {
          if (init.method === "DELETE") {
            stop.abort();
            // A timer of 1 ms rings before this one.
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
          return await sandbox.fetch(url, init);
        },
      });
      for (let days = 50; days < 80; days += 1) sandbox.seed({ created_at: daysAgo(days) });
      const storage = createMemoryStorage();
      const log: LogRecord[] = [];
      const service = createService({
        client,
        storage,
        environment: { RETENTION_POLICY: policy },
        log: (record) => log.push(record),
        ...(why === "signal" ? { signal: stop.signal } : { runTime: 1 }),
      });
      await service.scheduled();
      expect(deletes().length).toBeLessThan(30);
      expect(log).toMatchObject([{ event: "run", outcome: "ended", hasMore: true }]);
      expect(await storage.openIntents(Infinity)).toEqual([]);
      if (why === "runTime") continue;
      const response = await service.fetch(new Request("http://localhost/healthz"));
      expect([response.status, response.headers.get("retry-after")]).toEqual([503, "5"]);
      const { length } = deletes();
      await service.scheduled().catch(() => {}); // it has stopped before
      expect(deletes()).toHaveLength(length);
    }
  });

  test("aborts what is in flight when it is cut off, and records it as unknown", async () => {
    const cut = new AbortController();
    const { sandbox, client } = play({}, {
      fetch: async (url, init) => {
        if (init.method !== "DELETE") return await sandbox.fetch(url, init);
        queueMicrotask(() => cut.abort());
        return await new Promise((_, reject) =>
          init.signal?.addEventListener("abort", () => reject(new Error("aborted")))
        );
      },
    });
    const { id } = sandbox.seed({ created_at: daysAgo(50) });
    const storage = createMemoryStorage();
    const environment = { WEBHOOK_SECRETS: secret, GRACE_PERIOD: "600" };
    const service = createService({ client, storage, environment, cutSignal: cut.signal });
    const response = await service.fetch(webhook(deletion(id)));
    expect([response.status, await response.json()])
      .toMatchObject([504, { code: "ERR_TIMEOUT", outcomeKnown: false }]);
    expect(storage.written.at(-1)).toMatchObject({ error: { outcomeKnown: false } });
  });

  test("writes of an open intent of another kind that its outcome is not known", async () => {
    const { service, health, storage } = setUp();
    const time = new Date(now - hour).toISOString();
    storage.written.push(intentOf("file_1", { resource: "file", time }));
    expect(await health()).toMatchObject({ status: 503, body: { openIntents: 1 } });
    await service.scheduled();
    expect(storage.written[1]).toMatchObject({
      ...{ resource: "file", objectId: "file_1", outcome: "failed", settled: true },
      error: { code: "ERR_OPEN_INTENT", outcomeKnown: false },
    });
    expect(await health()).toMatchObject({ status: 200 });
  });

  test("settles an open intent, and keeps what a row holds and what the policy holds", async () => {
    const { service, health, storage, sandbox, deletes } = setUp();
    sandbox.seed({ id: "msgbatch_row", created_at: daysAgo(50) });
    storage.held.add("msgbatch_row");
    storage.written.push(intentOf("msgbatch_gone", { time: new Date(now - hour).toISOString() }));
    expect(await health()).toMatchObject({ status: 503, body: { openIntents: 1 } });
    await service.scheduled();
    expect(deletes()).toEqual(["msgbatch_old"]);
    expect(storage.written).toContainEqual(expect.objectContaining({
      objectId: "msgbatch_gone",
      outcome: "deleted",
      evidence: "absent_after_retry",
      settled: true,
    }));
    expect((await health()).status).toBe(200);
  });

  test("settles with no more requests than a run may make", async () => {
    const { client, sandbox } = play();
    const storage = createMemoryStorage();
    for (const id of ["msgbatch_a", "msgbatch_b"]) {
      storage.written.push(intentOf(id, { time: new Date(now - hour).toISOString() }));
    }
    const environment = { WEBHOOK_SECRETS: secret };
    const service = createService({ client, storage, environment, requests: 2 });
    await service.settle().catch(() => {});
    expect(sandbox.requests.length).toBeLessThanOrEqual(2);
  });
});

describe("GET /healthz", () => {
  test("needs no way in where there is a policy, and then one that can be used", async () => {
    expect((await setUp({ WEBHOOK_SECRETS: "" }).health()).status).toBe(200);
    const broken = setUp({ WEBHOOK_SECRETS: "whsec_YQ==" });
    expect(await broken.health()).toMatchObject({ status: 500 });
    const without = setUp({ WEBHOOK_SECRETS: "", RETENTION_POLICY: undefined });
    expect(await without.health()).toMatchObject({ status: 500 });
    expect(await setUp({ AUDIT: "no" }).health()).toMatchObject({ status: 500 });
  });

  test("is 200 before the first run, until one is overdue, and after a good one", async () => {
    const { service, sandbox, health } = setUp({ RETENTION_OVERDUE_AFTER: 2 });
    expect(await health()).toEqual({
      status: 200,
      body: { status: "ok", retention: { state: "waiting" } },
    });
    sandbox.advance(2 * hour);
    expect((await health()).status).toBe(200);
    sandbox.advance(1);
    expect(await health()).toMatchObject({
      status: 503,
      body: { title: "Service Unavailable", retention: { state: "overdue" } },
    });
    await service.scheduled();
    expect(await health()).toEqual({
      status: 200,
      body: {
        status: "ok",
        retention: {
          state: "good",
          startedAt: new Date(sandbox.now()).toISOString(),
          endedAt: new Date(sandbox.now()).toISOString(),
          hasMore: false,
        },
      },
    });
    sandbox.advance(2 * hour + 1);
    expect((await health()).body.retention.state).toBe("overdue");
  });

  test("is 503 after a run that failed, without ids and messages, and 200 after the next", async () => {
    const { service, run, sandbox, health } = setUp();
    sandbox.fail({ method: "DELETE", status: 401 });
    expect(await run()).toBe("The retention run failed: ERR_API");
    const { status, body } = await health();
    expect(status).toBe(503);
    expect(body).toEqual({
      type: "about:blank",
      title: "Service Unavailable",
      status: 503,
      detail: "Not healthy: the last retention run failed",
      retention: {
        state: "failed",
        startedAt: expect.any(String),
        endedAt: expect.any(String),
        hasMore: false,
        due: 1,
        dueSince: expect.any(String),
        code: "ERR_API",
      },
    });
    await service.scheduled();
    expect((await health()).status).toBe(200);
    expect(sandbox.batch("msgbatch_old")).toBeUndefined();
  });

  /** A run as it is stored. */
  const runAt = (time: number, more: Partial<RetentionRun> = {}) => ({
    id: `run-${time}`,
    startedAt: new Date(time).toISOString(),
    run: {
      startedAt: new Date(time).toISOString(),
      endedAt: new Date(time).toISOString(),
      ...{ requests: 2, listed: 3, due: 1, deleted: 1, missing: 0, skipped: 0, failed: 0 },
      settled: 0,
      hasMore: false,
      ...more,
    },
  });

  test("is 503 after a run that did not end", async () => {
    const { storage, health } = setUp();
    const begunAt = (time: number) => ({ id: "killed", startedAt: new Date(time).toISOString() });
    storage.storedRuns.push(runAt(now - 2 * hour), begunAt(now - hour));
    expect((await health()).body.retention.state).toBe("good"); // it may still run
    storage.storedRuns[1] = begunAt(now - hour - 1);
    expect(await health()).toMatchObject({
      status: 503,
      body: { retention: { state: "interrupted" } },
    });
    storage.storedRuns.push(runAt(now));
    expect((await health()).status).toBe(200);
  });

  test("knows that a run of its own goes on, however long it takes", async () => {
    const states: string[] = [];
    const { service, sandbox, health } = setUp({}, {
      fetch: async (url, init) => {
        if (init.method === "GET") {
          sandbox.advance(2 * hour);
          states.push((await health(service)).body.retention.state);
        }
        return await sandbox.fetch(url, init);
      },
    });
    await health();
    await service.scheduled();
    expect(states).toEqual(["waiting"]);
  });

  test("is 200 while runs leave batches that others wait behind, none of them for long", async () => {
    const { run, sandbox, health } = setUp({
      RETENTION_OVERDUE_AFTER: "P2D",
      RETENTION_REQUESTS: 2,
    });
    const seen: unknown[] = [];
    for (let hours = 0; hours <= 96; hours += 12) {
      const age = daysAgo(30.5 - hours / 24);
      sandbox.seed({ created_at: age, ended_at: age });
      await run();
      seen.push((await health()).body.retention.state);
      sandbox.advance(12 * hour);
    }
    expect(seen).toEqual(Array(9).fill("good"));
  });

  test("is 503 if a batch has been due for too long, unless a run has deleted all since", async () => {
    const { storage, health } = setUp({ RETENTION_OVERDUE_AFTER: "PT50H" });
    const state = async (good: number, dueSince: number | undefined) => {
      const left = dueSince === undefined
        ? {}
        : { hasMore: true, dueSince: new Date(now - dueSince).toISOString() };
      storage.storedRuns.splice(0, 2, runAt(now - good), runAt(now - hour, left));
      const { status, body } = await health();
      return `${status} ${body.retention.state}`;
    };
    expect(await state(50 * hour + 1, 50 * hour)).toBe("200 good");
    expect(await state(50 * hour + 1, 50 * hour + 1)).toBe("503 behind");
    expect(await state(50 * hour, 900 * hour)).toBe("200 good");
    expect(await state(51 * hour, undefined)).toBe("200 good");
  });

  test("gives the first runs as long to delete what was due before", async () => {
    const { storage, health } = setUp({ RETENTION_OVERDUE_AFTER: "PT50H" });
    const more = { hasMore: true, dueSince: daysAgo(40) };
    storage.storedRuns.push(runAt(now - 50 * hour, more), runAt(now - hour, more));
    expect((await health()).body).toMatchObject({ retention: { state: "good" } });
    storage.storedRuns.unshift(runAt(now - 51 * hour, more));
    expect((await health()).body).toMatchObject({ retention: { state: "behind" } });
  });

  test("does not believe a good run of the future", async () => {
    const stateAt = async (time: number) => {
      const { storage, health } = setUp();
      storage.storedRuns.push(runAt(time));
      const { detail, retention } = (await health()).body;
      return retention?.state ?? detail;
    };
    expect(await stateAt(now + 300_000)).toBe("good");
    expect(await stateAt(now + 300_001)).toBe("overdue");
  });

  test("is 200 without a policy as long as the database works", async () => {
    const { storage, health } = setUp({ RETENTION_POLICY: undefined });
    expect(await health()).toEqual({ status: 200, body: { status: "ok" } });
    expect(storage.storedRuns).toEqual([]);
    storage.fail(new StorageError("gone"));
    expect((await health()).status).toBe(503);
  });
});

describe("GET /healthz tells apart", () => {
  test("whether the service lives and whether retention goes well", async () => {
    const { run, service, sandbox, health } = setUp();
    sandbox.fail({ method: "GET", status: 401 });
    await run();
    expect((await health()).status).toBe(503);
    const live = await service.fetch(new Request("http://localhost/healthz?live"));
    expect([live.status, await live.json()]).toEqual([200, { status: "ok" }]);
    expect((await service.fetch(webhook(deletion("msgbatch_young")))).status).toBe(200);
  });

  test("how it is by a look at the database every five seconds, however often it is asked", async () => {
    let looks = 0;
    const memory = createMemoryStorage();
    const check = () => {
      looks += 1;
      return memory.check();
    };
    const { service, health, sandbox, log } = setUp({}, {}, { ...memory, check });
    for (let count = 0; count < 100; count += 1) {
      expect((await health(service)).status).toBe(200);
    }
    expect(looks).toBe(1);
    sandbox.advance(5_000);
    await health(service);
    expect(looks).toBe(2);
    expect(log).toEqual([]);
  });

  test("that an outcome could not be written, while the log names its batch", async () => {
    const memory = createMemoryStorage();
    let isFull = false;
    const auditTrail: MemoryStorage["auditTrail"] = {
      append: async (entry) => {
        if (isFull && entry.phase === "outcome") throw new StorageError("The disk is full");
        await memory.auditTrail.append(entry);
      },
    };
    const { service, health, log } = setUp({}, {}, { ...memory, auditTrail });
    expect((await health(service)).status).toBe(200);
    isFull = true;
    expect((await service.fetch(webhook(deletion("msgbatch_young")))).status).toBe(200);
    expect(log).toEqual([{
      time: new Date(now).toISOString(),
      event: "request",
      duration: 0,
      requests: 2,
      method: "POST",
      route: "/webhook",
      status: 200,
      id: "msgbatch_young",
      webhookId: expect.any(String),
      outcome: "deleted",
      evidence: "receipt",
      requestId: expect.any(String),
      attempts: 1,
      error: { code: "ERR_AUDIT_TRAIL", message: "The disk is full" },
      notWritten: ["outcome of msgbatch_young"],
    }]);
    expect(await health(service)).toMatchObject({
      status: 503,
      body: { detail: "Not healthy: the audit trail could not be written" },
    });
    isFull = false;
    await service.fetch(webhook(deletion("msgbatch_other")));
    expect((await health()).status).toBe(200);
  });
});

describe("checkService()", () => {
  const environment = { ANTHROPIC_API_KEY: apiKey, RETENTION_POLICY: policy };

  test("takes what can be used, and makes no request", () => {
    const client = { fetch: () => expect.unreachable() };
    checkService({ client, environment });
    checkService({ client, environment: { ANTHROPIC_API_KEY: apiKey, WEBHOOK_SECRETS: secret } });
  });

  test.each<[what: string, wrong: Environment, name: string]>([
    ["a policy without rules", { RETENTION_POLICY: "{}" }, "RETENTION_POLICY"],
    ["no requests", { RETENTION_REQUESTS: "0" }, "RETENTION_REQUESTS"],
    ["no token", { GATEWAY_TOKENS: "[]" }, "GATEWAY_TOKENS"],
    ["a secret that is none", { WEBHOOK_SECRETS: "whsec_YQ==" }, "WEBHOOK_SECRETS"],
    ["nothing to do", { RETENTION_POLICY: "" }, "WEBHOOK_SECRETS"],
    ["no key", { ANTHROPIC_API_KEY: "" }, "ANTHROPIC_API_KEY"],
    ["an audit trail that is neither on nor off", { AUDIT: "no" }, "AUDIT"],
  ])("refuses %s, and names it", (_, wrong, name) => {
    expect(() => checkService({ environment: { ...environment, ...wrong } })).toThrow(name);
  });
});

describe("a hold", () => {
  test("is refused to a webhook with 409, before any request", async () => {
    const { service, sandbox } = setUp();
    const response = await service.fetch(webhook(deletion("msgbatch_held")));
    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({ status: 409, code: "ERR_HELD" });
    expect(sandbox.requests).toHaveLength(0);
    expect((await service.fetch(webhook(deletion("msgbatch_young")))).status).toBe(200);
  });

  test("is refused by the gateway with 403 in the API's shape, before any request", async () => {
    const { service, sandbox } = setUp({ GATEWAY_TOKENS: await gatewayTokens() });
    const response = await service.fetch(gateway("msgbatch_held"));
    expect(response.status).toBe(403);
    expect(response.headers.get("x-should-retry")).toBe("false");
    expect(await response.json()).toEqual({
      type: "error",
      error: { type: "permission_error", message: expect.stringContaining("held") },
      request_id: null,
    });
    expect(sandbox.requests).toHaveLength(0);
  });

  test("is shown only with a token or a signature", async () => {
    const { service } = setUp({ GATEWAY_TOKENS: await gatewayTokens() });
    const { url, method } = gateway("msgbatch_held");
    expect((await service.fetch(new Request(url, { method }))).status).toBe(401);
    const unsigned = webhook(deletion("msgbatch_held"), {
      signedWith: `whsec_${btoa("x".repeat(24))}`,
    });
    expect((await service.fetch(unsigned)).status).toBe(401);
  });

  test("that cannot be read: webhook and gateway answer 500, and name RETENTION_POLICY", async () => {
    const twice = JSON.stringify(policy).replace(/}$/, ',"h\\u006flds":[]}');
    for (
      const unreadable of ["{", twice, '{"version":1,"rules":[],"holds":["msgbatch_held"]}', apiKey]
    ) {
      const { service, sandbox } = setUp({
        GATEWAY_TOKENS: await gatewayTokens(),
        RETENTION_POLICY: unreadable,
      });
      for (const request of [gateway("msgbatch_held"), webhook(deletion("msgbatch_young"))]) {
        const response = await service.fetch(request);
        expect(response.status).toBe(500);
        const text = await response.text();
        expect(text).toContain("RETENTION_POLICY");
        expect(text).not.toContain(apiKey);
      }
      expect(sandbox.requests).toHaveLength(0);
    }
  });

  test("of a row is refused to both, and counts at once", async () => {
    const { service, storage, sandbox } = setUp({ GATEWAY_TOKENS: await gatewayTokens() });
    storage.held.add("msgbatch_young");
    expect((await service.fetch(gateway("msgbatch_young"))).status).toBe(403);
    expect((await service.fetch(webhook(deletion("msgbatch_young")))).status).toBe(409);
    expect(sandbox.requests).toHaveLength(0);
    storage.held.clear();
    expect((await service.fetch(gateway("msgbatch_young"))).status).toBe(200);
  });

  test("needs no readable limits", async () => {
    const { service } = setUp({ RETENTION_REQUESTS: "many" });
    expect((await service.fetch(webhook(deletion("msgbatch_young")))).status).toBe(200);
    expect((await service.fetch(webhook(deletion("msgbatch_held")))).status).toBe(409);
  });
});

describe("without its database, the service", () => {
  const build = (environment: Environment) => {
    const { client, sandbox } = setUp();
    const service = createService({
      client,
      environment: { WEBHOOK_SECRETS: secret, RETENTION_POLICY: policy, ...environment },
    });
    return { service, sandbox };
  };
  const health = () => new Request("http://localhost/healthz");

  test("deletes nothing by webhook or gateway, and /healthz is 503", async () => {
    const { service, sandbox } = build({ GATEWAY_TOKENS: await gatewayTokens() });
    await expect(service.scheduled()).rejects.toThrow("ERR_CONFIGURATION");
    const roads = [gateway("msgbatch_young"), webhook(deletion("msgbatch_young"))];
    for (const request of [...roads, health()]) {
      const response = await service.fetch(request);
      expect(response.status).toBe(503);
      expect(await response.text()).toContain("DB is not bound");
    }
    expect(sandbox.requests).toHaveLength(0);
  });

  test("deletes with AUDIT=off, but nothing that the policy holds", async () => {
    const { service, sandbox } = build({ AUDIT: "off" });
    expect((await service.fetch(webhook(deletion("msgbatch_young")))).status).toBe(200);
    expect((await service.fetch(webhook(deletion("msgbatch_held")))).status).toBe(409);
    await service.scheduled();
    expect(sandbox.batch("msgbatch_old")).toBeUndefined();
    expect(sandbox.batch("msgbatch_held")).toBeDefined();
    expect((await service.fetch(health())).status).toBe(200);
  });

  test("answers 503 if the database fails, and sends nothing to the API", async () => {
    const { service, sandbox, storage, errors } = setUp({ GATEWAY_TOKENS: await gatewayTokens() });
    storage.fail(new StorageError("postgres://secret@db"));
    for (const request of [gateway("msgbatch_young"), webhook(deletion("msgbatch_young"))]) {
      const response = await service.fetch(request);
      expect(response.status).toBe(503);
      expect(await response.text()).not.toContain("postgres");
    }
    expect(errors).toHaveLength(2);
    expect(sandbox.requests).toHaveLength(0);
  });

  test("answers 503 if the intent cannot be written, and sends nothing to the API", async () => {
    const append = () => Promise.reject(new StorageError("full"));
    const { service, sandbox } = setUp({}, {}, {
      ...createMemoryStorage(),
      auditTrail: { append },
    });
    expect((await service.fetch(webhook(deletion("msgbatch_young")))).status).toBe(503);
    expect(sandbox.requests.map(({ method }) => method)).toEqual(["GET"]);
  });
});

describe("the stored runs", () => {
  test("hold no key that a server echoes", async () => {
    const { client } = stub([refusal(400, apiKey)]);
    const storage = createMemoryStorage();
    const environment = { RETENTION_POLICY: policy };
    await expect(createService({ client, storage, environment }).scheduled()).rejects.toThrow();
    expect(storage.storedRuns.at(-1)?.run?.error).toBeDefined();
    expect(JSON.stringify(storage.storedRuns)).not.toContain(apiKey);
  });
});
