import { describe, expect, test } from "vitest";
import { createSandbox, type SandboxOptions } from "../../src/sandbox/mod.ts";
import { BATCHES, call, type CallOptions, createBody, HEADERS } from "../fixtures/sandbox/call.ts";

const VERSION = { "anthropic-version": "2023-06-01" };

/** Status and type of the error that a request is answered with. */
async function refusal(
  method: string,
  path: string,
  call_: CallOptions = {},
  options: SandboxOptions = {},
): Promise<[number, string | undefined]> {
  const { status, headers, json } = await call(createSandbox(options), method, path, call_);
  if (status !== 200) {
    expect(json).toEqual({
      type: "error",
      error: { type: json.error.type, message: expect.stringMatching(/./) },
      request_id: headers.get("request-id"),
    });
  }
  return [status, json.error?.type];
}

const withHeaders = (headers: Record<string, string>, options?: SandboxOptions) =>
  refusal("GET", BATCHES, { headers }, options);

describe("createSandbox() credentials", () => {
  test("are accepted in either header, with either version", async () => {
    for (const version of ["2023-06-01", "2026-10-21"]) {
      for (const credential of [{ "x-api-key": "k" }, { authorization: "Bearer k" }]) {
        const headers = { ...credential, "anthropic-version": version };
        expect(await withHeaders(headers, { apiKeys: ["k"] })).toEqual([200, undefined]);
      }
    }
  });

  test.each<[string, Record<string, string>]>([
    ["none", {}],
    ["an empty key", { "x-api-key": "" }],
    ["an unknown key", { "x-api-key": "other" }],
    ["an unknown token", { authorization: "Bearer other" }],
    ["a token without its scheme", { authorization: "k" }],
    ["another scheme", { authorization: "Basic k" }],
    ["an unknown key beside a known token", { "x-api-key": "no", authorization: "Bearer k" }],
  ])("are refused: %s", async (_, credential) => {
    const headers = { ...credential, ...VERSION };
    expect(await withHeaders(headers, { apiKeys: ["k"] })).toEqual([401, "authentication_error"]);
  });

  test("may be any by default, but not none", async () => {
    expect(await withHeaders({ "x-api-key": "any", ...VERSION })).toEqual([200, undefined]);
    for (const none of [{}, { "x-api-key": "" }, { authorization: "Bearer " }]) {
      expect(await withHeaders({ ...none, ...VERSION })).toEqual([401, "authentication_error"]);
    }
  });
});

describe("createSandbox() refuses", () => {
  test("a request from a browser's page", async () => {
    const headers = { ...HEADERS, origin: "https://example.com" };
    expect(await withHeaders(headers)).toEqual([401, "authentication_error"]);
  });

  test.each<[string, Record<string, string>]>([
    ["no version", {}],
    ["an unknown version", { "anthropic-version": "2020-01-01" }],
  ])("%s", async (_, version) => {
    expect(await withHeaders({ "x-api-key": "k", ...version })).toEqual([
      400,
      "invalid_request_error",
    ]);
  });

  test("another workspace than its own", async () => {
    const named = (id: string) => ({ ...HEADERS, "anthropic-workspace-id": id });
    const options = { workspaceId: "wrkspc_1" };
    expect(await withHeaders(named("wrkspc_1"), options)).toEqual([200, undefined]);
    expect(await withHeaders(named("wrkspc_2"), options)).toEqual([403, "permission_error"]);
  });

  test.each<[string, string]>([
    ["GET", "/"],
    ["GET", "/v1/messages"],
    ["GET", `${BATCHES}/`],
    ["DELETE", `${BATCHES}/`],
    ["DELETE", `${BATCHES}/b/`],
    ["DELETE", `/${BATCHES}/b`],
    ["DELETE", `${BATCHES}/b%E0`],
    ["GET", `${BATCHES}/b/result`],
    ["GET", `/v2${BATCHES}`],
  ])("the path of %s %s", async (method, path) => {
    expect(await refusal(method, path)).toEqual([404, "not_found_error"]);
  });

  test.each<[string, string, string]>([
    ["DELETE", BATCHES, "POST, GET"],
    ["PUT", `${BATCHES}/b`, "GET, DELETE"],
    ["GET", `${BATCHES}/b/cancel`, "POST"],
    ["DELETE", `${BATCHES}/b/results`, "GET"],
  ])("the method of %s %s", async (method, path, allow) => {
    const { status, headers, json } = await call(createSandbox(), method, path);
    expect([status, json.error.type]).toEqual([405, "invalid_request_error"]);
    expect(headers.get("allow")).toBe(allow);
  });
});

describe("createSandbox() betas", () => {
  const betas = (value: string, options?: SandboxOptions) =>
    withHeaders({ ...HEADERS, "anthropic-beta": value }, options);

  test("are accepted in a list, and the header repeated", async () => {
    expect(await betas("message-batches-2024-09-24, skills-2025-10-02")).toEqual([200, undefined]);
    const headers = new Headers(HEADERS);
    headers.append("anthropic-beta", "message-batches-2024-09-24");
    headers.append("anthropic-beta", "files-api-2025-04-14,fast-mode-2026-02-01");
    const request = new Request(`https://api.anthropic.com${BATCHES}`, { headers });
    expect((await createSandbox().fetch(request)).status).toBe(200);
  });

  test("are refused if one of them is unknown", async () => {
    expect(await betas("message-batches-2024-09-24,unknown")).toEqual([
      400,
      "invalid_request_error",
    ]);
  });

  test("leave the answer as it is, and so does ?beta=true", async () => {
    const sandbox = createSandbox();
    const { id } = sandbox.seed();
    const headers = { ...HEADERS, "anthropic-beta": "message-batches-2024-09-24" };
    const path = `${BATCHES}/${id}?beta=true`;
    expect((await call(sandbox, "GET", path, { headers })).json).toEqual(sandbox.batch(id));
    expect((await call(sandbox, "DELETE", path, { headers })).json).toEqual({
      id,
      type: "message_batch_deleted",
    });
  });
});

describe("create", () => {
  const valid = createBody("a").requests[0] as Record<string, unknown>;
  const create = (body: unknown, options?: SandboxOptions) =>
    refusal("POST", BATCHES, { body }, options);

  test("accepts every character and length that a custom_id may have", async () => {
    expect(await create(createBody("-_azAZ09", "x".repeat(64)))).toEqual([200, undefined]);
  });

  test.each<[string, unknown]>([
    ["no body", undefined],
    ["a body that is not JSON", "{"],
    ["a body that is not an object", []],
    ["no requests", {}],
    ["requests that are not a list", { requests: {} }],
    ["an empty list", { requests: [] }],
    ["a request that is null", { requests: [null] }],
    ["no custom_id", { requests: [{ params: {} }] }],
    ["a custom_id that is not a string", { requests: [{ ...valid, custom_id: 1 }] }],
    ["an empty custom_id", createBody("")],
    ["a custom_id that is too long", createBody("x".repeat(65))],
    ["a custom_id with another character", createBody("a b")],
    ["a custom_id with a line break at its end", createBody("a\n")],
    ["a custom_id twice", createBody("a", "b", "a")],
    ["no params", { requests: [{ custom_id: "a" }] }],
    ["params that are a list", { requests: [{ custom_id: "a", params: [] }] }],
  ])("refuses %s, and creates nothing", async (_, body) => {
    const sandbox = createSandbox();
    const { status, json } = await call(sandbox, "POST", BATCHES, { body });
    expect([status, json.error.type, sandbox.size]).toEqual([400, "invalid_request_error", 0]);
  });

  test("accepts 100,000 requests, and not one more", async () => {
    const requests = Array.from(
      { length: 100_001 },
      (_, i) => ({ custom_id: `r${i}`, params: {} }),
    );
    expect(await create({ requests })).toEqual([400, "invalid_request_error"]);
    const sandbox = createSandbox();
    requests.pop();
    const { json } = await call(sandbox, "POST", BATCHES, { body: { requests } });
    expect(json.request_counts.processing).toBe(100_000);
  }, 30_000);
});

describe("requests", () => {
  test("tell what came in which order, and no credential", async () => {
    const sandbox = createSandbox({ now: () => 7, random: () => 0 });
    await call(sandbox, "GET", `${BATCHES}?limit=1`, {
      headers: { ...HEADERS, "anthropic-beta": "skills-2025-10-02" },
    });
    await call(sandbox, "DELETE", `${BATCHES}/b`, { headers: { authorization: "Bearer secret" } });
    const [first, second] = sandbox.requests;
    expect(first).toEqual({
      method: "GET",
      path: "/v1/messages/batches",
      search: "?limit=1",
      time: 7,
      apiVersion: "2023-06-01",
      betas: ["skills-2025-10-02"],
      credential: "x-api-key",
      requestId: "req_010000000000000000000001",
      status: 200,
    });
    expect(second).toEqual({
      method: "DELETE",
      path: "/v1/messages/batches/b",
      search: "",
      time: 7,
      apiVersion: undefined,
      betas: [],
      credential: "authorization",
      requestId: "req_010000000000000000000002",
      status: 400,
    });
    expect(JSON.stringify(sandbox.requests)).not.toMatch(/sk-ant-test|secret/);
    sandbox.clearRequests();
    expect(sandbox.requests).toEqual([]);
  });

  test("are no more than requestLogSize, the latest", async () => {
    const sandbox = createSandbox({ requestLogSize: 2 });
    for (const id of ["a", "b", "c"]) await call(sandbox, "GET", `${BATCHES}/${id}`);
    expect(sandbox.requests.map(({ path }) => path)).toEqual([`${BATCHES}/b`, `${BATCHES}/c`]);
  });
});
