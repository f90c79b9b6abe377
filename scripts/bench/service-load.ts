/**
 * Loads the service process: `node --import ./scripts/npm-specifiers.ts scripts/bench/service-load.ts
 * node|deno|bun`. It makes 2,000 mixed requests, 50 at once, before an API that loses answers and is
 * overloaded, with three restarts, and holds what was answered and recorded against the API.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Webhook } from "../../src/service/deps.ts";
import { serve } from "../../src/adapters/serve.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";

const [runtime = "node"] = process.argv.slice(2);
const concurrency = 50;
const requestCount = 2_000;
const token = "token-of-the-load";
const secret = `whsec_${btoa("a-secret-of-24-bytes-aaa")}`;
const commands: Readonly<Record<string, readonly string[]>> = {
  node: ["node", "--import", "./scripts/npm-specifiers.ts"],
  deno: ["deno", "run", "-A"],
  bun: ["bun", "--no-env-file"],
};

/** Mulberry32. */
function createRandom(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

async function startService(isLater = false) {
  const [command = "", ...flags] = commands[runtime] ?? [];
  const option = runtime === "node" ? "--import" : "--preload";
  if (isLater) flags.push(option, "./test/fixtures/twenty-minutes-later.ts");
  const sha256 = createHash("sha256").update(token).digest("hex");
  const child = spawn(command, [...flags, `src/adapters/${runtime}-service.ts`], {
    env: {
      PATH: process.env["PATH"],
      HOME: process.env["HOME"],
      ANTHROPIC_API_KEY: "sk-ant-api03-load",
      ANTHROPIC_BASE_URL: api.url,
      WEBHOOK_SECRETS: secret,
      GATEWAY_TOKENS: JSON.stringify([{ name: "load", sha256 }]),
      DATABASE: join(folder, "service.sqlite"),
      PORT: String(port),
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = once(child, "exit");
  await new Promise<void>((done) => {
    child.stdout.on("data", (text) => String(text).includes("Listening") && done());
  });
  return {
    async stop(signal: "SIGTERM" | "SIGKILL"): Promise<unknown> {
      child.kill(signal);
      const [code, by] = await exit;
      return code ?? by;
    },
    /** The most memory it had, in MB. */
    memory() {
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024);
    },
  };
}

/** Works on tasks, so many at once. */
async function work(tasks: Iterable<() => Promise<void>>): Promise<void> {
  const left = tasks[Symbol.iterator]();
  await Promise.all(Array.from({ length: concurrency }, async () => {
    for (let next = left.next(); !next.done; next = left.next()) await next.value();
  }));
}

const gatewayCall = (url: string, id: string, repeated: number) =>
  new Request(`${url}/v1/messages/batches/${id}`, {
    method: "DELETE",
    headers: { "x-api-key": token, "x-stainless-retry-count": String(repeated) },
  });

function webhookCall(url: string, id: string): Request {
  const body = JSON.stringify({ type: "message_batch.delete", data: { id } });
  const now = new Date();
  return new Request(`${url}/webhook`, {
    method: "POST",
    body,
    headers: {
      "content-type": "application/json",
      "webhook-id": `msg_${id}`,
      "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
      "webhook-signature": new Webhook(secret).sign(`msg_${id}`, now, body),
    },
  });
}

function quantiles(durations: readonly number[]): string {
  const sorted = durations.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? NaN);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
}

const random = createRandom(14);
const sandbox = createSandbox({ random, requestLogSize: 1 });
/** The batches that the API deleted, and how often it said so. */
const receipts = new Map<string, number>();
let [seen, burst, lost, overloaded, limited] = [0, 0, 0, 0, 0];
const api = await serve(async (request) => {
  seen += 1;
  if (seen % 300 === 0) burst = 12;
  if (burst > 0) {
    burst -= 1;
    limited += 1;
    const error = { type: "rate_limit_error", message: "Too many" };
    const headers = { "retry-after": "1", "request-id": `req_${seen}` };
    return Response.json({ type: "error", error }, { status: 429, headers });
  }
  const chance = random();
  if (chance < 0.05) {
    overloaded += 1;
    const error = { type: "overloaded_error", message: "Overloaded" };
    const headers = { "request-id": `req_${seen}` };
    return Response.json({ type: "error", error }, { status: 529, headers });
  }
  const response = await sandbox.fetch(request);
  if (request.method === "DELETE" && response.status === 200) {
    const id = request.url.split("/").at(-1) ?? "";
    receipts.set(id, (receipts.get(id) ?? 0) + 1);
  }
  if (chance > 0.95) {
    lost += 1;
    throw new Error("The answer is lost");
  }
  return response;
});
const folder = mkdtempSync(join(tmpdir(), "batchsweep-"));
const { url, port, close } = await serve(() => Promise.reject(new Error("It is only a free port")));
await close();
let service = await startService();
const ids = Array.from(
  { length: 1_200 },
  () => sandbox.seed({ ended_at: "2026-01-01T00:00:00Z", created_at: "2026-01-01T00:00:00Z" }).id,
);
const wrong: string[] = [];
const statuses = new Map<number, number>();
const durations: number[] = [];
const asked = new Set<string>();
/** The batches whose deletion an answer confirmed, and those whose outcome it called unknown. */
const [confirmed, doubted] = [new Set<string>(), new Set<string>()];

/** Calls until there is an answer that is final, as SDKs and senders of webhooks do. */
const call = (id: string, isWebhook: boolean) => async (): Promise<void> => {
  const isFirst = !asked.has(id);
  asked.add(id);
  for (let tried = 0; tried < 60; tried += 1) {
    const begun = performance.now();
    const request = isWebhook ? webhookCall(url, id) : gatewayCall(url, id, tried);
    const response = await fetch(request).catch(() => undefined);
    if (response === undefined) {
      await pause(100); // it restarts
      continue;
    }
    durations.push(performance.now() - begun);
    const { status } = response;
    await response.text();
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (status === 200 && sandbox.batch(id)) wrong.push(`200 for ${id}, which is there`);
    if (status === 404 && (sandbox.batch(id) || isFirst)) wrong.push(`404 for ${id}`);
    const isFinal = status === 200 || status === 404 ||
      (!isWebhook && response.headers.get("x-should-retry") === "false" && status !== 503);
    if (status === 200) confirmed.add(id);
    else if (isFinal && status !== 404) doubted.add(id);
    if (isFinal) return;
    await pause(200);
  }
  wrong.push(`no answer for ${id}`);
};

const tasks = Array.from({ length: requestCount }, (_, index) => {
  const id = (index < ids.length ? ids[index] : ids[Math.floor(random() * ids.length)]) ?? "";
  return call(id, random() < 0.5);
});
let begun = 0;
let restarting: Promise<void> = Promise.resolve();
const ends: unknown[] = [];
const memory: number[] = [];
const restart = async (signal: "SIGTERM" | "SIGKILL") => {
  memory.push(service.memory());
  ends.push(await service.stop(signal));
  service = await startService();
};
const signals: Readonly<Record<number, "SIGTERM" | "SIGKILL">> = {
  500: "SIGTERM",
  1_000: "SIGKILL",
  1_500: "SIGTERM",
};
await work(tasks.map((task) => async () => {
  const signal = signals[begun += 1];
  if (signal) restarting = restart(signal);
  await task();
}));
await restarting;
memory.push(service.memory());
ends.push(await service.stop("SIGTERM"));
// Twenty minutes later, the next start settles what the killed process left.
sandbox.advance(1_200_000);
const database = new DatabaseSync(join(folder, "service.sqlite"), { timeout: 3_000 });
const count = (sql: string) => Number(Object.values(database.prepare(sql).get() ?? {})[0]);
const open = count("SELECT count(*) FROM open_intents");
service = await startService(true);
for (let waits = 0; waits < 1_800 && count("SELECT count(*) FROM open_intents") > 0; waits += 1) {
  await pause(100);
}
ends.push(await service.stop("SIGTERM"));
const [deleted, unknown] = [new Set<string>(), new Set<string>()];
for (const { entry } of database.prepare("SELECT entry FROM audit_entries").iterate()) {
  const { objectId, outcome, error } = JSON.parse(String(entry));
  if (outcome === "deleted") deleted.add(objectId);
  if (error?.outcomeKnown === false) unknown.add(objectId);
}
for (const [id, times] of receipts) {
  if (times > 1) wrong.push(`${id} was deleted ${times} times`);
  if (deleted.has(id)) continue;
  // The answer was lost, the repetitions were refused, and the caller did not ask again.
  const isRight = unknown.has(id) && doubted.has(id) && !confirmed.has(id);
  if (!isRight) wrong.push(`the trail does not say that ${id} was deleted`);
}
for (const id of deleted) if (!receipts.has(id)) wrong.push(`${id} was not deleted`);
const stillOpen = count("SELECT count(*) FROM open_intents");
if (stillOpen > 0) wrong.push(`${stillOpen} intents are open`);
database.close();
await api.close();
rmSync(folder, { recursive: true });
console.log(
  `${runtime}: ${requestCount} tasks, ${durations.length} answers, ${quantiles(durations)}`,
);
console.log(
  `  statuses ${JSON.stringify(Object.fromEntries(statuses))}, exits ${ends.join(", ")}`,
);
console.log(`  API: ${seen} requests, ${lost} lost, ${overloaded} × 529, ${limited} × 429`);
console.log(
  `  deleted ${receipts.size} of ${ids.length}, in the trail ${deleted.size}, open before the last start ${open}, after it ${stillOpen}, memory ${
    Math.max(...memory)
  } MB`,
);
console.log(
  wrong.length === 0 ? "  all true" : `  WRONG ${wrong.length}: ${wrong.slice(0, 10).join("; ")}`,
);
process.exitCode = wrong.length === 0 ? 0 : 1;
