import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestHarness } from "wrangler";
import { serve, type Server } from "../../src/adapters/serve.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { hash, token } from "../fixtures/gateway.ts";
import { apiKey } from "../fixtures/stub.ts";
import { deletion, secret, webhook } from "../fixtures/webhook.ts";

/** The Worker of wrangler.toml with its Workflow, in workerd, before a sandbox on a real socket. */
const sandbox = createSandbox({ apiKeys: [apiKey], cancelingTime: 3_600_000 });
let upstream: Server;
let worker: ReturnType<typeof createTestHarness>;

beforeAll(async () => {
  upstream = await serve(sandbox.fetch);
  const reader = { name: "operator", sha256: await hash(token), allow: ["operations:read"] };
  worker = createTestHarness({
    workers: [{
      configPath: "wrangler.toml",
      vars: { ANTHROPIC_BASE_URL: upstream.url },
      secrets: {
        ANTHROPIC_API_KEY: apiKey,
        WEBHOOK_SECRETS: secret,
        GATEWAY_TOKENS: JSON.stringify([reader]),
      },
    }],
  });
  await worker.listen();
  await worker.getWorker().applyD1Migrations("DB");
});
afterAll(async () => {
  await worker.close();
  await upstream.close();
});

/** What the tests use of the bindings. */
interface Bindings {
  readonly DB: { prepare(sql: string): { bind(id: string): { run(): Promise<unknown> } } };
  readonly OPERATIONS: {
    get(id: string): Promise<
      {
        status(): Promise<{ readonly status: string }>;
        pause(): Promise<void>;
        resume(): Promise<void>;
        terminate(): Promise<void>;
      }
    >;
  };
}
const bindings = () => worker.getWorker<Bindings>().getEnv();

async function ask(id: string, webhookId?: string) {
  const request = webhook(deletion(id, true), webhookId ? { id: webhookId } : {});
  return await worker.fetch("/webhook", {
    method: "POST",
    headers: Object.fromEntries(request.headers),
    body: await request.text(),
  });
}

/** Waits until something is so, and gives it. */
async function until<Value>(look: () => Promise<Value | undefined> | Value | undefined) {
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The operation, once it is in a state. */
const operation = (id: string, state: string) =>
  until(async () => {
    const response = await worker.fetch(`/operations/${id}`, { headers: { "x-api-key": token } });
    const found = await response.json() as { readonly state: string };
    return found.state === state ? found : undefined;
  });

/** A batch in progress, and what the sandbox was asked to change. */
function seed() {
  const { id } = sandbox.seed({ processing_status: "in_progress" });
  const changes = () =>
    sandbox.requests.filter(({ method, path }) => method !== "GET" && path.includes(id))
      .map(({ method, status }) => `${method} ${status}`);
  return {
    id,
    changes,
    isCanceled: () => until(() => changes().includes("POST 200")),
    end: () => sandbox.seed({ id, processing_status: "ended" }),
  };
}

describe.concurrent("an operation in a Workflow", () => {
  test("cancels, waits and deletes, and does not wait again when it is asked for twice", async () => {
    const { id, changes, isCanceled, end } = seed();
    const responses = await Promise.all([ask(id), ask(id, "msg_2")]);
    expect(responses.map(({ status }) => status)).toEqual([202, 202]);
    expect(responses[0].headers.get("location")).toBe(`/operations/${id}`);
    await isCanceled();
    expect((await ask(id)).status).toBe(202);
    await operation(id, "running");
    end();
    const found = await operation(id, "succeeded");
    expect(found).toMatchObject({ id, canceled: true, evidence: "receipt", attempts: 1 });
    expect(changes()).toEqual(["POST 200", "DELETE 200"]);
  });

  test("goes on where it was when it is paused and resumed", async () => {
    const { id, changes, isCanceled, end } = seed();
    await ask(id);
    await isCanceled();
    const instance = await (await bindings()).OPERATIONS.get(id);
    const is = (status: string) => until(async () => (await instance.status()).status === status);
    await instance.pause();
    await is("paused");
    end();
    expect(await operation(id, "running")).not.toHaveProperty("endedAt");
    await instance.resume();
    expect(await operation(id, "succeeded")).toMatchObject({ evidence: "receipt" });
    expect(changes()).toEqual(["POST 200", "DELETE 200"]);
  });

  test("ends without a deletion when a hold was added while it waits", async () => {
    const { id, changes, isCanceled, end } = seed();
    await ask(id);
    await isCanceled();
    const { DB } = await bindings();
    await DB.prepare("INSERT INTO holds (id) VALUES (?1)").bind(id).run();
    end();
    expect(await operation(id, "failed")).toMatchObject({ error: { code: "ERR_HELD" } });
    expect(changes()).toEqual(["POST 200"]);
    expect(sandbox.batch(id)).toBeDefined();
    expect((await ask(id)).status).toBe(409);
  });

  test("is told to be cut off if its instance is gone", async () => {
    const id = "msgbatch_gone";
    const { DB } = await bindings();
    const row = `VALUES (?1, '2026-11-22', '{"id":"msgbatch_gone","looks":0}')`;
    await DB.prepare(`INSERT INTO operations (id, started_at, operation) ${row}`).bind(id).run();
    expect(await operation(id, "failed")).toMatchObject({ error: { code: "ERR_INTERRUPTED" } });
  });

  test("that failed can be asked for again", async () => {
    const { id, changes, isCanceled, end } = seed();
    sandbox.fail({ method: "POST", path: new RegExp(id), status: 403 });
    await ask(id, "msg_1");
    expect(await operation(id, "failed")).toMatchObject({
      webhookId: "msg_1",
      error: { code: "ERR_API", outcomeKnown: true },
    });
    expect((await ask(id, "msg_2")).status).toBe(202);
    await isCanceled();
    end();
    expect(await operation(id, "succeeded")).toMatchObject({
      webhookId: "msg_2",
      evidence: "receipt",
    });
    expect(changes()).toEqual(["POST 403", "POST 200", "DELETE 200"]);
  });

  test("whose instance was terminated says so, and goes on when it is asked for again", async () => {
    const { id, changes, isCanceled, end } = seed();
    await ask(id);
    await isCanceled();
    await (await (await bindings()).OPERATIONS.get(id)).terminate();
    expect(await operation(id, "failed")).toMatchObject({ error: { code: "ERR_INTERRUPTED" } });
    expect((await ask(id)).status).toBe(202);
    end();
    expect(await operation(id, "succeeded")).toMatchObject({ evidence: "receipt" });
    expect(changes()).toEqual(["POST 200", "DELETE 200"]);
  });
});
