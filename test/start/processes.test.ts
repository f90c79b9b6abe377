import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { serve } from "../../src/adapters/serve.ts";
import { openSqlite } from "../../src/adapters/sqlite.ts";
import { createStorage } from "../../src/storage/mod.ts";
import { collect } from "../fixtures/audit-entries.ts";
import { deletionsSeen, retentionPolicy, seedForRetention } from "../fixtures/retention.ts";
import { deletion, webhook } from "../fixtures/webhook.ts";
import { serviceRuntimes } from "./service-command.ts";
import { origin, startBefore, until } from "./service-process.ts";

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
    await until(async () => (await health()).retention.state === "good"); // it may be 5 seconds old
    expect(await health()).toMatchObject({ retention: { hasMore: false } });

    const database = openSqlite(path);
    const entries = await collect(createStorage(database).entries());
    database.close();
    expect(entries).toHaveLength(120);
    const deleted = entries.filter(({ outcome }) => outcome === "deleted");
    expect(deleted.map(({ actor }) => actor)).toEqual(toGo.map(() => "retention"));
  });

  test("asks an API on loopback past every proxy, and repeats nothing unseen", async () => {
    const proxied: string[] = [];
    const proxy = await serve((request) => {
      proxied.push(request.url);
      return Promise.resolve(new Response(null, { status: 502 }));
    });
    const connections: (string | null)[] = [];
    const variables = { HTTP_PROXY: proxy.url, http_proxy: proxy.url, NODE_USE_ENV_PROXY: "1" };
    const { printed, sandbox } = await startBefore(runtime, variables, (request, next) => {
      connections.push(request.headers.get("connection"));
      return next(request);
    });
    const [, url = ""] = await printed(origin);
    const { id } = sandbox.seed();
    const answer = await fetch(webhook(deletion(id), { origin: url }));
    expect([answer.status, proxied]).toEqual([200, []]);
    // The two repeat a request when a connection that was used before breaks.
    expect(new Set(connections)).toEqual(
      new Set([runtime === "Node" ? "keep-alive" : "close"]),
    );
    await proxy.close();
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

test("the log names the variables of a proxy where there was no connection", async () => {
  const { printed } = await startBefore("Node", {
    ANTHROPIC_BASE_URL: "https://api.example",
    HTTPS_PROXY: "http://me:secret@127.0.0.1:1",
    NODE_USE_ENV_PROXY: "1",
  });
  const [, url = ""] = await printed(origin);
  const answer = await fetch(webhook(deletion("msgbatch_1"), { origin: url }));
  expect(answer.status).toBe(502);
  const [line] = await printed(/^.*ERR_CONNECTION.*$/m);
  expect(JSON.parse(line)).toMatchObject({
    reason: "refused",
    hint: "Set for a proxy: HTTPS_PROXY",
  });
  expect(line).not.toContain("secret");
});
