import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, expect, test } from "vitest";
import { serve } from "../../src/adapters/serve.ts";
import { openSqlite } from "../../src/adapters/sqlite.ts";
import { createSandbox, type Sandbox } from "../../src/sandbox/mod.ts";
import { createStorage } from "../../src/storage/mod.ts";
import { collect } from "../fixtures/audit-entries.ts";
import { deletionsSeen, retentionPolicy, seedForRetention } from "../fixtures/retention.ts";
import { apiKey } from "../fixtures/stub.ts";
import { deletion, secret, webhook } from "../fixtures/webhook.ts";
import { serviceCommand, type ServiceRuntime, serviceRuntimes } from "./service-command.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Process {
  readonly child: ChildProcess;
  /** Waits until the process has printed something, and gives what was found. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  readonly ended: Promise<string>;
}

/** Starts a service as the first line of its file does. */
async function start(
  runtime: ServiceRuntime,
  environment: Readonly<Record<string, string>>,
  permissions: readonly string[] = [],
): Promise<Process> {
  const [command, ...args] = await serviceCommand(runtime, { deno: permissions });
  const child = spawn(command, args, {
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], NO_COLOR: "1", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk) => {
      output += chunk;
      listeners.forEach((listener) => listener());
    });
  }
  const ended = new Promise<string>((resolve) => child.on("close", () => resolve(output)));
  closing.push(() => {
    child.kill("SIGKILL");
    return ended;
  });
  return {
    child,
    ended,
    printed: (pattern) =>
      Promise.race([
        new Promise<RegExpExecArray>((resolve) => {
          const look = () => {
            const found = pattern.exec(output);
            if (found !== null) resolve(found);
          };
          listeners.add(look);
          look();
        }),
        ended.then((text) => {
          throw new Error(`The process has ended:\n${text}`);
        }),
      ]),
  };
}

async function startBefore(
  runtime: ServiceRuntime,
  environment: Readonly<Record<string, string>> = {},
  around: (request: Request, next: Sandbox["fetch"]) => Promise<Response> = (request, next) =>
    next(request),
) {
  const sandbox = createSandbox({ apiKeys: [apiKey] });
  const upstream = await serve((request) => around(request, sandbox.fetch));
  closing.push(() => upstream.close());
  const folder = await mkdtemp(join(tmpdir(), "batchsweep-"));
  closing.push(() => rm(folder, { recursive: true }));
  const path = join(folder, "service.sqlite");
  const service = await start(runtime, {
    ANTHROPIC_API_KEY: apiKey,
    ANTHROPIC_BASE_URL: upstream.url,
    WEBHOOK_SECRETS: secret,
    DATABASE: path,
    PORT: "0",
    ...environment,
  }, runtime === "Deno" ? [`--allow-read=${folder}`, `--allow-write=${folder}`] : []);
  return { ...service, sandbox, path };
}

/** Waits until something is so. */
async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!await holds()) await new Promise((resolve) => setTimeout(resolve, 50));
}

const origin = /Listening on (http:\/\/127\.0\.0\.1:\d+)/;
const everySecond = { RETENTION_POLICY: retentionPolicy, RETENTION_SCHEDULE: "* * * * * *" };

describe.each(serviceRuntimes)("the service under %s", (runtime) => {
  test("deletes on its schedule, and keeps its record", async () => {
    const { printed, sandbox, path } = await startBefore(runtime, everySecond);
    const [, url = ""] = await printed(origin);
    const health = async () => (await fetch(`${url}/healthz`)).json();
    await health();

    expect((await fetch(webhook(deletion("msgbatch_held"), { origin: url }))).status).toBe(409);
    const { toGo, toStay } = seedForRetention(sandbox, 60);
    await until(async () => sandbox.size === toStay.length && (await health()).status === "ok");
    expect(deletionsSeen(sandbox)).toEqual(toGo.toSorted());
    for (const id of toStay) expect(sandbox.batch(id)).toBeDefined();
    expect(await health()).toMatchObject({ retention: { state: "good", hasMore: false } });

    const database = openSqlite(path);
    const entries = await collect(createStorage(database).entries());
    database.close();
    expect(entries).toHaveLength(120);
    const deleted = entries.filter(({ outcome }) => outcome === "deleted");
    expect(deleted.map(({ actor }) => actor)).toEqual(toGo.map(() => "retention"));
  });

  test("begins no run while one goes on", async () => {
    let under = 0;
    let most = 0;
    let lists = 0;
    const { printed } = await startBefore(runtime, everySecond, async (request, next) => {
      lists += 1;
      under += 1;
      most = Math.max(most, under);
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      under -= 1;
      return await next(request);
    });
    await printed(origin);
    await until(() => lists >= 2);
    expect(most).toBe(1);
  });

  test("runs nothing without a policy, and answers", async () => {
    const { child, printed, ended, sandbox } = await startBefore(runtime, {
      RETENTION_POLICY: " ",
    });
    const [, url = ""] = await printed(origin);
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: "ok" });
    expect(sandbox.requests).toEqual([]);
    child.kill("SIGTERM");
    await ended;
  });

  test.each<[what: string, change: (path: string) => Promise<unknown> | void]>([
    ["its file is removed", (path) => rm(path)],
    ["its file is renamed", (path) => rename(path, `${path}.old`)],
    ["a table is dropped", (path) => {
      const database = new DatabaseSync(path);
      database.exec("DROP TABLE audit_entries");
      database.close();
    }],
  ])("deletes nothing once %s, and tells", async (_, change) => {
    const { printed, sandbox, path } = await startBefore(runtime, everySecond);
    const [, url = ""] = await printed(origin);
    await until(() => sandbox.requests.length > 0);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    await change(path);
    const { toGo: [id = ""] } = seedForRetention(sandbox, 3);
    const response = await fetch(webhook(deletion(id), { origin: url }));
    expect(response.status).toBe(503);
    expect((await fetch(`${url}/healthz`)).status).toBe(503);
    await new Promise((resolve) => setTimeout(resolve, 1_500)); // a run is due meanwhile
    expect(deletionsSeen(sandbox)).toEqual([]);
  });

  test("with AUDIT=off deletes without a file", async () => {
    const { printed, sandbox, path } = await startBefore(runtime, { AUDIT: "off", DATABASE: "" });
    const [, url = ""] = await printed(origin);
    const { toGo: [id = ""] } = seedForRetention(sandbox, 1);
    expect((await fetch(webhook(deletion(id), { origin: url }))).status).toBe(200);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(existsSync(path) || existsSync("batchsweep.sqlite")).toBe(false);
  });
});
