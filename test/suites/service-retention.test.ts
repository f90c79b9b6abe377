import { describe, expect, test } from "vitest";
import type { Client } from "../../mod.ts";
import type { RetentionPolicy } from "../../src/retention/mod.ts";
import { checkOptions } from "../../src/service/configuration.ts";
import { judge } from "../../src/service/health.ts";
import { serviceOptionsFrom } from "../../src/service/environment.ts";
import { environmentOf } from "../../src/service/environment-of.ts";
import { createMemoryStateStore } from "../../src/service/memory-state-store.ts";
import type { ServiceOptions } from "../../src/service/options.ts";
import { createService } from "../../src/service/mod.ts";
import { daysAgo, now, play } from "../fixtures/batches.ts";
import { gatewayTokens, token } from "../fixtures/gateway.ts";
import { apiKey, refusal, stub } from "../fixtures/stub.ts";
import { deletion, secret, webhook } from "../fixtures/webhook.ts";

const hour = 3_600_000;
const policy: RetentionPolicy = {
  version: 1,
  rules: [{ type: "delete_after", days: 30, since: "ended" }],
  holds: ["msgbatch_held"],
};

/** A service with a policy, before a sandbox with one batch to go, one to stay and one that is held. */
function setUp(options: ServiceOptions = {}, overrides: Partial<Client> = {}) {
  const played = play({}, overrides);
  for (const [id, days] of [["old", 40], ["young", 3], ["held", 40]] as const) {
    played.sandbox.seed({ id: `msgbatch_${id}`, created_at: daysAgo(days) });
  }
  const errors: unknown[] = [];
  const service = createService({
    client: played.client,
    webhookSecrets: [secret],
    stateStore: createMemoryStateStore(),
    onError: (error) => errors.push(error),
    ...options,
    retention: { policy, ...options.retention },
  });
  const health = async () => {
    const response = await service.fetch(new Request("http://localhost/healthz"));
    return { status: response.status, body: await response.json() };
  };
  return { ...played, service, health, errors };
}

describe("scheduled()", () => {
  test("deletes what the policy lets go, and nothing else, twice in a row and twice at once", async () => {
    const { service, deletes } = setUp();
    await service.scheduled();
    await service.scheduled();
    await Promise.all([service.scheduled(), service.scheduled({ cron: "* * * * *" })]);
    expect(deletes()).toEqual(["msgbatch_old"]);
  });

  test("does nothing without a policy", async () => {
    const { service, sandbox, errors } = setUp({ retention: { policy: undefined } });
    await service.scheduled();
    expect(sandbox.requests).toHaveLength(0);
    expect(errors).toEqual([]);
  });

  test("takes its limits from the environment", async () => {
    const variables: Record<string, string> = {
      RETENTION_POLICY: JSON.stringify(policy),
      RETENTION_REQUESTS: "1",
      RETENTION_MAX_SHARE: " 20% ",
      RETENTION_OVERDUE_AFTER: "P2D",
    };
    const { retention } = serviceOptionsFrom((name) => variables[name]);
    const { service, sandbox, health } = setUp({ retention });
    await service.scheduled();
    expect(sandbox.requests).toHaveLength(1);
    expect(await health()).toMatchObject({
      status: 503,
      body: { retention: { state: "failed", code: "ERR_PURGE_REFUSED" } },
    });
  });

  const unusable: [string, ServiceOptions, string][] = [
    ["a policy that is not JSON", { retention: { policy: `{${apiKey}` } }, "RETENTION_POLICY"],
    ["a policy without rules", { retention: { policy: '{"version":1}' } }, "RETENTION_POLICY"],
    ["a share without a unit", { retention: { maxShare: "50" } }, "RETENTION_MAX_SHARE"],
    ["a share above all", { retention: { maxShare: "101%" } }, "RETENTION_MAX_SHARE"],
    ["no requests", { retention: { requests: "0" } }, "RETENTION_REQUESTS"],
    [
      "too few requests",
      { retention: { requests: 2, costOfDeletion: 3 } },
      "RETENTION_REQUESTS",
    ],
    ["a wait that is none", { retention: { overdueAfter: "soon" } }, "RETENTION_OVERDUE_AFTER"],
    ["no store", { stateStore: undefined }, "no state store"],
  ];
  test.each(unusable)("fails with %s, and /healthz says so", async (_, options, name) => {
    const { service, sandbox, health, errors } = setUp(options);
    await service.scheduled();
    expect(sandbox.requests).toHaveLength(0);
    expect(errors).toHaveLength(1);
    const { status, body } = await health();
    expect(status).toBe(503);
    expect(body.detail).toContain(name);
    expect(JSON.stringify(body)).not.toContain("sk-ant");
  });

  test("does not reject where the client or the store is unusable", async () => {
    const broken = { read: () => Promise.reject(new Error(apiKey)), write: () => never() };
    for (const options of [{ client: {} }, { stateStore: broken }]) {
      const { service, health, errors } = setUp(options);
      await service.scheduled();
      expect(errors).toHaveLength(1);
      const { status, body } = await health();
      expect(status).toBe("client" in options ? 500 : 503);
      expect(JSON.stringify(body)).not.toContain(apiKey);
    }
  });
});

describe("GET /healthz", () => {
  test("needs no way in where there is a policy, and then one that can be used", async () => {
    expect((await setUp({ webhookSecrets: [] }).health()).status).toBe(200);
    const broken = setUp({ webhookSecrets: ["whsec_YQ=="] });
    expect(await broken.health()).toMatchObject({ status: 500 });
    const without = setUp({ webhookSecrets: [], retention: { policy: undefined } });
    expect(await without.health()).toMatchObject({ status: 500 });
  });

  test("is 200 before the first run, until one is overdue, and after a good one", async () => {
    const { service, sandbox, health } = setUp({ retention: { overdueAfter: 2 } });
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
    const { service, sandbox, health } = setUp();
    sandbox.fail({ method: "DELETE", status: 401 });
    await service.scheduled();
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
        code: "ERR_API",
      },
    });
    await service.scheduled();
    expect((await health()).status).toBe(200);
    expect(sandbox.batch("msgbatch_old")).toBeUndefined();
  });

  test("does not believe a good run of the future", () => {
    const status = { version: 1, since: daysAgo(3) } as const;
    const goodIn = (ms: number) =>
      judge({ ...status, lastGoodAt: new Date(now + ms).toISOString() }, now, hour);
    expect(goodIn(300_000)).toEqual({ state: "waiting" });
    expect(goodIn(300_001)).toEqual({ state: "overdue" });
    expect(judge({ ...status, since: daysAgo(-3) }, now, hour)).toEqual({ state: "overdue" });
  });

  test("is 200 without a policy, and asks no store", async () => {
    const stateStore = { read: never, write: never };
    const { health } = setUp({ stateStore, retention: { policy: undefined } });
    expect(await health()).toEqual({ status: 200, body: { status: "ok" } });
  });
});

describe("checkOptions()", () => {
  const options: ServiceOptions = {
    client: { apiKey, fetch: never },
    retention: { policy },
    stateStore: { read: never, write: never },
  };

  test("takes what can be used, and asks neither the API nor the store", () => {
    expect(checkOptions(options)?.policy).toEqual(policy);
    expect(checkOptions({ ...options, retention: {}, webhookSecrets: [secret] })).toBeUndefined();
  });

  test.each<[what: string, wrong: ServiceOptions, name: string]>([
    ["a policy without rules", { retention: { policy: "{}" } }, "RETENTION_POLICY"],
    ["no requests", { retention: { policy, requests: "0" } }, "RETENTION_REQUESTS"],
    ["no store", { stateStore: undefined }, "no state store"],
    ["no token", { gatewayTokens: "[]" }, "GATEWAY_TOKENS"],
    ["a secret that is none", { webhookSecrets: ["whsec_YQ=="] }, "WEBHOOK_SECRETS"],
    ["nothing to do", { retention: {} }, "WEBHOOK_SECRETS"],
    ["no key", { client: {} }, "ANTHROPIC_API_KEY"],
  ])("refuses %s, and names it", (_, wrong, name) => {
    expect(() => checkOptions({ ...options, ...wrong })).toThrow(name);
  });
});

describe("a hold", () => {
  const path = "http://localhost/v1/messages/batches/msgbatch_held";
  const gateway = () => new Request(path, { method: "DELETE", headers: { "x-api-key": token } });

  test("is refused to a webhook with 409, before any request", async () => {
    const { service, sandbox } = setUp();
    const response = await service.fetch(webhook(deletion("msgbatch_held")));
    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({ status: 409, code: "ERR_HELD" });
    expect(sandbox.requests).toHaveLength(0);
    expect((await service.fetch(webhook(deletion("msgbatch_young")))).status).toBe(200);
  });

  test("is refused by the gateway with 403 in the API's shape, before any request", async () => {
    const { service, sandbox } = setUp({ gatewayTokens: await gatewayTokens() });
    const response = await service.fetch(gateway());
    expect(response.status).toBe(403);
    expect(response.headers.get("x-should-retry")).toBe("false");
    expect(await response.json()).toEqual({
      type: "error",
      error: { type: "permission_error", message: expect.stringContaining("held") },
      request_id: null,
    });
    expect(sandbox.requests).toHaveLength(0);
  });

  test("is told to nobody without a token or a signature", async () => {
    const { service } = setUp({ gatewayTokens: await gatewayTokens() });
    expect((await service.fetch(new Request(path, { method: "DELETE" }))).status).toBe(401);
    const unsigned = webhook(deletion("msgbatch_held"), {
      signedWith: `whsec_${btoa("x".repeat(24))}`,
    });
    expect((await service.fetch(unsigned)).status).toBe(401);
  });

  test("that cannot be read closes both roads with 500, and names RETENTION_POLICY", async () => {
    const twice = JSON.stringify(policy).replace(/}$/, ',"h\\u006flds":[]}');
    for (
      const unreadable of ["{", twice, '{"version":1,"rules":[],"holds":["msgbatch_held"]}', apiKey]
    ) {
      const { service, sandbox } = setUp({
        gatewayTokens: await gatewayTokens(),
        retention: { policy: unreadable },
      });
      for (const request of [gateway(), webhook(deletion("msgbatch_young"))]) {
        const response = await service.fetch(request);
        expect(response.status).toBe(500);
        const text = await response.text();
        expect(text).toContain("RETENTION_POLICY");
        expect(text).not.toContain(apiKey);
      }
      expect(sandbox.requests).toHaveLength(0);
    }
  });

  test("needs neither a store nor readable limits", async () => {
    const { service } = setUp({ stateStore: undefined, retention: { requests: "many" } });
    expect((await service.fetch(webhook(deletion("msgbatch_young")))).status).toBe(200);
    expect((await service.fetch(webhook(deletion("msgbatch_held")))).status).toBe(409);
  });
});

describe("environmentOf()", () => {
  test("overlooks no variable that is not a text", () => {
    const environment = environmentOf({
      RETENTION_POLICY: policy,
      RETENTION_MAX_SHARE: 0.5,
      RETENTION_REQUESTS: 100,
      GATEWAY_TOKENS: [{ name: "first" }],
      ANTHROPIC_BASE_URL: "",
      flag: false,
      nothing: null,
    });
    const names = ["RETENTION_REQUESTS", "ANTHROPIC_BASE_URL", "flag", "nothing", "toString"];
    expect(names.map(environment)).toEqual(["100", "", "false", undefined, undefined]);
    const { retention, gatewayTokens } = serviceOptionsFrom(environment);
    expect(retention).toMatchObject({
      policy: JSON.stringify(policy),
      maxShare: "0.5",
      requests: "100",
    });
    expect(gatewayTokens).toBe('[{"name":"first"}]');
  });
});

describe("the state of the runs", () => {
  test("holds no key that a server echoes", async () => {
    const { client } = stub([refusal(400, apiKey)]);
    const stateStore = createMemoryStateStore();
    const { service, health } = setUp({ client, stateStore });
    await service.scheduled();
    expect((await health()).status).toBe(503);
    expect((await stateStore.read("retention"))?.value).not.toContain(apiKey);
  });
});

describe("createMemoryStateStore()", () => {
  test("writes only over what was read", async () => {
    const store = createMemoryStateStore();
    expect(await store.read("a")).toBeUndefined();
    expect(await store.write("a", "1", 1)).toBe(false);
    expect(await store.write("a", "1", undefined)).toBe(true);
    expect(await store.write("a", "2", undefined)).toBe(false);
    expect(await store.read("a")).toEqual({ value: "1", version: 1 });
    expect(await Promise.all([store.write("a", "2", 1), store.write("a", "3", 1)]))
      .toEqual([true, false]);
    expect(await store.read("a")).toEqual({ value: "2", version: 2 });
    expect(await store.read("b")).toBeUndefined();
  });
});

function never(): never {
  throw new Error("Nobody was to ask");
}
