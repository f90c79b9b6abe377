import { describe, expect, test } from "vitest";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { BATCHES, call, createBody, HEADERS, ORIGIN, toRequest } from "../fixtures/sandbox/call.ts";
import {
  CANCELING,
  CREATED,
  DELETED,
  NOT_FOUND,
  REFERENCE,
  RESULT,
  UNKNOWN_BETA,
} from "../fixtures/sandbox/documented.ts";

/** 2024-09-24T18:37:24.100435Z, the time of the guide's examples. */
const NOW = Date.parse("2024-09-24T18:37:24.100Z") + 0.435;

function setUp() {
  return createSandbox({ now: () => NOW, random: () => 0 });
}

describe("createSandbox() answers what the documentation prints", () => {
  test("to create", async () => {
    const sandbox = setUp();
    const body = createBody("my-first-request", "my-second-request");
    const { status, headers, json } = await call(sandbox, "POST", BATCHES, { body });
    expect(status).toBe(200);
    expect(headers.get("content-type")).toBe("application/json");
    expect(json).toEqual({ ...CREATED, id: "msgbatch_010000000000000000000002" });
  });

  test("to retrieve", async () => {
    const sandbox = setUp();
    sandbox.seed({
      id: CREATED.id,
      processing_status: "in_progress",
      created_at: CREATED.created_at,
      expires_at: CREATED.expires_at,
      requests: 2,
    });
    const { status, json } = await call(sandbox, "GET", `${BATCHES}/${CREATED.id}`);
    expect(status).toBe(200);
    expect(json).toEqual(CREATED);
  });

  test("to retrieve, of a batch that was seeded as an override", async () => {
    const sandbox = setUp();
    sandbox.seed({ id: REFERENCE.id, override: REFERENCE });
    expect((await call(sandbox, "GET", `${BATCHES}/${REFERENCE.id}`)).json).toEqual(REFERENCE);
  });

  test("to list", async () => {
    const sandbox = setUp();
    sandbox.seed({ id: REFERENCE.id, override: REFERENCE });
    const { status, json } = await call(sandbox, "GET", BATCHES);
    expect(status).toBe(200);
    expect(json).toEqual({
      data: [REFERENCE],
      has_more: false,
      first_id: "msgbatch_013Zva2CMHLNnXjNJJKqJ2EF",
      last_id: "msgbatch_013Zva2CMHLNnXjNJJKqJ2EF",
    });
  });

  test("to list, of an empty workspace", async () => {
    const { json } = await call(setUp(), "GET", BATCHES);
    expect(json).toEqual({ data: [], has_more: false, first_id: null, last_id: null });
  });

  test("to cancel", async () => {
    const sandbox = createSandbox({
      now: () => Date.parse("2024-09-24T18:39:03.114Z") + 0.875,
      processingTime: 3_600_000,
    });
    sandbox.seed({
      id: CANCELING.id,
      processing_status: "in_progress",
      created_at: CANCELING.created_at,
      expires_at: CANCELING.expires_at,
      requests: 2,
    });
    const { status, json } = await call(sandbox, "POST", `${BATCHES}/${CANCELING.id}/cancel`);
    expect(status).toBe(200);
    expect(json).toEqual(CANCELING);
  });

  test("to delete", async () => {
    const sandbox = setUp();
    sandbox.seed({ id: DELETED.id });
    const { status, headers, json } = await call(sandbox, "DELETE", `${BATCHES}/${DELETED.id}`);
    expect(status).toBe(200);
    expect(headers.get("content-type")).toBe("application/json");
    expect(json).toEqual(DELETED);
  });

  test("to delete again, and to anything that is not there", async () => {
    const sandbox = setUp();
    sandbox.seed({ id: DELETED.id });
    await call(sandbox, "DELETE", `${BATCHES}/${DELETED.id}`);
    const { status, headers, json } = await call(sandbox, "DELETE", `${BATCHES}/${DELETED.id}`);
    expect(status).toBe(404);
    expect(headers.get("content-type")).toBe("application/json");
    expect(json).toEqual({ ...NOT_FOUND, request_id: "req_010000000000000000000002" });
  });

  test("to results", async () => {
    const sandbox = setUp();
    const body = createBody("my-first-request");
    const { id } = (await call(sandbox, "POST", BATCHES, { body })).json;
    sandbox.advance(60_000);
    const { status, headers, text } = await call(sandbox, "GET", `${BATCHES}/${id}/results`);
    expect(status).toBe(200);
    expect(headers.get("content-type")).toBe("application/x-jsonl");
    expect(text.endsWith("\n")).toBe(true);
    const message = { ...RESULT.result.message, id: "msg_010000000000000000000001" };
    expect(JSON.parse(text)).toEqual({ ...RESULT, result: { type: "succeeded", message } });
  });

  test("to an unknown beta", async () => {
    const { status, json } = await call(setUp(), "GET", BATCHES, {
      headers: {
        "x-api-key": "k",
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "invalid-beta-name",
      },
    });
    expect(status).toBe(400);
    expect(json).toEqual({ ...UNKNOWN_BETA, request_id: "req_010000000000000000000001" });
  });
});

describe("createSandbox() identifies", () => {
  test("each answer by its request and its workspace", async () => {
    const sandbox = createSandbox({ workspaceId: "wrkspc_1" });
    const { id } = sandbox.seed({ processing_status: "in_progress" });
    const answers = [
      await call(sandbox, "GET", BATCHES),
      await call(sandbox, "GET", `${BATCHES}/${id}`),
      await call(sandbox, "DELETE", `${BATCHES}/${id}`),
      await call(sandbox, "GET", "/nowhere"),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 400, 404]);
    const ids = answers.map(({ headers }) => headers.get("request-id"));
    expect(new Set(ids).size).toBe(4);
    for (const requestId of ids) expect(requestId).toMatch(/^req_01[0-9A-Za-z]{22}$/);
    for (const { headers } of answers) {
      expect(headers.get("anthropic-workspace-id")).toBe("wrkspc_1");
    }
    expect(answers[2]?.json.request_id).toBe(ids[2]);
  });

  test("tells the sandbox's time with every answer", async () => {
    const sandbox = createSandbox({ now: () => Date.parse("2024-09-24T18:00:00.900Z") });
    sandbox.fail({ path: "/fault", status: 500 });
    for (const path of [BATCHES, "/nowhere", "/fault"]) {
      const { headers } = await call(sandbox, "GET", path);
      expect(headers.get("date")).toBe("Tue, 24 Sep 2024 18:00:00 GMT");
    }
    sandbox.advance(3_600_000);
    const { headers } = await call(sandbox, "GET", BATCHES);
    expect(headers.get("date")).toBe("Tue, 24 Sep 2024 19:00:00 GMT");
  });

  test("each batch by an id that looks like the API's", () => {
    const sandbox = createSandbox();
    const first = sandbox.seed().id;
    expect(first).toMatch(/^msgbatch_01[0-9A-Za-z]{22}$/);
    expect(sandbox.seed().id).not.toBe(first);
  });

  test("results by the origin and the base path that the request used", async () => {
    const sandbox = createSandbox({ basePath: "/anthropic" });
    const { id } = sandbox.seed();
    const path = `/anthropic${BATCHES}/${id}`;
    const { json } = await call(sandbox, "GET", path);
    expect(json.results_url).toBe(`https://api.anthropic.com${path}/results`);
    expect((await call(sandbox, "GET", `${path}/results`)).status).toBe(200);
    expect((await call(sandbox, "GET", `${BATCHES}/${id}`)).status).toBe(404);
  });
});

describe("Sandbox.fetch()", () => {
  /** As Bun's server: every member is on the prototype, and one of them is `url`. */
  class ServerLike {
    get url() {
      return new URL("http://127.0.0.1:8080/");
    }
    fetch() {}
    timeout() {}
  }

  const context = { waitUntil() {}, passThroughOnException() {} };
  test.each<[string, ...unknown[]]>([
    ["Bun's server", new ServerLike()],
    ["Deno's info", { remoteAddr: { hostname: "127.0.0.1", port: 1 }, completed: null }],
    ["Cloudflare's variables and context", { API_KEY: "k", method: "PUT", body: {} }, context],
    ["nothing", undefined],
    ["null", null],
    ["a number and a list", 0, []],
  ])("ignores what a server passes after the request: %s", async (_, ...rest) => {
    const sandbox = createSandbox();
    sandbox.seed({ id: "b" });
    const response = await sandbox.fetch(toRequest("DELETE", `${BATCHES}/b`), ...rest);
    expect([response.status, await response.json()]).toEqual([
      200,
      { id: "b", type: "message_batch_deleted" },
    ]);
    expect(sandbox.requests.map(({ method, path }) => [method, path])).toEqual([
      ["DELETE", `${BATCHES}/b`],
    ]);
  });

  test.each<[string, string | URL | Request]>([
    ["text", `${ORIGIN}${BATCHES}/b`],
    ["a URL", new URL(`${ORIGIN}${BATCHES}/b`)],
    ["a request", new Request(`${ORIGIN}${BATCHES}/b`)],
  ])("takes a RequestInit after %s, as fetch does", async (_, input) => {
    const sandbox = createSandbox();
    sandbox.seed({ id: "b" });
    const { status } = await sandbox.fetch(input, { method: "DELETE", headers: HEADERS });
    expect([status, sandbox.size]).toEqual([200, 0]);
  });

  test.each<[string, RequestInit, [method: string, status: number]]>([
    ["method", { method: "PUT" }, ["PUT", 405]],
    ["headers", { headers: { "anthropic-version": "2023-06-01" } }, ["GET", 401]],
  ])("lets the %s of a RequestInit win over the request's", async (_, init, expected) => {
    const sandbox = createSandbox();
    const response = await sandbox.fetch(toRequest("GET", `${BATCHES}/b`), init);
    expect([sandbox.requests[0]?.method, response.status]).toEqual(expected);
  });

  test("lets the signal of a RequestInit abort", async () => {
    const sandbox = createSandbox();
    const init = { signal: AbortSignal.abort(new RangeError("Enough")) };
    await expect(sandbox.fetch(toRequest("GET", BATCHES), init)).rejects.toThrow("Enough");
  });
});
