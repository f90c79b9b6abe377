import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { serve } from "../../src/adapters/serve.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
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

const preload = "test/fixtures/cron-on-signal.ts";

/** Starts a service as the first line of its file does, with a cron that can be run at will. */
async function start(
  runtime: ServiceRuntime,
  environment: Readonly<Record<string, string>>,
  permissions: readonly string[] = [],
): Promise<Process> {
  const [command, ...args] = await serviceCommand(runtime, { deno: permissions, preload });
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
) {
  const sandbox = createSandbox({ apiKeys: [apiKey] });
  const upstream = await serve(sandbox.fetch);
  closing.push(() => upstream.close());
  const folder = await mkdtemp(join(tmpdir(), "batchsweep-"));
  closing.push(() => rm(folder, { recursive: true }));
  const auditFile = join(folder, "audit.jsonl");
  const service = await start(runtime, {
    ANTHROPIC_API_KEY: apiKey,
    ANTHROPIC_BASE_URL: upstream.url,
    WEBHOOK_SECRETS: secret,
    AUDIT_FILE: auditFile,
    PORT: "0",
    ...environment,
  }, runtime === "Deno" ? [`--allow-read=${folder}`, `--allow-write=${folder}`] : []);
  return { ...service, sandbox, auditFile };
}

describe.each(serviceRuntimes)("the service under %s", (runtime) => {
  test("registers retention with the runtime's cron, deletes by it, and keeps its record", async () => {
    const { child, printed, sandbox, auditFile } = await startBefore(runtime, {
      RETENTION_POLICY: retentionPolicy,
    });
    const [, registered = ""] = await printed(/^cron (\[.*\])$/m);
    expect(JSON.parse(registered)).toEqual(
      runtime === "Deno"
        ? ["batchsweep retention", "17 3 * * *", null]
        : ["17 3 * * *", null, { tz: "UTC" }],
    );
    const [, origin = ""] = await printed(/Listening on (http:\/\/127\.0\.0\.1:\d+)/);
    const health = async () => (await fetch(`${origin}/healthz`)).json();
    expect(await health()).toMatchObject({ retention: { state: "waiting" } });

    const { toGo, toStay } = seedForRetention(sandbox, 60);
    const [first = "", ...others] = toGo;
    expect((await fetch(webhook(deletion(first), { origin }))).status).toBe(200);
    expect((await fetch(webhook(deletion("msgbatch_held"), { origin }))).status).toBe(409);
    child.kill("SIGUSR2");
    await printed(/cron has run/);
    expect(deletionsSeen(sandbox)).toEqual(toGo.toSorted());
    for (const id of toStay) expect(sandbox.batch(id)).toBeDefined();
    expect(await health()).toMatchObject({ retention: { state: "good", hasMore: false } });

    const lines = (await readFile(auditFile, "utf8")).trim().split("\n")
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(120);
    expect(lines.filter(({ actor, outcome }) => actor === "retention" && outcome === "deleted"))
      .toHaveLength(others.length);
  });

  test("registers nothing without a policy, and answers", async () => {
    const { child, printed, ended } = await startBefore(runtime, { RETENTION_POLICY: " " });
    const [, origin = ""] = await printed(/Listening on (http:\/\/127\.0\.0\.1:\d+)/);
    expect(await (await fetch(`${origin}/healthz`)).json()).toEqual({ status: "ok" });
    child.kill("SIGTERM");
    expect(await ended).not.toContain("cron");
  });
});
