import { execFile } from "node:child_process";
import { promisify } from "node:util";
import Anthropic from "@anthropic-ai/sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestHarness } from "wrangler";
import { serve, type Server } from "../../src/adapters/serve.ts";
import { verifyAuditTrail } from "../../src/audit/mod.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { gatewayTokens, hash, token } from "../fixtures/gateway.ts";
import { apiKey } from "../fixtures/stub.ts";

const sandbox = createSandbox({ apiKeys: [apiKey] });
const auditToken = "auditor-token-of-the-tests";
const teamToken = "team-token-of-the-tests";
let upstream: Server;
let worker: ReturnType<typeof createTestHarness>;
let url: string;

beforeAll(async () => {
  upstream = await serve(sandbox.fetch);
  const auditor = { name: "auditor", sha256: await hash(auditToken), allow: ["audit:read"] };
  const team = {
    ...{ name: "team", sha256: await hash(teamToken), maxDeletesPerDay: 2 },
    allow: ["batches:read", "batches:cancel", "batches:results", "batches:delete"],
  };
  const tokens = [...JSON.parse(await gatewayTokens()), auditor, team];
  worker = createTestHarness({
    workers: [{
      configPath: "wrangler.toml",
      vars: { ANTHROPIC_BASE_URL: upstream.url },
      secrets: { ANTHROPIC_API_KEY: apiKey, GATEWAY_TOKENS: JSON.stringify(tokens) },
    }],
  });
  url = (await worker.listen()).url.origin;
  await worker.getWorker().applyD1Migrations("DB");
});
afterAll(async () => {
  await worker.close();
  await upstream.close();
});

const runtimes: Readonly<Record<string, readonly [string, ...string[]]>> = {
  Node: ["node"],
  Deno: ["deno", "run", "--allow-all"],
  Bun: ["bun"],
};

describe("the official SDKs of both generations, stable and beta, delete through the Worker", () => {
  for (const [runtime, [command, ...options]] of Object.entries(runtimes)) {
    test(`from ${runtime}`, async () => {
      const ids = [1, 2, 3, 4].map(() => sandbox.seed({ processing_status: "ended" }).id);
      sandbox.clearRequests();
      const args = [...options, "test/fixtures/delete-by-sdk.ts", url, token, ...ids];
      const { stdout } = await promisify(execFile)(command, args);
      expect(JSON.parse(stdout)).toEqual({
        receipts: ids.map((id) => ({ id, type: "message_batch_deleted" })),
        again: true,
      });
      const seen = sandbox.requests.filter(({ method }) => method === "DELETE")
        .map(({ method, path, betas }) => [method, path, betas.length]);
      expect(seen).toEqual([...ids, ids[0]].map((id, index) => [
        "DELETE",
        `/v1/messages/batches/${id}`,
        index === 1 || index === 3 ? 1 : 0,
      ]));
    });
  }

  test("and the Worker has written neither key nor token", () => {
    const log = JSON.stringify(worker.getLogs());
    for (const hidden of [apiKey, token]) expect(log).not.toContain(hidden);
  });

  test("and paths that only decode to the route are refused", async () => {
    sandbox.clearRequests();
    for (
      const [path, status] of [
        ["/v1/messages/batches/a%2fb", 400],
        ["/v1/messages/batches/", 400],
        ["/v1/x/../files/f", 403],
      ] as const
    ) {
      const response = await fetch(url + path, {
        method: "DELETE",
        headers: { "x-api-key": token },
      });
      expect(response.status).toBe(status);
      expect(response.headers.get("x-should-retry")).toBe("false");
    }
    expect(sandbox.requests).toHaveLength(0);
  });
});

test("the Worker gives its audit trail as the same bytes each time", async () => {
  const ids = [1, 2].map(() => sandbox.seed({ processing_status: "ended" }).id);
  for (const id of ids) {
    const headers = { "x-api-key": token };
    await fetch(`${url}/v1/messages/batches/${id}`, { method: "DELETE", headers });
  }
  const get = (query = "") =>
    fetch(`${url}/audit${query}`, { headers: { "x-api-key": auditToken } });
  const { DB } = await worker.getWorker<{ DB: D1 }>().getEnv();
  const { results } = await DB.prepare("SELECT entry FROM audit_entries ORDER BY seq").all();
  const text = await (await get()).text();
  expect(text).toBe(results.map(({ entry }) => `${entry}\n`).join(""));
  expect(await (await get()).text()).toBe(text);
  expect(await verifyAuditTrail((await get(`?id=${ids[1]}`)).body ?? []))
    .toMatchObject({ entries: 2, unreadable: 0, openIntents: [] });
});

test("a token for more lists, retrieves, cancels and reads results, and deletes so many a day", async () => {
  const { messages: { batches } } = new Anthropic({ baseURL: url, apiKey: teamToken });
  const all = [1, 2, 3, 4].map(() => sandbox.seed({ requests: 20_000 }).id).toReversed();
  const listed: string[] = [];
  for await (const { id } of batches.list({ limit: 2 })) listed.push(id);
  expect(listed.slice(0, 4)).toEqual(all);
  expect((await batches.retrieve(all[0] ?? "")).results_url)
    .toBe(`${url}/v1/messages/batches/${all[0]}/results`);
  let results = 0;
  for await (const { result } of await batches.results(all[0] ?? "")) results += Number(!!result);
  expect(results).toBe(20_000);
  const { id } = sandbox.seed({ processing_status: "in_progress" });
  expect((await batches.cancel(id)).processing_status).toBe("canceling");
  const deleted = await Promise.allSettled(all.map((id) => batches.delete(id)));
  expect(deleted.map((one) => one.status === "rejected" && one.reason.status).toSorted())
    .toEqual([429, 429, false, false]);
});

interface D1 {
  prepare(sql: string): { all(): Promise<{ results: readonly { readonly entry: string }[] }> };
}
