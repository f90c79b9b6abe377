import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import { connect } from "node:net";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { openSqlite } from "../../src/adapters/sqlite.ts";
import { createStorage } from "../../src/storage/mod.ts";
import { createGate } from "../cli/runtimes.ts";
import { collect } from "../fixtures/audit-entries.ts";
import { gatewayTokens, token } from "../fixtures/gateway.ts";
import { deletionsSeen, retentionPolicy, seedForRetention } from "../fixtures/retention.ts";
import { deletion, webhook } from "../fixtures/webhook.ts";
import { serviceRuntimes } from "./service-command.ts";
import { origin, startBefore } from "./service-process.ts";

/** What a process does that is under way when a signal comes. */
async function startWith(
  runtime: (typeof serviceRuntimes)[number],
  holds: (method: string) => boolean,
  environment: Readonly<Record<string, string>> = {},
  prefix: readonly string[] = [],
) {
  const [reached, gate] = [createGate(), createGate()];
  const service = await startBefore(
    runtime,
    { GATEWAY_TOKENS: await gatewayTokens(), ...environment },
    async (request, next) => {
      if (!holds(request.method)) return await next(request);
      const response = await next(request);
      reached.open();
      await gate.passed;
      return response;
    },
    prefix,
  );
  const [, url = ""] = await service.printed(origin);
  const { toGo } = seedForRetention(service.sandbox, 20);
  const trail = async () => {
    const database = openSqlite(service.path);
    const entries = await collect(createStorage(database).entries());
    database.close();
    return entries.map(({ phase, objectId, outcome }) => `${phase} ${objectId} ${outcome ?? ""}`);
  };
  return { ...service, url, toGo, trail, reached: reached.passed, release: gate.open };
}

const isDelete = (method: string) => method === "DELETE";
const never = () => false;
const recorded = (id: string) => [`intent ${id} `, `outcome ${id} deleted`];

/** An HTTP request over an agent's connections: its status and headers. */
function ask(url: string, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    httpRequest(url, { agent }, (response) => {
      const { "retry-after": retryAfter, connection } = response.headers;
      response.resume().on(
        "end",
        () => resolve(`${response.statusCode} ${retryAfter} ${connection}`),
      );
    }).on("error", reject).end();
  });
}

describe.each(serviceRuntimes)("the service under %s ends what it began at SIGTERM", (runtime) => {
  test("before the request is read", async () => {
    const { url, toGo: [id = ""], child, code, trail } = await startWith(runtime, never);
    const whole = webhook(deletion(id), { origin: url });
    const body = await whole.clone().text();
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    const lines = [...whole.headers].map(([name, value]) => `${name}: ${value}`);
    const head = ["POST /webhook HTTP/1.1", "host: a", "expect: 100-continue", ...lines];
    socket.write([...head, `content-length: ${body.length}`, "", ""].join("\r\n"));
    let received = "";
    socket.setEncoding("utf8").on("data", (text) => received += text);
    await once(socket, "data"); // 100 Continue
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect(await ask(`${url}/healthz?live`, agent)).toBe("200 undefined keep-alive");
    child.kill("SIGTERM");
    let answer = "";
    while (!answer.startsWith("503")) answer = await ask(`${url}/healthz?live`, agent);
    expect(answer).toBe("503 5 close");
    socket.write(body);
    expect(await code).toBe(0);
    expect(received).toContain("message_batch_deleted");
    expect(await trail()).toEqual(recorded(id));
  });

  test.each(["GET", "DELETE"])("during the %s", async (held) => {
    const { url, toGo: [id = ""], child, code, trail, reached, release, sandbox } = await startWith(
      runtime,
      (method) => method === held,
    );
    const answer = fetch(`${url}/v1/messages/batches/${id}`, {
      method: "DELETE",
      headers: { "x-api-key": token },
    });
    await reached;
    child.kill("SIGTERM");
    while ((await fetch(`${url}/healthz?live`)).status !== 503); // a new connection
    release();
    expect((await answer).status).toBe(200);
    expect(await code).toBe(0);
    expect(await trail()).toEqual(recorded(id));
    expect(deletionsSeen(sandbox)).toEqual([id]);
  });

  test("while the outcome is written, the caller being gone", async () => {
    const { url, toGo: [id = ""], child, code, trail, reached, release, path } = await startWith(
      runtime,
      isDelete,
    );
    const caller = new AbortController();
    const answer = fetch(`${url}/v1/messages/batches/${id}`, {
      method: "DELETE",
      headers: { "x-api-key": token },
      signal: caller.signal,
    });
    await reached;
    const database = new DatabaseSync(path);
    database.exec("BEGIN IMMEDIATE");
    release();
    caller.abort();
    await expect(answer).rejects.toThrow();
    child.kill("SIGTERM");
    await new Promise((resolve) => setTimeout(resolve, 300)); // it waits for the database meanwhile
    database.exec("COMMIT");
    database.close();
    expect(await code).toBe(0);
    expect(await trail()).toEqual(recorded(id));
  });

  test("during a retention run", async () => {
    const { child, code, trail, reached, release, sandbox, printed } = await startWith(
      runtime,
      isDelete,
      { RETENTION_POLICY: retentionPolicy, RETENTION_SCHEDULE: "* * * * * *" },
    );
    await reached;
    child.kill("SIGTERM");
    const [, url = ""] = await printed(origin);
    while (await fetch(url).then(({ status }) => status !== 503, () => false));
    release();
    expect(await code).toBe(0);
    const gone = deletionsSeen(sandbox);
    expect(gone.length).toBeLessThan(20);
    expect((await trail()).toSorted()).toEqual(gone.flatMap(recorded).toSorted());
  });

  test("unless a second signal comes: what has not ended is recorded as unknown", async () => {
    const { url, toGo: [id = ""], child, code, trail, reached } = await startWith(
      runtime,
      isDelete,
    );
    const answer = fetch(webhook(deletion(id), { origin: url }));
    await reached;
    child.kill("SIGHUP");
    while ((await fetch(`${url}/healthz?live`)).status !== 503);
    child.kill("SIGINT");
    expect((await answer).status).toBe(504);
    expect(await code).toBe(1);
    expect(await trail()).toEqual([`intent ${id} `, `outcome ${id} failed`]);
  });

  test.skipIf(!canUnshare())("as the first process of a container", async () => {
    const unshare = ["unshare", "--pid", "--fork", "--kill-child"];
    const { child, code } = await startWith(runtime, never, {}, unshare);
    const children = `/proc/${child.pid}/task/${child.pid}/children`;
    const pid = Number(execFileSync("cat", [children], { encoding: "utf8" }).trim());
    process.kill(pid, "SIGTERM");
    expect(await code).toBe(0);
  });
});

/** Whether this user may make a namespace of processes. */
function canUnshare(): boolean {
  try {
    execFileSync("unshare", ["--pid", "--fork", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
