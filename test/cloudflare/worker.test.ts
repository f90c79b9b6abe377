import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createTestHarness } from "wrangler";
import { serve, type Server } from "../../src/adapters/serve.ts";
import workerModule from "../../src/adapters/cloudflare/worker.ts";
import { openSqlite } from "../../src/adapters/sqlite.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import type { Statement } from "../../src/storage/mod.ts";
import { apiKey } from "../fixtures/stub.ts";
import { deletion, otherSecret, secret, webhook } from "../fixtures/webhook.ts";

vi.mock("cloudflare:workers", () => ({ WorkflowEntrypoint: class {} })); // for what runs under Node

/** The Worker as wrangler.toml describes it, in workerd, before a sandbox on a real socket. */
const sandbox = createSandbox({ apiKeys: [apiKey] });
let upstream: Server;

function harness(secrets: Readonly<Record<string, string>>) {
  const vars = { ANTHROPIC_BASE_URL: upstream.url };
  return createTestHarness({ workers: [{ configPath: "wrangler.toml", vars, secrets }] });
}

async function send(worker: ReturnType<typeof harness>, request: Request) {
  const { method, headers } = request;
  return await worker.fetch(new URL(request.url).pathname, {
    method,
    headers: Object.fromEntries(headers),
    ...(method === "GET" ? {} : { body: await request.text() }),
  });
}

beforeAll(async () => {
  upstream = await serve(sandbox.fetch);
});
afterAll(async () => {
  await upstream.close();
});

describe("the Worker", () => {
  let worker: ReturnType<typeof harness>;
  beforeAll(async () => {
    worker = harness({ ANTHROPIC_API_KEY: apiKey, WEBHOOK_SECRETS: `${otherSecret},${secret}` });
    await worker.listen();
    await worker.getWorker().applyD1Migrations("DB");
  });
  afterAll(async () => {
    await worker.close();
  });

  test("deletes the batch that a signed webhook names", async () => {
    sandbox.clearRequests();
    const { id } = sandbox.seed({ processing_status: "ended" });
    const response = await send(worker, webhook(deletion(id)));
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      id,
      type: "message_batch_deleted",
      evidence: "receipt",
    });
    expect(sandbox.batch(id)).toBeUndefined();
    expect(sandbox.requests.map(({ method, path }) => [method, path])).toEqual([
      ["GET", `/v1/messages/batches/${id}`],
      ["DELETE", `/v1/messages/batches/${id}`],
    ]);
  });

  test("answers 409 for a batch that has not ended", async () => {
    const { id } = sandbox.seed({ processing_status: "in_progress" });
    const response = await send(worker, webhook(deletion(id)));
    expect(response.status).toBe(409);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(sandbox.batch(id)).toBeDefined();
  });

  test("refuses a wrong signature with 401 and asks nothing of the API", async () => {
    sandbox.clearRequests();
    const request = webhook(deletion("msgbatch_1"), {
      signedWith: `whsec_${btoa("x".repeat(24))}`,
    });
    expect((await send(worker, request)).status).toBe(401);
    expect(sandbox.requests).toHaveLength(0);
  });

  test("is healthy", async () => {
    expect((await worker.fetch("/healthz")).status).toBe(200);
  });

  test("has written no secret", () => {
    const log = JSON.stringify(worker.getLogs());
    for (const hidden of [apiKey, secret, otherSecret]) expect(log).not.toContain(hidden);
  });
});

describe("the Worker without its secrets", () => {
  for (const missing of ["ANTHROPIC_API_KEY", "WEBHOOK_SECRETS"]) {
    test(`answers 500 and names ${missing}`, async () => {
      const all = { ANTHROPIC_API_KEY: apiKey, WEBHOOK_SECRETS: secret };
      const worker = harness({ ...all, [missing]: "" });
      try {
        await worker.listen();
        const response = await send(worker, webhook(deletion("msgbatch_1")));
        expect(response.status).toBe(500);
        const text = await response.text();
        expect(text).toContain(missing);
        expect(text).not.toContain(apiKey);
      } finally {
        await worker.close();
      }
    });
  }
});

test("the Worker without its Workflow answers 501 and says what to bind", async () => {
  const { id } = sandbox.seed({ processing_status: "in_progress" });
  const environment = {
    ANTHROPIC_API_KEY: apiKey,
    ANTHROPIC_BASE_URL: upstream.url,
    AUDIT: "off",
    WEBHOOK_SECRETS: secret,
  } as unknown as Parameters<typeof workerModule.fetch>[1];
  const request = webhook(deletion(id, true));
  const response = await workerModule.fetch(request, environment, { waitUntil: () => {} });
  expect(response.status).toBe(501);
  expect((await response.json()).detail).toContain("bind the Workflow OPERATIONS");
});

test("an isolate that gets another environment heeds its hold and its key at once", async () => {
  const keys: string[] = [];
  const api = await serve((request) => {
    keys.push(request.headers.get("x-api-key") ?? "");
    return openSandbox.fetch(request);
  });
  const openSandbox = createSandbox();
  const [one, other, held] = [1, 2, 3].map(() =>
    openSandbox.seed({ processing_status: "ended" }).id
  );
  const environment = (key: string, holds: readonly (string | undefined)[]) =>
    ({
      ANTHROPIC_API_KEY: key,
      ANTHROPIC_BASE_URL: api.url,
      AUDIT: "off",
      WEBHOOK_SECRETS: secret,
      RETENTION_POLICY: {
        version: 1,
        rules: [{ type: "delete_after", days: 3_000, since: "ended" }],
        holds,
      },
    }) as unknown as Parameters<typeof workerModule.fetch>[1];
  try {
    const before = environment("sk-ant-api03-old", []);
    const after = environment("sk-ant-api03-new", [held]);
    const statuses = [];
    for (const [env, id] of [[before, one], [after, held], [after, other]] as const) {
      const context = { waitUntil: () => {} };
      statuses.push((await workerModule.fetch(webhook(deletion(id)), env, context)).status);
    }
    expect(statuses).toEqual([200, 409, 200]);
    expect([...new Set(keys)]).toEqual(["sk-ant-api03-old", "sk-ant-api03-new"]);
  } finally {
    await api.close();
  }
});

test("the Worker promises nothing where its Workflow begins no operation", async () => {
  const { id } = sandbox.seed({ processing_status: "in_progress" });
  const database = openSqlite(":memory:");
  const environment = {
    ANTHROPIC_API_KEY: apiKey,
    ANTHROPIC_BASE_URL: upstream.url,
    WEBHOOK_SECRETS: secret,
    DB: {
      prepare: (sql: string) => ({ bind: (...values: Statement["values"]) => ({ sql, values }) }),
      batch: async (statements: readonly Statement[]) =>
        (await database.run(statements)).map((results) => ({ results })),
    },
    OPERATIONS: {
      create: () => Promise.reject(new Error("the account has no more instances")),
      get: () => Promise.reject(new Error("(instance.not_found) Provided id does not exist")),
    },
  } as unknown as Parameters<typeof workerModule.fetch>[1];
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  const request = webhook(deletion(id, true));
  const response = await workerModule.fetch(request, environment, { waitUntil: () => {} });
  log.mockRestore();
  database.close();
  expect(response.status).toBe(500);
  expect(sandbox.batch(id)?.processing_status).toBe("in_progress");
});
