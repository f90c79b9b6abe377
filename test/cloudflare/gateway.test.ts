import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestHarness } from "wrangler";
import { serve, type Server } from "../../src/adapters/serve.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { gatewayTokens, token } from "../fixtures/gateway.ts";
import { apiKey } from "../fixtures/stub.ts";

const sandbox = createSandbox({ apiKeys: [apiKey] });
let upstream: Server;
let worker: ReturnType<typeof createTestHarness>;
let url: string;

beforeAll(async () => {
  upstream = await serve(sandbox.fetch);
  worker = createTestHarness({
    workers: [{
      configPath: "wrangler.toml",
      vars: { ANTHROPIC_BASE_URL: upstream.url },
      secrets: { ANTHROPIC_API_KEY: apiKey, GATEWAY_TOKENS: await gatewayTokens() },
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
