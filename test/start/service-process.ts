/**
 * The service as a process before a sandbox.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import { serve } from "../../src/adapters/serve.ts";
import { createSandbox, type Sandbox } from "../../src/sandbox/mod.ts";
import { apiKey } from "../fixtures/stub.ts";
import { secret } from "../fixtures/webhook.ts";
import { serviceCommand, type ServiceRuntime } from "./service-command.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A service that runs. */
export interface Process {
  readonly child: ChildProcess;
  /** Waits until the process has printed something, and gives what was found. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  readonly ended: Promise<string>;
  readonly code: Promise<number | null>;
}

/** Starts a service as the first line of its file does. */
async function start(
  runtime: ServiceRuntime,
  environment: Readonly<Record<string, string>>,
  permissions: readonly string[] = [],
  prefix: readonly string[] = [],
): Promise<Process> {
  const line = [...prefix, ...await serviceCommand(runtime, { deno: permissions })];
  const [command = "", ...args] = line;
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
  const code = new Promise<number | null>((resolve) => child.on("exit", resolve));
  closing.push(() => {
    child.kill("SIGKILL");
    return ended;
  });
  return {
    child,
    ended,
    code,
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

/** Starts a service before a sandbox, with a database of its own. */
export async function startBefore(
  runtime: ServiceRuntime,
  environment: Readonly<Record<string, string>> = {},
  around: (request: Request, next: Sandbox["fetch"]) => Promise<Response> = (request, next) =>
    next(request),
  prefix: readonly string[] = [],
): Promise<
  Process & {
    readonly sandbox: Sandbox;
    readonly path: string;
    /** Starts another process on the same database. */
    again(): Promise<Process>;
  }
> {
  const sandbox = createSandbox({ apiKeys: [apiKey] });
  const upstream = await serve((request) => around(request, sandbox.fetch));
  closing.push(() => upstream.close());
  const folder = await mkdtemp(join(tmpdir(), "batchsweep-"));
  closing.push(() => rm(folder, { recursive: true }));
  const path = join(folder, "service.sqlite");
  const again = () =>
    start(
      runtime,
      {
        ANTHROPIC_API_KEY: apiKey,
        ANTHROPIC_BASE_URL: upstream.url,
        WEBHOOK_SECRETS: secret,
        DATABASE: path,
        PORT: "0",
        ...environment,
      },
      runtime === "Deno" ? [`--allow-read=${folder}`, `--allow-write=${folder}`] : [],
      prefix,
    );
  return { ...await again(), sandbox, path, again };
}

/** Waits until something is so. */
export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!await holds()) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** What a service says first. */
export const origin = /Listening on (http:\/\/127\.0\.0\.1:\d+)/;
