import { describe, expect, test } from "vitest";
import { createMemoryAuditTrail } from "../fixtures/memory-audit-trail.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { createService, type LogRecord } from "../../src/service/mod.ts";
import { gatewayTokens, hash, otherToken, token } from "../fixtures/gateway.ts";
import { apiKey, lost, receipt, refusal, stub, type StubAnswer } from "../fixtures/stub.ts";
import { deletion, secret, webhook } from "../fixtures/webhook.ts";

const sleep = () => Promise.resolve();
const path = "/v1/messages/batches/msgbatch_1";

function request(
  target: string,
  headers: Record<string, string> = { "x-api-key": token },
  method = "DELETE",
) {
  return new Request(`http://localhost${target}`, { method, headers });
}

/** A gateway before an API whose answers are given. */
async function gatewayTo(answers: readonly StubAnswer[], overrides = {}) {
  const { client, seen } = stub(answers, overrides);
  const environment = { GATEWAY_TOKENS: await gatewayTokens(), AUDIT: "off" };
  const log: LogRecord[] = [];
  const service = createService({ client, environment, log: (record) => log.push(record) });
  return { service, seen, log };
}

async function refused(response: Response, status: number, type: string) {
  expect(response.status).toBe(status);
  expect(response.headers.get("cache-control")).toBe("no-store");
  const body = await response.json();
  expect(body).toEqual({
    type: "error",
    error: { type, message: expect.any(String) },
    request_id: response.headers.get("request-id"),
  });
  return body;
}

describe("DELETE /v1/messages/batches/{id} deletes", () => {
  test("for a token in either header, with the real key upstream only", async () => {
    for (const headers of [{ "x-api-key": token }, { authorization: `Bearer ${otherToken}` }]) {
      const { service, seen } = await gatewayTo([receipt("msgbatch_1")]);
      const response = await service.fetch(request(path, headers));
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({ id: "msgbatch_1", type: "message_batch_deleted" });
      expect(response.headers.get("request-id")).toBe("req_1");
      expect(seen[0]?.headers.get("x-api-key")).toBe(apiKey);
      expect(JSON.stringify(seen.map((one) => [...one.headers]))).not.toContain("of-the-tests");
    }
  });

  test("with the caller's betas, and nothing else of the caller's", async () => {
    const { service, seen } = await gatewayTo([receipt("msgbatch_1")]);
    const headers = {
      "x-api-key": token,
      "anthropic-beta": "message-batches-2024-09-24, files-api-2025-04-14",
      "x-stainless-lang": "js",
      origin: "https://example.com",
      cookie: "a=b",
    };
    expect((await service.fetch(request(`${path}?beta=true`, headers))).status).toBe(200);
    expect([...seen[0]?.headers.keys() ?? []].sort()).toEqual([
      "accept",
      "anthropic-beta",
      "anthropic-version",
      "x-api-key",
    ]);
    expect(seen[0]?.headers.get("anthropic-beta"))
      .toBe("message-batches-2024-09-24,files-api-2025-04-14");
  });

  test("as a receipt where a lost answer is followed by a 404", async () => {
    const sandbox = createSandbox();
    const { id } = sandbox.seed({ processing_status: "ended" });
    sandbox.fail({ method: "DELETE", connection: "lost_after" });
    const { service } = await gatewayTo([], { fetch: sandbox.fetch });
    const response = await service.fetch(request(`/v1/messages/batches/${id}`));
    expect(await response.json()).toEqual({ id, type: "message_batch_deleted" });
  });

  test("on the record of the token's name", async () => {
    const auditTrail = createMemoryAuditTrail();
    const { service } = await gatewayTo([receipt("msgbatch_1")], { auditTrail });
    await service.fetch(request(path, { "x-api-key": otherToken }));
    expect(auditTrail.entries.map(({ actor }) => actor)).toEqual(["second", "second"]);
  });
});

describe("the gateway refuses in the API's shape, and reaches nothing, for", () => {
  const cases: Record<string, Request> = {
    "no token": request(path, {}),
    "an unknown token": request(path, { "x-api-key": "guess" }),
    "the real key": request(path, { "x-api-key": apiKey }),
    "an empty token": request(path, { authorization: "Bearer " }),
    "a token of another scheme": request(path, { authorization: `Basic ${token}` }),
    "a token that is too long": request(path, { "x-api-key": token.repeat(40) }),
  };
  for (const [name, call] of Object.entries(cases)) {
    test(`${name} with 401`, async () => {
      const { service, seen } = await gatewayTo([receipt("msgbatch_1")]);
      await refused(await service.fetch(call), 401, "authentication_error");
      expect(seen).toHaveLength(0);
    });
  }

  test("a token that has expired with 401", async () => {
    const clock = { now: () => Date.parse("2026-11-22T00:00:00Z"), random: () => 0, sleep };
    const { client } = stub([receipt("msgbatch_1")], { clock });
    const sha256 = await hash(token);
    for (
      const [expiresAt, status] of [["2026-11-22T00:00:00Z", 401], ["2026-11-23T00:00:00Z", 200]]
    ) {
      const environment = {
        GATEWAY_TOKENS: [{ name: "brief", sha256, expiresAt }],
        AUDIT: "off",
      };
      const response = await createService({ client, environment }).fetch(request(path));
      expect(response.status).toBe(status);
    }
  });

  test("the hash of a token with 401", async () => {
    const { service, seen } = await gatewayTo([receipt("msgbatch_1")]);
    const call = request(path, { "x-api-key": await hash(token) });
    await refused(await service.fetch(call), 401, "authentication_error");
    expect(seen).toHaveLength(0);
  });

  const elsewhere: [method: string, target: string, status: 400 | 403][] = [
    ["GET", path, 403],
    ["POST", path, 403],
    ["POST", `${path}/cancel`, 403],
    ["DELETE", `${path}/results`, 403],
    ["DELETE", "/v1/messages/batches", 403],
    ["DELETE", "/v1/files/file_1", 403],
    ["DELETE", "/v1/organizations/users/user_1", 403],
    ["HEAD", `${path}/`, 400],
    ["DELETE", `${path}/`, 400],
    ["DELETE", "/v1/messages/batches/", 400],
    ["DELETE", "/v1/messages/batches/a%2fb", 400],
    ["DELETE", "/v1/messages/batches/%2e%2e", 400],
    ["DELETE", "/v1/messages/batches/..", 400],
    ["DELETE", "/v1/messages/batches/;x", 400],
    ["DELETE", "/v1/messages/batches/a;x", 400],
    ["DELETE", "/v1/messages/batches/%zz", 400],
    ["DELETE", `/v1/messages/batches/${"a".repeat(1_025)}`, 400],
    ["DELETE", `/v1/messages/batches/${apiKey}`, 400],
    ["GET", `/v1/messages/batches/${apiKey}`, 400],
    ["DELETE", "/v1//messages/batches/a", 400],
    ["DELETE", "/V1/messages/batches/a", 400],
    ["DELETE", "/v1/messages%2fbatches/a", 400],
    ["DELETE", "/messages/batches/a", 400],
    ["GET", "/", 400],
    ["GET", "/healthz/", 400],
    ["GET", "//healthz", 400],
    ["DELETE", `${path}?beta=false`, 400],
    ["DELETE", `${path}?beta=true&x=1`, 400],
  ];
  for (const [method, target, status] of elsewhere) {
    const shown = target.slice(0, 60);
    test(`${method} ${shown} with ${status}, and without a token with 401`, async () => {
      const { service, seen, log } = await gatewayTo([receipt("msgbatch_1")]);
      const response = await service.fetch(request(target, { "x-api-key": token }, method));
      const type = status === 400 ? "invalid_request_error" : "permission_error";
      if (method === "HEAD") expect(response.status).toBe(status);
      else {
        const { error } = await refused(response, status, type);
        if (status === 403) expect(error.message).toContain("batches:delete");
        expect(error.message).not.toContain(apiKey);
      }
      expect(response.headers.get("x-should-retry")).toBe("false");
      expect((await service.fetch(request(target, {}, method))).status).toBe(401);
      expect(seen).toHaveLength(0);
      expect(log.map(({ error }) => error)).toEqual([undefined, undefined]);
      expect(JSON.stringify(log)).not.toContain(apiKey);
    });
  }

  test("a Host that would be part of the path with 400, on every path", async () => {
    const { service, seen } = await gatewayTo([receipt("msgbatch_1")]);
    for (const target of [path, "/healthz", "/webhook"]) {
      for (const host of ["x/v1/messages/batches/msgbatch_1#", "a b", "a@b", "x?y"]) {
        const response = await service.fetch(request(target, { "x-api-key": token, host }));
        expect(response.status).toBe(400);
      }
    }
    expect(seen).toHaveLength(0);
  });

  test("nothing that an SDK sends: an empty list of betas is a list of none", async () => {
    for (const betas of ["", " ", "files-api-2025-04-14,"]) {
      const { service, seen } = await gatewayTo([receipt("msgbatch_1")]);
      const headers = { "x-api-key": token, "anthropic-beta": betas };
      expect((await service.fetch(request(path, headers))).status).toBe(200);
      expect(seen[0]?.headers.get("anthropic-beta")).toBe(betas.replace(/[ ,]/g, "") || null);
    }
  });

  test("betas that are not names with 400", async () => {
    const { service, seen } = await gatewayTo([receipt("msgbatch_1")]);
    const headers = { "x-api-key": token, "anthropic-beta": "a b,," };
    await refused(await service.fetch(request(path, headers)), 400, "invalid_request_error");
    expect(seen).toHaveLength(0);
  });
});

describe("the gateway passes on", () => {
  const cases: [string, StubAnswer, number, string, string | null][] = [
    ["an unknown batch", refusal(404, "not_found_error"), 404, "not_found_error", "false"],
    ["a bad request", refusal(400, "invalid_request_error"), 400, "invalid_request_error", "false"],
    ["a rate limit", refusal(429, "rate_limit_error"), 429, "rate_limit_error", null],
    ["an overload", refusal(529, "overloaded_error"), 529, "overloaded_error", null],
    ["a failure", refusal(500, "api_error"), 500, "api_error", "false"],
    ...[401, 402, 403].map((status): [string, StubAnswer, number, string, string] => {
      return [`${status} as its own failure`, refusal(status, "api's"), 502, "api_error", "false"];
    }),
    [
      "a status that is none as its own failure",
      () => Object.defineProperty(new Response("{}"), "status", { value: 999 }),
      502,
      "api_error",
      "false",
    ],
    ["a lost connection as its own failure", lost, 502, "api_error", "false"],
    ["an empty success as its own failure", () => new Response(""), 502, "api_error", "false"],
    [
      "a stranger's 404 as its own failure",
      () => new Response("", { status: 404 }),
      502,
      "api_error",
      "false",
    ],
  ];
  for (const [name, answer, status, type, retry] of cases) {
    test(name, async () => {
      const { service } = await gatewayTo([answer], { maxRetries: 0 });
      const response = await service.fetch(request(path));
      await refused(response, status, type);
      expect(response.headers.get("x-should-retry")).toBe(retry);
    });
  }

  test("what became of a trail that could not be written, only to the owner", async () => {
    const auditTrail = {
      append: ({ phase }: { phase: string }) =>
        phase === "intent" ? Promise.resolve() : Promise.reject(new Error("postgres://secret@db")),
    };
    const errors: unknown[] = [];
    const { client } = stub([receipt("msgbatch_1")], { auditTrail });
    const service = createService({
      client,
      environment: { GATEWAY_TOKENS: await gatewayTokens(), WEBHOOK_SECRETS: secret },
      log: ({ error }) => {
        errors.push(error?.message);
        throw error;
      },
    });
    for (const call of [request(path), webhook(deletion("msgbatch_1"))]) {
      const response = await service.fetch(call);
      expect(response.status).toBe(200);
      expect(await response.text()).not.toContain("postgres");
    }
    expect(errors).toEqual(["postgres://secret@db", "postgres://secret@db"]);
  });

  test("how long to wait", async () => {
    const limit = refusal(429, "rate_limit_error", { "retry-after": "7" });
    const { service } = await gatewayTo([limit], { maxRetries: 0 });
    const response = await service.fetch(request(path));
    expect(response.headers.get("retry-after")).toBe("7");
    expect(response.headers.get("request-id")).toBe("req_2");
  });

  test("a batch that has not ended as the API refused it", async () => {
    for (const unendedStatus of [400, 409] as const) {
      const sandbox = createSandbox({ unendedStatus });
      const { id } = sandbox.seed({ processing_status: "in_progress" });
      const { service } = await gatewayTo([], { fetch: sandbox.fetch });
      const response = await service.fetch(request(`/v1/messages/batches/${id}`));
      const type = unendedStatus === 400 ? "invalid_request_error" : "conflict_error";
      const body = await refused(response, unendedStatus, type);
      expect(body.error.message).toContain("it is in_progress");
    }
  });
});

describe("the gateway without its configuration", () => {
  const cases: Record<string, string | undefined> = {
    "without tokens": undefined,
    "with an empty list": "[]",
    "with tokens that are not JSON": token,
    "with a token in place of its hash": JSON.stringify([{ name: "first", sha256: token }]),
    "with a token without a name": JSON.stringify([{ sha256: "0".repeat(64) }]),
  };
  for (const [name, tokens] of Object.entries(cases)) {
    test(`answers 500 ${name}, and names the variable`, async () => {
      const { client, seen } = stub([receipt("msgbatch_1")]);
      const service = createService({
        client,
        environment: { GATEWAY_TOKENS: tokens, AUDIT: "off" },
      });
      const body = await refused(await service.fetch(request(path)), 500, "api_error");
      expect(body.error.message).toContain("GATEWAY_TOKENS");
      expect(JSON.stringify(body)).not.toContain(token);
      expect(seen).toHaveLength(0);
    });
  }

  test("answers 500 without a key", async () => {
    const environment = { GATEWAY_TOKENS: await gatewayTokens(), AUDIT: "off" };
    const service = createService({ environment });
    const body = await refused(await service.fetch(request(path)), 500, "api_error");
    expect(body.error.message).toContain("ANTHROPIC_API_KEY");
  });
});
