import { describe, expect, test } from "vitest";
import { scopes } from "../../src/config/mod.ts";
import { createSandbox, type Fault, type SandboxOptions } from "../../src/sandbox/mod.ts";
import { checkService, createService, type LogRecord } from "../../src/service/mod.ts";
import { StorageError } from "../../src/storage/mod.ts";
import { hash, token } from "../fixtures/gateway.ts";
import { createMemoryStorage } from "../fixtures/memory-storage.ts";
import { resourceFixtures } from "../fixtures/resources.ts";
import { apiKey } from "../fixtures/stub.ts";

const adminKey = "sk-ant-admin01-example-0123456789";
const batches = "/v1/messages/batches";
const dayMs = 86_400_000;

/** A gateway before a sandbox, for one token. */
async function setUp(
  members: object,
  { environment = {}, ahead = 0, ...options }: SandboxOptions & {
    readonly environment?: Readonly<Record<string, unknown>>;
    /** How far the service's clock is ahead of the API's, in milliseconds. */
    readonly ahead?: number;
  } = {},
) {
  const sandbox = createSandbox({ apiKeys: [apiKey, adminKey], ...options });
  const storage = createMemoryStorage();
  const clock = {
    now: () => sandbox.now() + ahead,
    random: () => 0,
    sleep: () => Promise.resolve(),
  };
  const row = { name: "team", sha256: await hash(token), ...members };
  const stop = new AbortController();
  const log: LogRecord[] = [];
  const service = createService({
    client: { apiKey, fetch: sandbox.fetch, clock },
    environment: { GATEWAY_TOKENS: [row], ANTHROPIC_ADMIN_KEY: adminKey, ...environment },
    storage,
    signal: stop.signal,
    log: (record) => log.push(record),
  });
  const ask = (
    method: string,
    path: string,
    headers: Record<string, string> = {},
  ) =>
    service.fetch(
      new Request(`http://localhost${path}`, {
        method,
        headers: { "x-api-key": token, ...headers },
        ...method === "POST" && { body: "{}" },
      }),
    );
  return { sandbox, storage, ask, log };
}

/** The type and the message of an error. */
async function errorOf(response: Response) {
  const { error } = await response.json();
  return [response.status, error.type, error.message];
}

/** Routes of the service itself, of all that the API has for what the gateway handles, and others. */
const routesOfApi: readonly string[] = [
  `POST ${batches}`,
  `GET ${batches}`,
  `GET ${batches}/ENDED`,
  `POST ${batches}/RUNNING/cancel`,
  `DELETE ${batches}/ENDED`,
  `GET ${batches}/ENDED/results`,
  ...Object.values(resourceFixtures).flatMap(({ path }) => [
    `GET ${path.replace(/\/[^/]+$/, "")}`,
    `POST ${path.replace(/\/[^/]+$/, "")}`,
    `GET ${path}`,
    `POST ${path}`,
    `DELETE ${path}`,
  ]),
  "DELETE /v1/organizations/api_keys/k",
  ...["POST /v1/messages", "POST /v1/messages/count_tokens", "GET /v1/models", "POST /v1/complete"],
  "GET /audit",
  "GET /operations/msgbatch_none",
  ...["PUT", "PATCH", "HEAD", "OPTIONS"].map((method) => `${method} ${batches}/ENDED`),
];

describe("a token with one scope", () => {
  const deletionOf = (name: keyof typeof resourceFixtures) => [
    `DELETE ${resourceFixtures[name].path}`,
  ];
  const reached: Readonly<Record<string, readonly string[]>> = {
    "batches:delete": [`DELETE ${batches}/ENDED`],
    "batches:read": [`GET ${batches}`, `GET ${batches}/ENDED`],
    "batches:cancel": [`POST ${batches}/RUNNING/cancel`],
    "batches:results": [`GET ${batches}/ENDED/results`],
    "files:delete": deletionOf("deleteFile"),
    "skills:delete": deletionOf("deleteSkill"),
    "skill_versions:delete": deletionOf("deleteSkillVersion"),
    "memory_stores:delete": deletionOf("deleteMemoryStore"),
    "environments:delete": deletionOf("deleteEnvironment"),
    "memories:delete": deletionOf("deleteMemory"),
    "sessions:delete": deletionOf("deleteSession"),
    "session_resources:delete": deletionOf("deleteSessionResource"),
    "user_profiles:delete": deletionOf("deleteUserProfile"),
    "vaults:delete": deletionOf("deleteVault"),
    "vault_credentials:delete": deletionOf("deleteVaultCredential"),
    "invites:delete": deletionOf("deleteInvite"),
    "users:delete": deletionOf("deleteUser"),
    "workspace_members:delete": deletionOf("deleteWorkspaceMember"),
    "operations:read": ["GET /operations/msgbatch_none"],
    "audit:read": ["GET /audit"],
  };

  test("is known here, whatever the scope", () => {
    expect(Object.keys(reached).toSorted()).toEqual(scopes.toSorted());
  });

  test.each(scopes)("%s reaches its routes, and no other", async (scope) => {
    const { sandbox, ask } = await setUp({ allow: [scope] });
    const ids: Readonly<Record<string, string>> = {
      ENDED: sandbox.seed({ processing_status: "ended" }).id,
      RUNNING: sandbox.seed({ processing_status: "in_progress" }).id,
    };
    for (const { id, receipt } of Object.values(resourceFixtures)) {
      const type = String(receipt["type"]).replace("_deleted", "");
      const params = typeof id === "string" ? { [`${type}_id`]: id } : id;
      sandbox.seedResource({ type, ...params } as never);
    }
    const found: string[] = [];
    for (const route of routesOfApi) {
      sandbox.clearRequests();
      const [method = "", path = ""] = route.split(" ");
      const headers = /versions\/\d+$/.test(path) ? { "anthropic-beta": "skills-2025-10-02" } : {};
      const target = path.replace(/ENDED|RUNNING/, (name) => ids[name] ?? "");
      const { status } = await ask(method, target, headers);
      // This service runs no operations.
      if (status === (path.startsWith("/operations/") ? 501 : 200)) found.push(route);
      else expect([route, status, sandbox.requests]).toEqual([route, 403, []]);
    }
    expect(found.toSorted()).toEqual(reached[scope]?.toSorted());
  });
});

describe("a token with batches:read", () => {
  test("lists page by page, with results at the gateway, and the caller's version and betas", async () => {
    const { sandbox, ask } = await setUp({ allow: ["batches:read"] });
    const ids = [1, 2, 3].map(() => sandbox.seed({ processing_status: "ended" }).id).toReversed();
    const headers = { "anthropic-version": "2026-10-21", "anthropic-beta": "skills-2025-10-02" };
    const first = await (await ask("GET", `${batches}?limit=2&beta=true`, headers)).json();
    expect(first).toMatchObject({ has_more: true, last_id: ids[1] });
    expect(first.data[0].results_url).toBe(`http://localhost${batches}/${ids[0]}/results`);
    const response = await ask("GET", `${batches}?limit=2&after_id=${ids[1]}`);
    expect((await response.json()).data.map(({ id }: { readonly id: string }) => id))
      .toEqual([ids[2]]);
    expect(response.headers.get("request-id")).toBe(sandbox.requests[1]?.requestId);
    expect(sandbox.requests.map(({ search, apiVersion, betas }) => [search, apiVersion, betas]))
      .toEqual([
        ["?limit=2", "2026-10-21", ["skills-2025-10-02"]],
        [`?limit=2&after_id=${ids[1]}`, "2023-06-01", []],
      ]);
  });

  test("gets results_url at the origin that it used", async () => {
    const { sandbox, ask } = await setUp({ allow: ["batches:read"] });
    const { id, results_url } = sandbox.seed({ processing_status: "ended" });
    expect(results_url).toContain("https://api.anthropic.com/");
    for (
      const [headers, origin] of [
        [{}, "http://localhost"],
        [{ host: "gateway.example.com:8443" }, "http://gateway.example.com:8443"],
        [
          { host: "gateway.example.com", "x-forwarded-proto": "https" },
          "https://gateway.example.com",
        ],
        [{ "x-forwarded-proto": "javascript" }, "http://localhost"],
      ] as const
    ) {
      const batch = await (await ask("GET", `${batches}/${id}`, headers)).json();
      expect(batch.results_url).toBe(`${origin}${batches}/${id}/results`);
    }
    const running = sandbox.seed({ processing_status: "in_progress" });
    expect(await (await ask("GET", `${batches}/${running.id}`)).json()).toEqual(running);
  });

  test.each([
    ["limit=0", "limit"],
    ["limit=1001", "limit"],
    ["limit=1e2", "limit"],
    ["limit=2&limit=3", "limit"],
    ["after_id=a%2Fb", "after_id"],
    ["before_id=", "before_id"],
    [`after_id=${apiKey}`, "after_id"],
    ["status=ended", "it may have beta=true, limit, before_id, after_id and nothing else"],
    ["beta=false", "it may have beta=true"],
    ["toString=1", "it may have beta=true"],
  ])("is answered 400 to a list with %s", async (query, why) => {
    const { sandbox, ask } = await setUp({ allow: ["batches:read"] });
    const error = await errorOf(await ask("GET", `${batches}?${query}`));
    expect(error).toEqual([400, "invalid_request_error", expect.stringContaining(why)]);
    expect(error[2]).not.toContain(apiKey);
    expect(sandbox.requests).toHaveLength(0);
  });

  test("is told of the API's refusals, but not of those of the key", async () => {
    const { sandbox, ask } = await setUp({ allow: ["batches:read"] });
    expect(await errorOf(await ask("GET", `${batches}/msgbatch_none`)))
      .toEqual([404, "not_found_error", expect.any(String)]);
    for (const status of [401, 403] as const) {
      sandbox.fail({ status, times: 1 });
      expect((await errorOf(await ask("GET", batches))).slice(0, 2)).toEqual([502, "api_error"]);
    }
    sandbox.fail({ status: 500, times: 1 });
    sandbox.fail({ status: 429, times: 9 });
    const limited = await ask("GET", batches, { "x-stainless-retry-count": "0" });
    expect(limited.headers.get("x-should-retry")).toBeNull();
    expect(await errorOf(limited)).toEqual([429, "rate_limit_error", expect.any(String)]);
  });
});

describe("every token", () => {
  test.each([
    ["GET", batches, "Cannot answer: the API gave no answer within 0.05 seconds"],
    ["GET", `${batches}/msgbatch_1/results`, "Cannot answer: the API gave no answer within 0.05"],
    ["POST", `${batches}/msgbatch_1/cancel`, "seconds; it may have been done"],
  ])("gets a 504 where the API does not answer a %s of %s", async (method, path, why) => {
    const { sandbox, ask } = await setUp({
      allow: ["batches:read", "batches:cancel", "batches:results"],
    }, { environment: { GRACE_PERIOD: "0.05" }, sleep: () => new Promise(() => {}) });
    sandbox.fail({ delay: 1, times: 9 });
    expect(await errorOf(await ask(method, path)))
      .toEqual([504, "timeout_error", expect.stringContaining(why)]);
  });

  test("is checked when the service starts", () => {
    const check = (members: object, variables: object = {}) => () => {
      const row = { name: "a", sha256: "0".repeat(64), ...members };
      checkService({
        environment: { ANTHROPIC_API_KEY: apiKey, GATEWAY_TOKENS: [row], ...variables },
      });
    };
    const administrative = { allow: ["files:delete", "invites:delete"] };
    expect(check(administrative)).toThrow("Cannot use ANTHROPIC_ADMIN_KEY: it is not set");
    check(administrative, { ANTHROPIC_ADMIN_KEY: adminKey })();
    expect(check({ maxDeletesPerDay: 1 }, { AUDIT: "off" })).toThrow("Cannot use AUDIT: it is off");
    check({ maxDeletesPerDay: 1 })();
  });

  test("is refused another version of the API, and another workspace", async () => {
    for (const environment of [{}, { ANTHROPIC_WORKSPACE_ID: "wrkspc_1" }]) {
      const { sandbox, ask } = await setUp({}, { environment, workspaceId: "wrkspc_1" });
      const { id } = sandbox.seed({ processing_status: "ended" });
      const ofVersion = await ask("DELETE", `${batches}/${id}`, {
        "anthropic-version": "2022-01-01",
      });
      expect(await errorOf(ofVersion)).toEqual([
        400,
        "invalid_request_error",
        "anthropic-version: use 2023-06-01 or 2026-10-21",
      ]);
      const headers = { "anthropic-workspace-id": "wrkspc_2" };
      expect((await errorOf(await ask("DELETE", `${batches}/${id}`, headers))).slice(0, 2))
        .toEqual([403, "permission_error"]);
      expect(sandbox.requests).toHaveLength(0);
    }
    const environment = { ANTHROPIC_WORKSPACE_ID: "wrkspc_1" };
    const { sandbox, ask } = await setUp({}, { environment, workspaceId: "wrkspc_1" });
    const { id } = sandbox.seed({ processing_status: "ended" });
    const headers = { "anthropic-workspace-id": "wrkspc_1" };
    expect((await ask("DELETE", `${batches}/${id}`, headers)).status).toBe(200);
  });
});

test("an answer that is not what the API promises is 502, and no cancellation", async () => {
  const allow = ["batches:read", "batches:cancel", "batches:results"];
  const { sandbox, storage, ask } = await setUp({ allow });
  const batch = sandbox.seed({ id: "msgbatch_1", processing_status: "ended" });
  const isRefused = async (method: string, path: string, fault: Fault) => {
    sandbox.fail({ status: 200, ...fault });
    const response = await ask(method, batches + path);
    expect(response.headers.get("request-id")).toMatch(/^req_/);
    expect((await errorOf(response)).slice(0, 2)).toEqual([502, "api_error"]);
  };
  const other = { ...batch, id: "msgbatch_2" };
  for (
    const body of ["null", {}, other, { ...batch, results_url: { href: "https://a.example" } }]
  ) {
    await isRefused("GET", "/msgbatch_1", { body });
    await isRefused("POST", "/msgbatch_1/cancel", { body });
    expect(storage.written.at(-1)).toMatchObject({
      outcome: "failed",
      error: { code: "ERR_INVALID_RESPONSE", outcomeKnown: false },
    });
  }
  for (const data of [{}, [null], [{ ...batch, id: 1 }], [{ ...batch, id: "a/b" }]]) {
    await isRefused("GET", "", { body: { data, has_more: false } });
  }
  const headers = { "content-type": "text/html" };
  await isRefused("GET", "/msgbatch_1/results", { body: "<html></html>", headers });
});

test("an id of a request that no header can have stays in the body", async () => {
  const { sandbox, ask } = await setUp({ allow: ["batches:read"] });
  const error = { type: "not_found_error", message: "Not found" };
  sandbox.fail({
    status: 404,
    body: { type: "error", error, request_id: "\u6f22" },
    headers: { "request-id": "" },
  });
  const response = await ask("GET", `${batches}/msgbatch_1`);
  expect([response.status, response.headers.get("request-id")]).toEqual([404, null]);
  expect((await response.json()).request_id).toBe("\u6f22");
});

describe("a token with batches:cancel", () => {
  test("cancels on the record of its name", async () => {
    const { sandbox, storage, ask } = await setUp({ allow: ["batches:cancel"] });
    const { id } = sandbox.seed({ processing_status: "in_progress" });
    const response = await ask("POST", `${batches}/${id}/cancel`);
    expect(await response.json()).toEqual(sandbox.batch(id));
    expect(sandbox.batch(id)?.processing_status).toBe("canceling");
    expect(storage.written).toMatchObject([
      { phase: "intent", operation: "cancel", objectId: id, actor: "team" },
      { phase: "outcome", outcome: "canceled", attempts: 1 },
    ]);
    expect(storage.written[1]?.requestId).toBe(response.headers.get("request-id"));
  });

  test("is refused what is held, by the policy and by the database, and what has ended", async () => {
    const policy = { version: 1, rules: [{ type: "keep_last", count: 9 }], holds: ["msgbatch_1"] };
    const { sandbox, storage, ask } = await setUp({ allow: ["batches:cancel"] }, {
      environment: { RETENTION_POLICY: policy },
    });
    storage.held.add("msgbatch_2");
    for (const id of ["msgbatch_1", "msgbatch_2"]) {
      sandbox.seed({ id, processing_status: "in_progress" });
      expect(await errorOf(await ask("POST", `${batches}/${id}/cancel`)))
        .toEqual([
          403,
          "permission_error",
          `Cannot cancel or delete message batch "${id}": it is held`,
        ]);
    }
    expect(sandbox.requests).toHaveLength(0);
    const { id } = sandbox.seed({ processing_status: "ended" });
    expect((await errorOf(await ask("POST", `${batches}/${id}/cancel`))).slice(0, 2))
      .toEqual([400, "invalid_request_error"]);
    expect(storage.written.map(({ outcome }) => outcome)).toEqual([undefined, "failed"]);
  });

  test("is told that a batch was canceled if that cannot be recorded, and so is the owner", async () => {
    const { sandbox, storage, ask, log } = await setUp({ allow: ["batches:cancel"] });
    const { id } = sandbox.seed({ processing_status: "in_progress" });
    const { auditTrail } = storage;
    const append = auditTrail.append.bind(auditTrail);
    auditTrail.append = (entry) =>
      entry.phase === "intent" ? append(entry) : Promise.reject(new Error("no database"));
    expect((await ask("POST", `${batches}/${id}/cancel`)).status).toBe(200);
    expect(log.at(-1)).toMatchObject({ status: 200, id, error: { message: "no database" } });
  });

  test("cancels nothing without a record", async () => {
    const { sandbox, storage, ask, log } = await setUp({ allow: ["batches:cancel"] });
    const { id } = sandbox.seed({ processing_status: "in_progress" });
    for (const error of [new StorageError("gone"), new DOMException("late", "TimeoutError")]) {
      storage.fail(error);
      expect((await ask("POST", `${batches}/${id}/cancel`)).status).toBe(503);
    }
    expect(log.at(-1)).toMatchObject({ error: { code: "ERR_AUDIT_TRAIL", message: "late" } });
    expect(sandbox.requests).toHaveLength(0);
  });
});

describe("a token with batches:results", () => {
  test("gets the bytes of the API", async () => {
    const { sandbox, ask } = await setUp({ allow: ["batches:results"] });
    const { id } = sandbox.seed({ processing_status: "ended", requests: 3 });
    const headers = { "x-api-key": apiKey, "anthropic-version": "2023-06-01" };
    const url = `https://api.anthropic.com${batches}/${id}/results`;
    const direct = await sandbox.fetch(url, { headers });
    const response = await ask("GET", `${batches}/${id}/results`);
    expect(response.headers.get("content-type")).toBe("application/x-jsonl");
    expect(response.headers.get("request-id")).toMatch(/^req_/);
    expect(await response.text()).toBe(await direct.text());
    expect((await ask("GET", `${batches}/msgbatch_none/results`)).status).toBe(404);
  });

  /** A gateway before an API that streams results as it is told. */
  async function streaming() {
    let api: ReadableStreamDefaultController<Uint8Array> | undefined;
    const canceled = Promise.withResolvers<void>();
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => void (api = controller),
      cancel: () => canceled.resolve(),
    });
    const stop = new AbortController();
    const service = createService({
      client: { apiKey, fetch: () => Promise.resolve(new Response(body)) },
      environment: {
        GATEWAY_TOKENS: [{ name: "a", sha256: await hash(token), allow: ["batches:results"] }],
        GRACE_PERIOD: "0.2",
      },
      signal: stop.signal,
    });
    const headers = { "x-api-key": token };
    const url = `http://localhost${batches}/msgbatch_1/results`;
    const reader = (await service.fetch(new Request(url, { headers }))).body?.getReader();
    const send = (text: string) => api?.enqueue(new TextEncoder().encode(text));
    const read = async () => new TextDecoder().decode((await reader?.read())?.value);
    return { api, stop, canceled: canceled.promise, reader, send, read };
  }

  test("gets them as they come, for longer than another call may take", async () => {
    const { api, send, read } = await streaming();
    send("{}\n");
    expect(await read()).toBe("{}\n");
    await new Promise((resolve) => setTimeout(resolve, 250));
    send("[]\n");
    expect(await read()).toBe("[]\n");
    api?.close();
    expect(await read()).toBe("");
  });

  test("sees them break off if the API does, or the service stops", async () => {
    const broken = await streaming();
    broken.api?.error(new Error("The connection is lost"));
    await expect(broken.read()).rejects.toThrow();
    const stopped = await streaming();
    stopped.stop.abort();
    await expect(stopped.read()).rejects.toThrow();
    await stopped.canceled;
  });

  test("may end them", async () => {
    const { reader, canceled } = await streaming();
    await reader?.cancel();
    await canceled;
  });
});

describe("minDaysSinceEnded", () => {
  test("keeps a batch that ended later, or has not", async () => {
    const { sandbox, storage, ask } = await setUp({ minDaysSinceEnded: 30 });
    const endedDaysAgo = (days: number) => {
      const ended_at = new Date(sandbox.now() - days * dayMs).toISOString();
      return sandbox.seed({ created_at: ended_at, ended_at }).id;
    };
    const refused = [
      endedDaysAgo(29.9),
      sandbox.seed({ processing_status: "in_progress" }).id,
      sandbox.seed({ processing_status: "canceling" }).id,
    ];
    for (const id of refused) {
      expect(await errorOf(await ask("DELETE", `${batches}/${id}`))).toEqual([
        403,
        "permission_error",
        'The token "team" permits no deletion of a batch before 30 days after it has ended',
      ]);
      expect(sandbox.batch(id)).toBeDefined();
    }
    expect(storage.written).toEqual([]);
    expect((await ask("DELETE", `${batches}/${endedDaysAgo(30.001)}`)).status).toBe(200);
    expect(sandbox.requests.map(({ method }) => method)).toEqual([
      "GET",
      "GET",
      "GET",
      "GET",
      "DELETE",
    ]);
  });

  test("deletes nothing that a look does not show", async () => {
    const { sandbox, ask } = await setUp({ minDaysSinceEnded: 1 });
    const { id } = sandbox.seed({ processing_status: "ended" });
    sandbox.fail({ method: "GET", status: 404, times: 1 });
    expect((await ask("DELETE", `${batches}/${id}`)).status).toBe(404);
    expect(sandbox.batch(id)).toBeDefined();
  });

  test("is no reason to refuse a repetition, after which the batch is gone", async () => {
    const { sandbox, ask } = await setUp({ minDaysSinceEnded: 1 });
    const ended_at = new Date(sandbox.now() - 2 * dayMs).toISOString();
    const { id } = sandbox.seed({ created_at: ended_at, ended_at });
    sandbox.fail({ method: "DELETE", connection: "lost_after" });
    sandbox.fail({ method: "DELETE", connection: "lost_before", times: 9 });
    expect((await ask("DELETE", `${batches}/${id}`)).status).toBe(502);
    sandbox.clearFaults();
    const again = { "x-stainless-retry-count": "1" };
    expect((await ask("DELETE", `${batches}/${id}`, again)).status).toBe(200);
  });

  test("judges by the API's clock where ours is ahead", async () => {
    const { sandbox, ask } = await setUp({ minDaysSinceEnded: 1 }, { ahead: dayMs });
    const { id } = sandbox.seed({ ended_at: new Date(sandbox.now() - 0.9 * dayMs).toISOString() });
    expect((await ask("DELETE", `${batches}/${id}`)).status).toBe(403);
  });

  test("judges by our clock where it is behind", async () => {
    const { sandbox, ask } = await setUp({ minDaysSinceEnded: 1 }, { ahead: -dayMs });
    const ended_at = new Date(sandbox.now() - 1.5 * dayMs).toISOString();
    const { id } = sandbox.seed({ created_at: ended_at, ended_at });
    expect((await ask("DELETE", `${batches}/${id}`)).status).toBe(403);
  });
});

describe("maxDeletesPerDay", () => {
  test("counts what was begun in the name of the token within 24 hours", async () => {
    const { sandbox, storage, ask } = await setUp({
      allow: ["batches:delete", "files:delete"],
      maxDeletesPerDay: 2,
    });
    const seed = () => sandbox.seed({ processing_status: "ended" }).id;
    expect((await ask("DELETE", `${batches}/${seed()}`)).status).toBe(200);
    sandbox.advance(dayMs / 2);
    const { file_id } = sandbox.seedResource({ type: "file" });
    expect((await ask("DELETE", `/v1/files/${file_id}`)).status).toBe(200);
    const third = seed();
    const response = await ask("DELETE", `${batches}/${third}`);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(43_100);
    expect(Number(response.headers.get("retry-after"))).toBeLessThanOrEqual(43_200);
    expect(response.headers.get("x-should-retry")).toBe("false");
    expect(await errorOf(response))
      .toEqual([429, "rate_limit_error", 'The token "team" permits 2 deletions a day']);
    expect(sandbox.batch(third)).toBeDefined();
    expect((await ask("GET", "/healthz")).status).toBe(200);
    expect(storage.written).toHaveLength(4);
    sandbox.advance(dayMs / 2 + 1_000);
    expect((await ask("DELETE", `${batches}/${third}`)).status).toBe(200);
  });

  test("holds for deletions at once, too", async () => {
    const { sandbox, ask } = await setUp({ maxDeletesPerDay: 3 });
    const ids = Array.from({ length: 10 }, () => sandbox.seed({ processing_status: "ended" }).id);
    const answers = await Promise.all(ids.map((id) => ask("DELETE", `${batches}/${id}`)));
    expect(answers.map(({ status }) => status).toSorted())
      .toEqual([200, 200, 200, ...Array(7).fill(429)]);
    expect(sandbox.size).toBe(7);
  });

  test("is 503 without a record to count", async () => {
    const { sandbox, ask } = await setUp({ maxDeletesPerDay: 3 }, {
      environment: { AUDIT: "off" },
    });
    const { id } = sandbox.seed({ processing_status: "ended" });
    expect(await errorOf(await ask("DELETE", `${batches}/${id}`))).toEqual([
      503,
      "api_error",
      "Cannot count deletions (maxDeletesPerDay): the database has no record",
    ]);
    expect(sandbox.requests).toHaveLength(0);
  });
});

describe("the deletion of another kind", () => {
  test("is recorded, is one where the answer was lost, and needs its own key", async () => {
    const { sandbox, storage, ask } = await setUp({ allow: ["files:delete", "users:delete"] });
    const { file_id } = sandbox.seedResource({ type: "file" });
    sandbox.fail({ method: "DELETE", connection: "lost_after" });
    const response = await ask("DELETE", `/v1/files/${file_id}`);
    expect(await response.json()).toEqual({ id: file_id, type: "file_deleted" });
    expect(storage.written).toMatchObject([
      { phase: "intent", resource: "file", objectId: file_id, actor: "team" },
      { phase: "outcome", outcome: "deleted", evidence: "absent_after_retry" },
    ]);
    // An SDK that has lost our answer gets it again, and sends no other deletion.
    sandbox.clearRequests();
    const again = await ask("DELETE", `/v1/files/${file_id}`, { "x-stainless-retry-count": "1" });
    expect(await again.json()).toEqual({ id: file_id, type: "file_deleted" });
    expect(sandbox.requests).toHaveLength(0);

    const inWorkspace = await setUp({ allow: ["users:delete"] }, {
      environment: { ANTHROPIC_WORKSPACE_ID: "wrkspc_other" }, // the API would refuse it
    });
    const { user_id } = inWorkspace.sandbox.seedResource({ type: "user" });
    const path = `/v1/organizations/users/${user_id}`;
    expect((await inWorkspace.ask("DELETE", path)).status).toBe(200);

    const keyless = await setUp({ allow: ["users:delete"] }, {
      environment: { ANTHROPIC_ADMIN_KEY: "" },
    });
    expect(await errorOf(await keyless.ask("DELETE", "/v1/organizations/users/user_1")))
      .toEqual([500, "api_error", "Cannot use ANTHROPIC_ADMIN_KEY: it is not set"]);
  });

  test("is not that of a batch with the same id", async () => {
    const { sandbox, ask } = await setUp({ allow: ["batches:delete", "files:delete"] });
    const { id } = sandbox.seed({ processing_status: "ended" });
    const again = { "x-stainless-retry-count": "1" };
    const [batch, file] = await Promise.all([
      ask("DELETE", `${batches}/${id}`),
      ask("DELETE", `/v1/files/${id}`),
    ]);
    expect([batch.status, file.status]).toEqual([200, 404]);
    expect((await ask("DELETE", `${batches}/${id}`, again)).status).toBe(200);
    expect((await ask("DELETE", `/v1/files/${id}`, again)).status).toBe(404);
  });
});
