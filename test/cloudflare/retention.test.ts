import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createTestHarness } from "wrangler";
import { startWorker } from "../../scripts/wrangler-dev.ts";
import { serve, type Server } from "../../src/adapters/serve.ts";
import { createSandbox, type Sandbox } from "../../src/sandbox/mod.ts";
import { gatewayTokens, token } from "../fixtures/gateway.ts";
import { deletionsSeen, retentionPolicy, seedForRetention } from "../fixtures/retention.ts";
import { apiKey } from "../fixtures/stub.ts";
import { deletion, secret, webhook } from "../fixtures/webhook.ts";

interface Worker {
  readonly sandbox: Sandbox;
  cron(outcome?: "ok" | "exception"): Promise<void>;
  health(): Promise<{ readonly status: number; readonly body: Record<string, never> }>;
  send(request: Request): Promise<Response>;
  query(sql: string): Promise<readonly Record<string, unknown>[]>;
}

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** The Worker in workerd, with a D1 database of its own, before a sandbox on a real socket. */
async function start(
  variables: Readonly<Record<string, string>> = {},
  configPath = "wrangler.toml",
  vars: Readonly<Record<string, unknown>> = {},
  { migrated = true } = {},
): Promise<Worker> {
  const sandbox = createSandbox({ apiKeys: [apiKey] });
  const upstream: Server = await serve(sandbox.fetch);
  closing.push(() => upstream.close());
  const harness = createTestHarness({
    workers: [{
      configPath,
      vars: { ANTHROPIC_BASE_URL: upstream.url, ...vars },
      secrets: {
        ANTHROPIC_API_KEY: apiKey,
        WEBHOOK_SECRETS: secret,
        GATEWAY_TOKENS: await gatewayTokens(),
        ...("RETENTION_POLICY" in vars ? {} : { RETENTION_POLICY: retentionPolicy }),
        ...variables,
      },
    }],
  });
  closing.push(() => harness.close());
  const origin = (await harness.listen()).url.origin;
  const worker = harness.getWorker<{ DB: Database }>();
  if (migrated) await worker.applyD1Migrations("DB");
  return {
    sandbox,
    cron: async (outcome = "ok") => {
      expect(await worker.scheduled({ cron: "17 * * * *" })).toMatchObject({ outcome });
    },
    health: async () => {
      const response = await fetch(`${origin}/healthz`);
      return { status: response.status, body: await response.json() };
    },
    send: (request) => fetch(new Request(origin + new URL(request.url).pathname, request)),
    query: async (sql) => (await (await worker.getEnv()).DB.prepare(sql).all()).results,
  };
}

interface Database {
  prepare(sql: string): { all(): Promise<{ results: readonly Record<string, unknown>[] }> };
}

describe("the Worker's cron", () => {
  test("deletes what the policy says and nothing else, twice in a row and twice at once", async () => {
    const { sandbox, cron, health, query } = await start();
    const first = seedForRetention(sandbox, 5);
    await cron();
    expect(deletionsSeen(sandbox)).toEqual(first.toGo.toSorted());
    await cron();
    expect(deletionsSeen(sandbox)).toEqual(first.toGo.toSorted());

    sandbox.clearRequests();
    const second = seedForRetention(sandbox, 8);
    await Promise.all([cron(), cron()]);
    // Runs at once may ask for a deletion that another has made: a 404, and nothing else.
    expect([...new Set(deletionsSeen(sandbox))]).toEqual(second.toGo.toSorted());
    for (const id of second.toStay) expect(sandbox.batch(id)).toBeDefined();
    expect(await health()).toMatchObject({
      status: 200,
      body: { retention: { state: "good", hasMore: false } },
    });

    const entries = (await query("SELECT entry FROM audit_entries ORDER BY seq"))
      .map(({ entry }) => JSON.parse(String(entry)));
    const deleted = entries.filter(({ outcome }) => outcome === "deleted");
    expect(deleted.map(({ objectId }) => objectId).toSorted())
      .toEqual([...first.toGo, ...second.toGo].toSorted());
    expect(await query("SELECT * FROM open_intents")).toEqual([]);
    expect(deleted[0]).toMatchObject({
      version: 1,
      phase: "outcome",
      outcome: "deleted",
      evidence: "receipt",
      actor: "retention",
      objectId: first.toGo.at(-1),
    });
    const stored = JSON.stringify([await query("SELECT * FROM runs"), entries]);
    for (const hidden of [apiKey, secret, token]) expect(stored).not.toContain(hidden);
  });

  test("goes on in the next run where its budget did not suffice", async () => {
    const { sandbox, cron, health } = await start({ RETENTION_REQUESTS: "4" });
    const { toGo, toStay } = seedForRetention(sandbox, 8);
    const runs: number[] = [];
    do {
      sandbox.clearRequests();
      await cron();
      expect(sandbox.requests.length).toBeLessThanOrEqual(4);
      runs.push(deletionsSeen(sandbox).length);
    } while ((await health()).body["retention"]?.["hasMore"] && runs.length < 9);
    expect(runs).toEqual([3, 3, 2]); // the list costs one, too
    for (const id of toGo) expect(sandbox.batch(id)).toBeUndefined();
    for (const id of toStay) expect(sandbox.batch(id)).toBeDefined();
  });

  test("deletes nothing if its budget does not suffice for the list", async () => {
    const { sandbox, cron, health } = await start({ RETENTION_REQUESTS: "4" });
    const created_at = new Date(Date.now() - 86_400_000).toISOString();
    for (let count = 0; count < 4_000; count += 1) sandbox.seed({ created_at });
    seedForRetention(sandbox, 1);
    await cron("exception");
    expect(deletionsSeen(sandbox)).toEqual([]);
    expect(sandbox.requests).toHaveLength(4);
    expect(await health()).toMatchObject({
      status: 503,
      body: { retention: { state: "failed", code: "ERR_BUDGET", hasMore: true } },
    });
  });

  test("that fails makes /healthz 503, and one that does not 200 again", async () => {
    const { sandbox, cron, health } = await start();
    seedForRetention(sandbox, 2);
    expect(await health()).toMatchObject({
      status: 200,
      body: { retention: { state: "waiting" } },
    });
    sandbox.fail({ status: 401 });
    await cron("exception");
    expect(await health()).toMatchObject({
      status: 503,
      body: { retention: { state: "failed", code: "ERR_API" } },
    });
    await cron();
    expect(await health()).toMatchObject({ status: 200, body: { retention: { state: "good" } } });
    expect(sandbox.size).toBe(4);
  });

  test("refuses a plan that deletes too much", async () => {
    const { sandbox, cron, health } = await start({ RETENTION_MAX_SHARE: "50%" });
    seedForRetention(sandbox, 5);
    await cron("exception");
    expect(deletionsSeen(sandbox)).toEqual([]);
    expect(await health()).toMatchObject({
      status: 503,
      body: { retention: { code: "ERR_PURGE_REFUSED" } },
    });
  });

  test("makes /healthz 503 by its absence", async () => {
    const { cron, health, query } = await start({ RETENTION_OVERDUE_AFTER: "PT2H" });
    await cron();
    const age = (hours: number) =>
      query(`UPDATE runs SET run = json_set(run, '$.endedAt',
        strftime('%Y-%m-%dT%H:%M:%SZ', json_extract(run, '$.endedAt'), '-${hours} hours'))`);
    await age(3); // at once: the answer of /healthz is remembered for some seconds
    expect(await health()).toMatchObject({
      status: 503,
      body: { retention: { state: "overdue" } },
    });
  });
});

describe("the Worker", () => {
  const gateway = (id: string) =>
    new Request(`http://localhost/v1/messages/batches/${id}`, {
      method: "DELETE",
      headers: { "x-api-key": token },
    });

  test("refuses to delete what is held, and records what it deletes", async () => {
    const { sandbox, send, query } = await start();
    const { toGo: [one = "", other = ""] } = seedForRetention(sandbox, 2);
    expect((await send(webhook(deletion("msgbatch_held")))).status).toBe(409);
    expect((await send(gateway("msgbatch_held"))).status).toBe(403);
    expect(sandbox.requests).toHaveLength(0);
    expect((await send(webhook(deletion(one)))).status).toBe(200);
    expect((await send(gateway(other))).status).toBe(200);
    const actors = (await query("SELECT entry FROM audit_entries ORDER BY seq"))
      .map(({ entry }) => JSON.parse(String(entry)).actor);
    expect(actors).toEqual([undefined, undefined, "first", "first"]);
  });

  test("deletes nothing while its policy cannot be read", async () => {
    const { sandbox, send, cron, health } = await start({ RETENTION_POLICY: '{"version":1}' });
    const { toGo: [one = ""] } = seedForRetention(sandbox, 1);
    await cron("exception");
    for (const response of [await send(webhook(deletion(one))), await send(gateway(one))]) {
      expect(response.status).toBe(500);
      expect(await response.text()).toContain("RETENTION_POLICY");
    }
    expect(await health()).toMatchObject({
      status: 503,
      body: { detail: expect.stringContaining("RETENTION_POLICY") },
    });
    expect(sandbox.requests).toHaveLength(0);
  });

  test("heeds a policy and limits that are no texts", async () => {
    const { sandbox, send, cron, health } = await start({}, "wrangler.toml", {
      RETENTION_POLICY: JSON.parse(retentionPolicy),
      RETENTION_REQUESTS: 2,
    });
    seedForRetention(sandbox, 3);
    expect((await send(webhook(deletion("msgbatch_held")))).status).toBe(409);
    await cron();
    expect(deletionsSeen(sandbox)).toEqual(["msgbatch_old_3"]);
    expect(await health()).toMatchObject({ body: { retention: { state: "good", hasMore: true } } });
  });

  test("says so where a limit cannot be used, whatever it is", async () => {
    const { sandbox, cron, health } = await start({}, "wrangler.toml", { RETENTION_MAX_SHARE: 50 });
    seedForRetention(sandbox, 1);
    await cron("exception");
    expect(sandbox.requests).toHaveLength(0);
    expect(await health()).toMatchObject({
      status: 503,
      body: { detail: expect.stringContaining("RETENTION_MAX_SHARE") },
    });
  });

  test("heeds a hold of a row at once", async () => {
    const { sandbox, send, cron, query } = await start();
    const { toGo: [one = "", other = ""] } = seedForRetention(sandbox, 2);
    await query(`INSERT INTO holds (id) VALUES ('${one}')`);
    expect((await send(webhook(deletion(one)))).status).toBe(409);
    expect((await send(gateway(one))).status).toBe(403);
    await cron();
    expect(deletionsSeen(sandbox)).toEqual([other]);
  });

  test.each(["audit_entries", "open_intents", "holds"])(
    "deletes nothing without %s",
    async (name) => {
      const { sandbox, send, cron, health, query } = await start();
      const { toGo: [one = ""] } = seedForRetention(sandbox, 2);
      await query(`DROP TABLE ${name}`);
      await cron("exception");
      expect((await send(webhook(deletion(one)))).status).toBe(503);
      expect((await send(gateway(one))).status).toBe(503);
      expect(await health()).toMatchObject({ status: 503, body: { status: 503 } });
      expect(sandbox.requests.filter(({ method }) => method === "DELETE")).toHaveLength(0);
      expect(await query(`SELECT 1 FROM sqlite_master WHERE name = '${name}'`)).toEqual([]);
    },
  );
});

describe("the Worker without its database", () => {
  let folder: string;
  let configPath: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "batchsweep-"));
    configPath = join(folder, "wrangler.toml");
    const config = await readFile("wrangler.toml", "utf8");
    const without = config.replace(/\[\[d1_databases\]\]\n(\w+ = .*\n)+/, "")
      .replace(/^main = "(.*)"/m, (_, main: string) => `main = ${JSON.stringify(resolve(main))}`);
    expect(without).not.toContain("d1_");
    await writeFile(configPath, without);
  });
  afterAll(() => rm(folder, { recursive: true }));

  const unbound = (variables = {}) => start(variables, configPath, {}, { migrated: false });

  test("deletes nothing, and says what is missing", async () => {
    const { sandbox, cron, health, send } = await unbound();
    const { toGo: [one = ""] } = seedForRetention(sandbox, 2);
    await cron("exception");
    const response = await send(webhook(deletion(one)));
    expect(response.status).toBe(503);
    expect(await response.text()).toContain("DB is not bound");
    expect(sandbox.requests).toHaveLength(0);
    expect(await health()).toMatchObject({
      status: 503,
      body: { detail: expect.stringContaining("DB is not bound") },
    });
  });

  test("deletes with AUDIT=off, but nothing that is held", async () => {
    const { sandbox, cron, health, send } = await unbound({ AUDIT: "off" });
    const { toGo: [one = "", other = ""] } = seedForRetention(sandbox, 2);
    expect((await send(webhook(deletion(one)))).status).toBe(200);
    expect((await send(webhook(deletion("msgbatch_held")))).status).toBe(409);
    await cron();
    expect(deletionsSeen(sandbox)).toEqual([one, other].toSorted());
    expect((await health()).status).toBe(200);
  });
});

// Starting the Worker may take a minute before it is given up.
describe("wrangler dev", { timeout: 120_000 }, () => {
  test("runs the cron: deletes what the policy says, twice in a row and twice at once", async () => {
    const sandbox = createSandbox({ apiKeys: [apiKey] });
    const upstream = await serve(sandbox.fetch);
    closing.push(() => upstream.close());
    const worker = await startWorker({
      ANTHROPIC_API_KEY: apiKey,
      ANTHROPIC_BASE_URL: upstream.url,
      WEBHOOK_SECRETS: secret,
      RETENTION_POLICY: retentionPolicy,
    });
    closing.push(() => worker.stop());
    const cron = async () => {
      const path = "/cdn-cgi/local/scheduled?cron=17+*+*+*+*";
      expect((await fetch(worker.url + path)).status).toBe(200);
    };
    const first = seedForRetention(sandbox, 4);
    await cron();
    await cron();
    expect(deletionsSeen(sandbox)).toEqual(first.toGo.toSorted());
    sandbox.clearRequests();
    const second = seedForRetention(sandbox, 7);
    await Promise.all([cron(), cron(), cron()]);
    // Runs at once may ask for a deletion that another has made: a 404, and nothing else.
    expect([...new Set(deletionsSeen(sandbox))]).toEqual(second.toGo.toSorted());
    for (const id of second.toStay) expect(sandbox.batch(id)).toBeDefined();
    expect((await fetch(`${worker.url}/healthz`)).status).toBe(200);
  });
});
