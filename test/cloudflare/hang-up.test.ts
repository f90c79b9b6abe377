import { request as httpRequest } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { AuditEntry } from "../../src/audit/mod.ts";
import { serve, type Server } from "../../src/adapters/serve.ts";
import { createSandbox, type Fault } from "../../src/sandbox/mod.ts";
import { migrations } from "../../src/storage/mod.ts";
import { gatewayTokens, token } from "../fixtures/gateway.ts";
import { apiKey } from "../fixtures/stub.ts";
import { deletion, secret, webhook } from "../fixtures/webhook.ts";

/** How long the runtime has to cancel what hangs on a connection that is gone, in milliseconds. */
const noticeTime = 300;

const sandbox = createSandbox({ apiKeys: [apiKey] });
let server: Server;
let worker: Miniflare;
let origin: string;
/** Holds whatever comes to a point, such as `POST /write/intent` or `DELETE`, until it is let go. */
let hold: { readonly point: string; readonly reached: () => void; readonly go: Promise<void> };

async function answer(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const isWrite = pathname.startsWith("/write/");
  const response = isWrite ? new Response() : await sandbox.fetch(request);
  if (hold.point === (isWrite ? pathname.slice(1) : request.method)) {
    hold.reached();
    await hold.go;
  }
  return response;
}

beforeAll(async () => {
  server = await serve(answer);
  // Not the harness of wrangler: its own server hides from the Worker that a connection is reset.
  const { outputFiles: [file] } = await build({
    entryPoints: ["test/fixtures/held-worker.ts"],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2023",
    external: ["cloudflare:workers"],
  });
  const variables = {
    ANTHROPIC_BASE_URL: server.url,
    TEST_URL: server.url,
    ANTHROPIC_API_KEY: apiKey,
    WEBHOOK_SECRETS: secret,
    GATEWAY_TOKENS: await gatewayTokens(),
  };
  const texts = Object.entries(variables).map(([name, value]) => [name, { type: "json", value }]);
  worker = new Miniflare({
    workers: [{
      config: {
        name: "held",
        compatibilityDate: "2026-11-01",
        compatibilityFlags: ["no_nodejs_compat", "no_nodejs_compat_v2"],
        manifest: {
          mainModule: "worker.js",
          modules: { "worker.js": { type: "esm", contents: file?.text ?? "" } },
        },
        env: { ...Object.fromEntries(texts), DB: { type: "d1", name: "DB", id: "held" } },
      },
    }],
  });
  origin = (await worker.ready).origin;
  const database = await worker.getD1Database("DB");
  const statements = migrations.flatMap(({ sql }) => sql.split(/;\n/));
  for (const sql of statements) if (sql.trim() !== "") await database.prepare(sql).run();
});
afterAll(async () => {
  await worker.dispose();
  await server.close();
});

/** Sends a request, and resets its connection when the Worker has come to a point. */
async function hangUp({ url, method, headers, body }: Sent, point: string): Promise<void> {
  let release = () => {};
  const go = new Promise<void>((resolve) => release = resolve);
  const reached = new Promise<void>((resolve) => hold = { point, reached: resolve, go });
  const request = httpRequest(url, { method, headers, agent: false });
  request.on("error", () => {}).end(body);
  await reached;
  request.socket?.resetAndDestroy();
  await sleep(noticeTime);
  release();
}

interface Sent {
  readonly url: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
}

const roads: Readonly<Record<string, (id: string) => Promise<Sent>>> = {
  gateway: (id) =>
    Promise.resolve({
      url: `${origin}/v1/messages/batches/${id}`,
      method: "DELETE",
      headers: { "x-api-key": token },
    }),
  webhook: async (id) => {
    const request = webhook(deletion(id));
    const headers = Object.fromEntries(request.headers);
    return { url: `${origin}/webhook`, method: "POST", headers, body: await request.text() };
  },
};

const trail = async (id: string): Promise<readonly AuditEntry[]> => {
  const sql = "SELECT entry FROM audit_entries WHERE object_id = ? ORDER BY seq";
  const database = await worker.getD1Database("DB");
  const { results } = await database.prepare(sql).bind(id).all();
  return results.map(({ entry }: { readonly entry: string }) => JSON.parse(entry));
};

/** When the caller hangs up: where the Worker is then, and what the API did before. */
const moments: readonly [name: string, point: string, fault?: Fault][] = [
  ["the intent is written", "write/intent"],
  ["the Worker looks at the batch", "GET"],
  ["the API deletes", "DELETE"],
  ["the Worker waits before it repeats the deletion", "DELETE", { method: "DELETE", status: 503 }],
  ["the outcome is written", "write/outcome"],
];

describe.each(Object.keys(roads))("a caller of the %s that resets its connection", (road) => {
  test.each(moments)("while %s cancels nothing", async (_, point, fault) => {
    const { id } = sandbox.seed({ processing_status: "ended" });
    if (fault) sandbox.fail(fault);
    await hangUp(await roads[road]?.(id) ?? expect.unreachable(), point);
    await vi.waitFor(async () => {
      expect((await trail(id)).map(({ phase, outcome }) => outcome ?? phase))
        .toEqual(["intent", "deleted"]);
    }, { timeout: 4_000, interval: 100 });
    expect(sandbox.batch(id)).toBeUndefined();
  });
});
