import { beforeAll, describe, expect, test } from "vitest";
import type { Client } from "../../mod.ts";
import { createSandbox, type SandboxOptions } from "../../src/sandbox/mod.ts";
import {
  createOperations,
  createService,
  type Operations,
  type Service,
  type ServiceOptions,
} from "../../src/service/mod.ts";
import {
  Crash,
  createDurableSteps,
  createStepStore,
  createVirtualTime,
} from "../fixtures/durable-steps.ts";
import { hash, otherToken, token } from "../fixtures/gateway.ts";
import { createMemoryStorage } from "../fixtures/memory-storage.ts";
import { apiKey, rejection } from "../fixtures/stub.ts";
import { deletion, secret, webhook } from "../fixtures/webhook.ts";

let tokens = "";
beforeAll(async () => {
  tokens = JSON.stringify([
    { name: "operator", sha256: await hash(token), allow: ["operations:read"] },
    { name: "deleter", sha256: await hash(otherToken) },
  ]);
});

/** A service that runs operations before a sandbox with one batch, in virtual time. */
function setUp(
  status: "in_progress" | "canceling" | "ended" = "in_progress",
  { sandbox: sandboxOptions, storage = createMemoryStorage(), ...options }:
    & { readonly sandbox?: SandboxOptions }
    & { readonly storage?: ReturnType<typeof createMemoryStorage> }
    & Partial<Omit<ServiceOptions, "storage">> = {},
) {
  const { clock } = createVirtualTime();
  const sandbox = createSandbox({ now: clock.now, processingTime: 3_600_000, ...sandboxOptions });
  const { id } = sandbox.seed({ processing_status: status });
  let then: ((method: string) => unknown) | undefined;
  const client: Client = {
    apiKey,
    clock,
    maxRetries: 0,
    fetch: async (url, init) => {
      const response = await sandbox.fetch(url, init);
      await then?.(init.method ?? "GET");
      return response;
    },
  };
  const records: Record<string, unknown>[] = [];
  const operations = createOperations((id) => service.operate(id));
  const service: Service = createService({
    client,
    storage,
    operations,
    environment: { WEBHOOK_SECRETS: secret, GATEWAY_TOKENS: tokens },
    log: (record) => records.push(record),
    ...options,
  });
  const find = (of = id, key = token) =>
    service.fetch(
      new Request(`http://localhost/operations/${of}`, { headers: { "x-api-key": key } }),
    );
  return {
    sandbox,
    clock,
    id,
    storage,
    client,
    operations,
    service,
    records,
    /** Lets something happen once after the first request of a method. */
    after(method: string, happens: () => unknown) {
      then = async (seen) => {
        if (seen !== method) return;
        then = undefined;
        await happens();
      };
    },
    methods: () => sandbox.requests.map(({ method }) => method).join(" "),
    ask: (batch = id, webhookId?: string) =>
      service.fetch(webhook(deletion(batch, true), webhookId ? { id: webhookId } : {})),
    find,
    /** The operation, once it has ended. */
    ended: async () => {
      await operations.idle();
      return await (await find()).json();
    },
  };
}

async function problem(response: Response, status: number) {
  const body = await response.json();
  expect([response.status, body.status]).toEqual([status, status]);
  return body;
}

describe("POST /webhook with cancel", () => {
  test("cancels a batch in progress, waits for it and deletes it, after it has answered", async () => {
    const { ask, ended, id, methods, records, sandbox, storage } = setUp();
    const response = await ask();
    expect(response.status).toBe(202);
    expect(response.headers.get("location")).toBe(`/operations/${id}`);
    expect(await response.json()).toMatchObject({ id, state: "running" });

    const operation = await ended();
    expect(operation).toEqual({
      id,
      state: "succeeded",
      startedAt: "2026-11-22T00:00:00.000Z",
      endedAt: expect.stringMatching(/^2026-11-22T00:00:1/),
      webhookId: "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
      looks: 6,
      canceled: true,
      evidence: "receipt",
      requestId: sandbox.requests.at(-1)?.requestId,
      attempts: 1,
      workspaceId: expect.any(String),
    });
    expect(methods()).toBe("GET GET POST GET GET GET GET GET DELETE");
    expect(sandbox.size).toBe(0);
    expect(storage.written.map(({ phase, webhookId }) => [phase, webhookId])).toEqual([
      ["intent", operation.webhookId],
      ["outcome", operation.webhookId],
    ]);
    expect(records.find(({ event }) => event === "operation")).toMatchObject({
      id,
      outcome: "deleted",
      webhookId: operation.webhookId,
      looks: 6,
      requests: 8,
    });
  });

  test("deletes a batch that has ended, or is gone, at once", async () => {
    const { ask, find, methods, id } = setUp("ended");
    const response = await ask();
    expect([response.status, (await response.json()).evidence]).toEqual([200, "receipt"]);
    expect(methods()).toBe("GET GET DELETE");
    expect(await (await ask("msgbatch_gone")).json()).toMatchObject({ evidence: "missing" });
    await problem(await find(id), 404);
  });

  test("with false deletes nothing that has not ended", async () => {
    const { service, id, methods } = setUp();
    expect((await service.fetch(webhook(deletion(id, false)))).status).toBe(409);
    expect(methods()).not.toContain("POST");
  });

  test("is one operation, though it is asked for twice at once and again", async () => {
    const { ask, ended, methods } = setUp();
    const responses = await Promise.all([ask(undefined, "msg_1"), ask(undefined, "msg_2")]);
    expect(responses.map(({ status }) => status)).toEqual([202, 202]);
    expect(await ended()).toMatchObject({ state: "succeeded" });
    expect(methods().match(/POST|DELETE/g)).toEqual(["POST", "DELETE"]);
    expect((await ask(undefined, "msg_3")).status).toBe(200);
  });

  test("can ask again for one that failed, as another webhook", async () => {
    const { ask, ended, sandbox, storage, id } = setUp();
    sandbox.fail({ method: "POST", status: 403 });
    expect((await ask(undefined, "msg_1")).status).toBe(202);
    expect(await ended()).toMatchObject({
      state: "failed",
      looks: 1,
      canceled: false,
      error: {
        code: "ERR_API",
        message: expect.stringContaining(`Cannot cancel message batch "${id}"`),
        outcomeKnown: true,
      },
    });
    expect((await ask(undefined, "msg_2")).status).toBe(202);
    expect(await ended()).toMatchObject({ state: "succeeded", webhookId: "msg_2" });
    expect((await ended()).error).toBeUndefined();
    expect(storage.written.map(({ webhookId }) => webhookId)).toEqual(["msg_2", "msg_2"]);
  });

  for (const source of ["policy", "table"] as const) {
    test(`refuses a batch that the ${source} holds, and asks nothing of the API`, async () => {
      const policy = (holds: readonly string[]) =>
        JSON.stringify({ version: 1, rules: [{ type: "keep_last", count: 1 }], holds });
      const { ask, storage, methods } = setUp("in_progress", {
        environment: {
          WEBHOOK_SECRETS: secret,
          RETENTION_POLICY: policy(source === "policy" ? ["msgbatch_held"] : []),
        },
      });
      if (source === "table") storage.held.add("msgbatch_held");
      expect(await problem(await ask("msgbatch_held"), 409)).toMatchObject({ code: "ERR_HELD" });
      expect(methods()).toBe("");
    });
  }

  test("neither cancels nor deletes a batch that is held meanwhile, and says so", async () => {
    for (const [method, cancels] of [["GET", 0], ["POST", 1]] as const) {
      const { ask, after, ended, storage, id, methods, sandbox } = setUp();
      after(method, () => storage.held.add(id));
      await ask();
      expect(await ended()).toMatchObject({
        state: "failed",
        error: {
          code: "ERR_HELD",
          message: `Cannot cancel or delete message batch "${id}": it is held`,
        },
      });
      expect(methods().match(/POST|DELETE/g)?.length ?? 0).toBe(cancels);
      expect(sandbox.size).toBe(1);
    }
  });

  test("refuses what it cannot run", async () => {
    const without = setUp("in_progress", { operations: undefined });
    expect((await problem(await without.ask(), 501)).detail).toContain(
      "bind the Workflow OPERATIONS",
    );
    const { ask, sandbox, storage } = setUp();
    const { id } = sandbox.seed({ id: "msgbatch.1", processing_status: "in_progress" });
    await problem(await ask(id), 400);
    expect(storage.operations.size).toBe(0);
  });
});

describe("GET /operations/{id}", () => {
  test("is for a token that may read operations", async () => {
    const { ask, find, service, id } = setUp();
    await ask();
    await problem(await find(id, "unknown"), 401);
    await problem(await find(id, otherToken), 403);
    await problem(await find("msgbatch_none"), 404);
    const post = new Request(`http://localhost/operations/${id}`, { method: "POST" });
    expect((await service.fetch(post)).headers.get("allow")).toBe("GET, HEAD");
  });

  test("says that another call deleted the batch, meanwhile or after a failure", async () => {
    const deleted = { state: "succeeded", evidence: "receipt", attempts: 1 };
    const meanwhile = setUp();
    // The last look before the deletion finds the batch; another webhook is faster.
    meanwhile.after("POST", async () => {
      meanwhile.sandbox.advance(3_600_000);
      await meanwhile.service.fetch(webhook(deletion(meanwhile.id), { id: "msg_2" }));
    });
    await meanwhile.ask();
    expect(await meanwhile.ended()).toMatchObject(deleted);

    const later = setUp();
    later.sandbox.fail({ method: "POST", status: 403 });
    await later.ask();
    expect(await later.ended()).toMatchObject({ state: "failed" });
    later.sandbox.advance(7_200_000);
    expect((await later.service.fetch(webhook(deletion(later.id), { id: "msg_2" }))).status)
      .toBe(200);
    const found = await later.ended();
    expect(found).toMatchObject(deleted);
    expect(found.error).toBeUndefined();
  });

  test("says how often one that waits has looked", async () => {
    let seen: unknown;
    const { ask, after, find, operations, clock } = setUp("in_progress", {
      sandbox: { cancelingTime: 60_000 },
    });
    const { sleep } = clock;
    Object.assign(clock, {
      async sleep(duration: number) {
        if (duration > 10_000) seen ??= await (await find()).json();
        await sleep(duration);
      },
    });
    after("GET", () => {});
    await ask();
    await operations.idle();
    expect(seen).toMatchObject({ state: "running", looks: 7 });
  });
});

describe("operate()", () => {
  test("knows that it deleted the batch where its request was repeated unseen", async () => {
    const { ask, ended, after, sandbox, client, id } = setUp();
    after("POST", () => sandbox.seed({ id, processing_status: "ended" }));
    const { fetch } = client;
    Object.assign(client, {
      fetch: async (url: string, init: RequestInit) => {
        if (init.method === "DELETE") await fetch?.(url, init);
        return await fetch?.(url, init);
      },
    });
    await ask();
    expect(await ended()).toMatchObject({ evidence: "absent_after_retry" });
  });

  test("deletes once, whichever step its engine died at", async () => {
    const whole = setUp("in_progress", { operations: engine() });
    await whole.ask();
    const steps = createDurableSteps(createStepStore(), whole.clock);
    await whole.service.operate(whole.id, steps);
    const { turns } = steps;
    expect(turns.slice(0, 3)).toEqual(["operation", "recall", "start"]);
    expect(turns.slice(-2)).toEqual(["delete", "record"]);
    const expected = whole.storage.operations.get(whole.id);
    for (const [turn, name] of turns.entries()) {
      for (const when of ["before", "unwritten", "after"] as const) {
        const { ask, service, clock, storage, sandbox, id } = setUp("in_progress", {
          operations: engine(),
        });
        await ask();
        const store = createStepStore();
        const dying = createDurableSteps(store, clock, { turn, when });
        expect(await rejection(service.operate(id, dying))).toBeInstanceOf(Crash);
        await service.operate(id, createDurableSteps(store, clock));
        expect(sandbox.size).toBe(0);
        const lostAnswer = name === "delete" && when === "unwritten";
        expect(storage.operations.get(id)).toMatchObject({
          looks: expected?.looks,
          canceled: true,
          evidence: lostAnswer ? "absent_after_retry" : "receipt",
          endedAt: expect.any(String),
        });
      }
    }
  });

  test("leaves open what its engine cut off: it can be asked for again, and is run again", async () => {
    const started: string[] = [];
    const { ask, find, service, id, storage } = setUp("in_progress", {
      operations: engine((id) => started.push(id)),
    });
    await ask();
    const failing = { do: () => Promise.reject(new Error("exceeded")), sleep: async () => {} };
    await rejection(service.operate(id, failing));
    expect(await (await find()).json()).toMatchObject({
      state: "failed",
      error: { code: "ERR_INTERRUPTED", outcomeKnown: false },
    });
    expect((await ask()).status).toBe(202);
    expect(started).toEqual([id, id]);
    await service.operate(id);
    expect(storage.operations.get(id)).toMatchObject({ evidence: "receipt" });
    await service.operate(id); // it has ended
  });

  test.each(["settle", "scheduled"] as const)(
    "leaves open what was stopped for %s()",
    async (by) => {
      const stop = new AbortController();
      const first = setUp("in_progress", { signal: stop.signal });
      const { ask, after, operations, storage, client, id, sandbox } = first;
      after("POST", () => stop.abort());
      await ask();
      await operations.idle();
      expect(storage.operations.get(id)?.endedAt).toBeUndefined();
      expect(sandbox.size).toBe(1);

      const next = setUp("in_progress", { storage, client });
      await next.service[by]();
      await next.operations.idle();
      expect(storage.operations.get(id)).toMatchObject({ evidence: "receipt", canceled: false });
      expect(sandbox.size).toBe(0);
    },
  );

  test("is asked for by scheduled(), which runs the policy though an engine fails", async () => {
    const rules = [{ type: "delete_after", days: 1, since: "ended" }];
    const { service, storage, records, sandbox } = setUp("in_progress", {
      operations: engine(() => Promise.reject(new Error("no Workflows"))),
      environment: { RETENTION_POLICY: { version: 1, rules, holds: [] } },
    });
    const ended_at = "2026-11-20T00:00:00Z";
    sandbox.seed({ created_at: ended_at, ended_at });
    await storage.saveOperation({ id: "msgbatch_1", startedAt: ended_at, looks: 1 });
    await rejection(service.scheduled());
    expect(records).toMatchObject([
      { event: "run", deleted: 1, error: { message: expect.stringContaining("no Workflows") } },
    ]);
    expect(sandbox.size).toBe(1);
  });

  test("knows from the audit trail what an earlier process may have deleted", async () => {
    for (const known of [true, false]) {
      const { service, storage, sandbox, id } = setUp("ended");
      await service.fetch(webhook(deletion(id)));
      if (!known) storage.written.pop(); // it was killed before the outcome
      const startedAt = "2026-11-21T00:00:00.000Z";
      await storage.saveOperation({ id, startedAt, webhookId: "msg_1", looks: 1 });
      const requests = sandbox.requests.length;
      await service.operate(id);
      const evidence = known ? "receipt" : "absent_after_retry";
      expect(storage.operations.get(id)).toMatchObject({ evidence });
      expect(sandbox.requests.length === requests).toBe(known);
    }
  });
});

test("createOperations() runs so many at once, and the others then", async () => {
  const running: string[] = [];
  const ends: (() => void)[] = [];
  const operations = createOperations((id) => {
    running.push(id);
    return new Promise((resolve, reject) =>
      ends.push(id === "b" ? () => reject(new Error()) : resolve)
    );
  }, 2);
  for (const id of ["a", "b", "a", "c", "d"]) await operations.start(id);
  expect(running).toEqual(["a", "b"]);
  expect(await operations.isRunning("d")).toBe(true);
  ends[1]?.();
  ends[0]?.();
  await new Promise((resolve) => setTimeout(resolve));
  expect(running).toEqual(["a", "b", "c", "d"]);
  expect(await operations.isRunning("b")).toBe(false);
  ends.forEach((end) => end());
  await operations.idle();
  expect(await operations.isRunning("d")).toBe(false);
});

/** An engine that runs nothing: the test does. */
function engine(start: (id: string) => unknown = () => {}): Operations {
  return {
    start: async (id) => void await start(id),
    isRunning: () => Promise.resolve(false),
  };
}
