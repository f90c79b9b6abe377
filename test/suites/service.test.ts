import { describe, expect, test } from "vitest";
import type { Client } from "../../mod.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { createService, type Environment } from "../../src/service/mod.ts";
import { createMemoryStorage } from "../fixtures/memory-storage.ts";
import { apiKey, refusal, stub } from "../fixtures/stub.ts";
import { deletion, otherSecret, secret, webhook, withHeaders } from "../fixtures/webhook.ts";

const minutes = 60_000;

/** A service before a sandbox with one ended batch. */
function setUp(environment: Environment = {}) {
  const sandbox = createSandbox();
  const batch = sandbox.seed({ processing_status: "ended" });
  const { client } = stub([], { fetch: sandbox.fetch });
  const storage = createMemoryStorage();
  const errors: unknown[] = [];
  const service = createService({
    client,
    storage,
    environment: { WEBHOOK_SECRETS: secret, ...environment },
    log: ({ error }) => error && errors.push(error),
  });
  return { sandbox, batch, storage, service, errors };
}

async function problem(response: Response) {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(response.headers.get("cache-control")).toBe("no-store");
  const body = await response.json();
  expect(body).toMatchObject({ type: "about:blank", status: response.status });
  expect(body.title).toEqual(expect.any(String));
  return body;
}

describe("POST /webhook deletes", () => {
  test("the batch that a signed event names", async () => {
    const { sandbox, batch, service } = setUp();
    const response = await service.fetch(webhook(deletion(batch.id)));
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      id: batch.id,
      type: "message_batch_deleted",
      evidence: "receipt",
      attempts: 1,
      requestId: sandbox.requests[1]?.requestId,
      workspaceId: expect.any(String),
    });
    expect(sandbox.size).toBe(0);
  });

  test("whichever of several secrets signed, and nothing for another", async () => {
    for (const signedWith of [secret, otherSecret]) {
      const { batch, service } = setUp({ WEBHOOK_SECRETS: `${otherSecret} ${secret}` });
      const response = await service.fetch(webhook(deletion(batch.id), { signedWith }));
      expect(response.status).toBe(200);
    }
    const { batch, service, sandbox } = setUp({ WEBHOOK_SECRETS: otherSecret });
    expect((await service.fetch(webhook(deletion(batch.id)))).status).toBe(401);
    expect(sandbox.requests).toHaveLength(0);
  });

  test("for an event with more in its envelope", async () => {
    const { batch, service } = setUp();
    const event = { type: "message_batch.delete", timestamp: "now", data: { id: batch.id } };
    expect((await service.fetch(webhook(JSON.stringify(event)))).status).toBe(200);
  });

  test("for a signature that is nearly five minutes off", async () => {
    for (const age of [4.9 * minutes, -4.9 * minutes]) {
      const { batch, service } = setUp();
      expect((await service.fetch(webhook(deletion(batch.id), { age }))).status).toBe(200);
    }
  });
});

describe("POST /webhook refuses, and asks nothing of the API,", () => {
  const good = deletion("msgbatch_1");
  const cases: Record<string, [number, () => Request]> = {
    "another secret's signature": [401, () => webhook(good, { signedWith: otherSecret })],
    "an old signature": [401, () => webhook(good, { age: 5.1 * minutes })],
    "a future signature": [401, () => webhook(good, { age: -5.1 * minutes })],
    "no signature": [401, () => withHeaders(webhook(good), { "webhook-signature": undefined })],
    "no id": [401, () => withHeaders(webhook(good), { "webhook-id": undefined })],
    "no timestamp": [401, () => withHeaders(webhook(good), { "webhook-timestamp": undefined })],
    "another id": [401, () => withHeaders(webhook(good), { "webhook-id": "msg_2" })],
    "a signature without its version": [
      401,
      () => withHeaders(webhook(good), { "webhook-signature": "bm90IGEgc2lnbmF0dXJl" }),
    ],
    "an empty signature": [401, () => withHeaders(webhook(good), { "webhook-signature": "v1," })],
    ...Object.fromEntries(["abc", ".9", ", 1", ""].map((more) => [
      `a timestamp that ends in ${JSON.stringify(more)} or begins with a plus`,
      [401, () => {
        const request = webhook(good);
        const time = request.headers.get("webhook-timestamp");
        return withHeaders(request, { "webhook-timestamp": more ? `${time}${more}` : `+${time}` });
      }] as [number, () => Request],
    ])),
    "a body with a byte order mark that was not signed": [
      401,
      () => new Request(webhook(good), { method: "POST", body: `\ufeff${good}` }),
    ],
    "a changed body": [
      401,
      () => new Request(webhook(good), { method: "POST", body: deletion("msgbatch_2") }),
    ],
    "another media type": [
      415,
      () => withHeaders(webhook(good), { "content-type": "text/plain" }),
    ],
    "no media type": [415, () => withHeaders(webhook(good), { "content-type": undefined })],
    "a body that is too large": [413, () => webhook(good + " ".repeat(65_536))],
    "a body that is not UTF-8": [
      400,
      () => new Request(webhook(good), { method: "POST", body: new Uint8Array([0xff]) }),
    ],
    "a body that is not JSON": [400, () => webhook("message_batch.delete")],
    "an empty body": [400, () => webhook("")],
    "null": [400, () => webhook("null")],
    "another event": [400, () => webhook(good.replace(".delete", ".ended"))],
    "no id of a batch": [400, () => webhook(deletion(undefined))],
    "a number as an id": [400, () => webhook(deletion(1))],
    "an id that is given twice": [
      400,
      () => webhook(good.replace('"id":', '"id":"msgbatch_2","id":')),
    ],
    "a body that is compressed": [
      415,
      () => withHeaders(webhook(good), { "content-encoding": "gzip" }),
    ],
    "a body that breaks off": [
      400,
      () =>
        new Request(webhook(good), {
          method: "POST",
          body: new ReadableStream({ pull: (stream) => stream.error(new Error("reset")) }),
          ...{ duplex: "half" },
        }),
    ],
    "an empty id": [400, () => webhook(deletion(""))],
    "an id that climbs": [400, () => webhook(deletion(".."))],
    "an id of two segments": [400, () => webhook(deletion("a/b"))],
    "an instruction that it does not know": [
      400,
      () =>
        webhook(JSON.stringify({ type: "message_batch.delete", data: { id: "a", force: true } })),
    ],
  };
  for (const [name, [status, request]] of Object.entries(cases)) {
    test(`${name} with ${status}`, async () => {
      const { sandbox, service } = setUp();
      const response = await service.fetch(request());
      expect(response.status).toBe(status);
      await problem(response);
      expect(sandbox.requests).toHaveLength(0);
      expect(sandbox.size).toBe(1);
    });
  }

  test("other methods with 405 and Allow", async () => {
    const { service } = setUp();
    for (const method of ["GET", "PUT", "DELETE", "OPTIONS"]) {
      const response = await service.fetch(new Request("http://localhost/webhook", { method }));
      expect(response.status).toBe(405);
      expect(response.headers.get("allow")).toBe("POST");
      await problem(response);
    }
  });

  test("other paths with 401, configured or not", async () => {
    const { service, errors } = setUp();
    for (const path of ["", "webhook/", "webhooks", "Webhook"]) {
      const response = await service.fetch(new Request(`http://localhost/${path}`));
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ error: { type: "authentication_error" } });
    }
    expect(errors).toEqual([]);
  });
});

describe("POST /webhook maps what happens upstream:", () => {
  async function answerTo(client: Client, id = "msgbatch_1") {
    const environment = { WEBHOOK_SECRETS: secret, AUDIT: "off" };
    const service = createService({ client, environment });
    const response = await service.fetch(webhook(deletion(id)));
    return { response, body: await problem(response) };
  }

  test("a batch that has not ended is 409", async () => {
    const sandbox = createSandbox();
    const { id } = sandbox.seed({ processing_status: "in_progress" });
    const { client } = stub([], { fetch: sandbox.fetch });
    const { body } = await answerTo(client, id);
    expect(body).toMatchObject({
      status: 409,
      code: "ERR_NOT_ENDED",
      processingStatus: "in_progress",
      detail: `Cannot delete message batch "${id}": it is in_progress`,
    });
  });

  test("a 404 that is not the API's is 502", async () => {
    const { client } = stub([() => new Response("", { status: 404 })]);
    const { body } = await answerTo(client);
    expect(body).toMatchObject({ status: 502, code: "ERR_API" });
  });

  test("a refused key is 502", async () => {
    const { body } = await answerTo(stub([refusal(401, "authentication_error")]).client);
    expect(body).toMatchObject({ status: 502, upstreamStatus: 401, code: "ERR_API" });
  });

  test("a rate limit is 503 with Retry-After", async () => {
    const limit = refusal(429, "rate_limit_error", { "retry-after": "7" });
    const { response, body } = await answerTo(stub([limit], { maxRetries: 0 }).client);
    expect(body).toMatchObject({ status: 503, upstreamStatus: 429, retryAfter: 7_000 });
    expect(response.headers.get("retry-after")).toBe("7");
  });

  test("a lost connection is 502: of unknown outcome if it was the deletion's", async () => {
    for (const [method, outcomeKnown] of [["GET", true], ["DELETE", false]] as const) {
      const sandbox = createSandbox();
      const { id } = sandbox.seed({ processing_status: "ended" });
      sandbox.fail({ method, connection: "lost_after" });
      const { client } = stub([], { fetch: sandbox.fetch, maxRetries: 0 });
      const { body } = await answerTo(client, id);
      expect(body).toMatchObject({ status: 502, code: "ERR_CONNECTION", outcomeKnown });
    }
  });

  test("no answer is 504", async () => {
    const silent = stub([() => new Promise(() => {})], { maxRetries: 0, timeout: 5 });
    const { body } = await answerTo(silent.client);
    expect(body).toMatchObject({ status: 504, code: "ERR_TIMEOUT" });
  });

  test("an empty success is 502, not a deletion", async () => {
    const { body } = await answerTo(stub([() => new Response("")]).client);
    expect(body).toMatchObject({ status: 502, code: "ERR_INVALID_RESPONSE" });
  });
});

describe("createService() without its configuration", () => {
  const environment = { ANTHROPIC_API_KEY: apiKey, WEBHOOK_SECRETS: `${secret} ${otherSecret}` };
  const cases: Record<string, [string, Record<string, string>]> = {
    "without a key": ["ANTHROPIC_API_KEY", { ...environment, ANTHROPIC_API_KEY: "" }],
    "with a broken key": ["ANTHROPIC_API_KEY", { ...environment, ANTHROPIC_API_KEY: "a\nb" }],
    "without a webhook secret": ["WEBHOOK_SECRETS", { ANTHROPIC_API_KEY: apiKey }],
    "with blank webhook secrets": ["WEBHOOK_SECRETS", { ...environment, WEBHOOK_SECRETS: " , " }],
    "with a secret that is no whsec_": [
      "WEBHOOK_SECRETS",
      { ...environment, WEBHOOK_SECRETS: apiKey },
    ],
    "with a secret that is too short": [
      "WEBHOOK_SECRETS",
      { ...environment, WEBHOOK_SECRETS: "whsec_YQ==" },
    ],
    "with a grace period that is none": [
      "GRACE_PERIOD",
      { ...environment, GRACE_PERIOD: "soon" },
    ],
    "with a base URL that is not safe": [
      "ANTHROPIC_BASE_URL",
      { ...environment, ANTHROPIC_BASE_URL: `http://${apiKey}.example.com` },
    ],
  };
  for (const [name, [variable, variables]] of Object.entries(cases)) {
    test(`answers 500 ${name}, and names the variable`, async () => {
      const service = createService({ environment: variables, storage: createMemoryStorage() });
      for (const request of [webhook(deletion("msgbatch_1")), new Request("http://x/healthz")]) {
        const response = await service.fetch(request);
        expect(response.status).toBe(500);
        const text = JSON.stringify(await problem(response));
        expect(text).toContain(variable);
        expect(text).not.toContain(apiKey);
      }
    });
  }

  test("does not say what an unexpected error says", async () => {
    const errors: unknown[] = [];
    const mistake = new RangeError(apiKey);
    const { client } = stub([], { apiKey: () => Promise.reject(mistake) });
    const service = createService({
      client,
      environment: { WEBHOOK_SECRETS: secret, AUDIT: "off" },
      log: ({ error }) => error && errors.push(error),
    });
    const response = await service.fetch(webhook(deletion("msgbatch_1")));
    expect(JSON.stringify(await problem(response))).not.toContain(apiKey);
    expect(errors).toEqual([{
      code: "ERR_UNEXPECTED",
      message: expect.stringContaining("RangeError: [redacted]"),
    }]);
  });
});

test("fetch() and scheduled() need no more than the request, whatever else a server passes to its handler", async () => {
  const { batch, service } = setUp();
  const untouchable = new Proxy({}, {
    get: (_, name) => expect.unreachable(`It reads ${String(name)}`),
    has: (_, name) => expect.unreachable(`It looks for ${String(name)}`),
    ownKeys: () => expect.unreachable("It lists the members"),
  });
  const handler: (...args: [Request, ...unknown[]]) => Promise<Response> = service.fetch;
  const response = await handler(webhook(deletion(batch.id)), untouchable, untouchable);
  expect(response.status).toBe(200);
  const { scheduled } = service;
  await scheduled(untouchable);
});

describe("GET /healthz", () => {
  test("answers ok", async () => {
    const response = await setUp().service.fetch(new Request("http://localhost/healthz"));
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: "ok" });
  });

  test("refuses other methods with 405", async () => {
    const request = new Request("http://localhost/healthz", { method: "POST" });
    const response = await setUp().service.fetch(request);
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET, HEAD");
  });
});
