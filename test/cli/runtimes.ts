/**
 * The command as a real process, in every runtime. Whatever a process writes is searched for the
 * keys: a test that lets one out fails, whatever it is about.
 *
 * @module
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll } from "vitest";
import { createSandbox, type Sandbox, type SandboxOptions } from "../../src/sandbox/mod.ts";
import { serve } from "../../src/adapters/serve.ts";
import { key } from "./keys.ts";

export { jsonLines } from "../fixtures/json-lines.ts";
export { adminKey, key } from "./keys.ts";

const root = new URL("../..", import.meta.url).pathname;
const bin = `${root}node_modules/.bin`;

/** The variables that Deno is permitted to read, as the documentation says. */
const permitted = [
  "ANTHROPIC_API_KEY",
  "ANTHROPIC_AUTH_TOKEN",
  "ANTHROPIC_BASE_URL",
  "ANTHROPIC_WORKSPACE_ID",
  "NO_PROXY",
  "TERM",
];

/** How the command is started, by runtime: as the documentation says. */
export const runtimes = {
  Deno: (host, variables = [], directory = "") => [
    `${bin}/deno`,
    "run",
    ...host ? [`--allow-net=${host}`] : [],
    `--allow-env=${[...permitted, ...variables]}`,
    ...directory ? [`--allow-read=${directory}`, `--allow-write=${directory}`] : [],
    "src/adapters/deno.ts",
  ],
  Bun: () => [`${bin}/bun`, "src/adapters/bun.ts"],
  Node: () => [`${bin}/node`, "--import", "./scripts/npm-specifiers.ts", "src/adapters/node.ts"],
} satisfies Record<
  string,
  (
    host: string | undefined,
    variables?: readonly string[],
    directory?: string,
  ) => readonly string[]
>;

export type Runtime = keyof typeof runtimes;
export const names = Object.keys(runtimes) as Runtime[];

/** What a process did. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process that runs. */
export interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  /** Resolves with the match once an output has matched. */
  until(stream: "stdout" | "stderr", pattern: RegExp): Promise<RegExpExecArray>;
  /** Closes the pipe that stdout is, as a reader does that has read enough. */
  stopReading(): Promise<void>;
  readonly ended: Promise<Ended>;
}

/** What a process is given. */
export interface Given {
  readonly env?: Readonly<Record<string, string>>;
  /** Text of stdin, which ends after it. */
  readonly stdin?: string;
  /** Whether stdin stays open after it. */
  readonly open?: boolean;
  /** Where the command may read and write files. */
  readonly directory?: string;
}

// A test that fails half-way leaves no process behind.
const running = new Set<ChildProcessWithoutNullStreams>();
afterAll(() => running.forEach((child) => child.kill("SIGKILL")));

/** Starts a command line. */
export function start(
  command: readonly string[],
  { env = {}, stdin = "", open = false }: Given = {},
): Running {
  const { PATH = "", HOME = "", DENO_DIR } = process.env;
  const child = spawn(command[0] ?? "", command.slice(1), {
    cwd: root,
    env: { PATH, HOME, ...DENO_DIR && { DENO_DIR }, DENO_NO_UPDATE_CHECK: "1", ...env },
  });
  running.add(child);
  child.once("close", () => running.delete(child));
  const written = { stdout: "", stderr: "" };
  const watchers = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      written[name] += text;
      for (const watch of watchers) watch();
    });
  }
  child.stdin.on("error", () => {}); // a process may end without reading it
  child.stdin.write(stdin);
  if (!open) child.stdin.end();
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject).on("close", (code) => {
      const leaked = (written.stdout + written.stderr).includes("SENTINEL");
      if (leaked) reject(new Error("The process wrote a key"));
      else resolve({ code, ...written });
    });
  });
  return {
    child,
    ended,
    until: (stream, pattern) =>
      new Promise((resolve, reject) => {
        const watch = () => {
          const match = pattern.exec(written[stream]);
          if (!match) return;
          watchers.delete(watch);
          resolve(match);
        };
        watchers.add(watch);
        ended.then(() => reject(new Error(`It ended before: ${JSON.stringify(written)}`)), reject);
        watch();
      }),
    async stopReading() {
      const closed = once(child.stdout, "close");
      child.stdout.destroy();
      await closed;
    },
  };
}

/** The API played over HTTP, and the command against it. */
export interface Stage extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly url: string;
  readonly host: string;
  /** The variables by which a command finds the API, and has a key for it. */
  readonly env: Readonly<Record<string, string>>;
  /** The methods and paths of what the API was asked. */
  requests(): string[];
  start(runtime: Runtime, args: readonly string[], given?: Given): Running;
  run(runtime: Runtime, args: readonly string[], given?: Given): Promise<Ended>;
}

/**
 * Sets a stage.
 *
 * @param around What stands between the wire and the sandbox.
 * @param options How the sandbox behaves.
 */
export async function createStage(
  around: (request: Request, next: Sandbox["fetch"]) => Promise<Response> = (request, next) =>
    next(request),
  options: SandboxOptions = {},
): Promise<Stage> {
  const sandbox = createSandbox(options);
  const server = await serve((request) => around(request, sandbox.fetch));
  const { host } = new URL(server.url);
  const environment = { ANTHROPIC_API_KEY: key, ANTHROPIC_BASE_URL: server.url };
  const stage: Stage = {
    sandbox,
    url: server.url,
    host,
    env: environment,
    requests: () => sandbox.requests.map(({ method, path }) => `${method} ${path}`),
    start(runtime, args, { env, directory, ...given } = {}) {
      const variables = Object.keys(env ?? {});
      const command = [...runtimes[runtime](host, variables, directory), ...args];
      return start(command, { ...given, env: { ...environment, ...env } });
    },
    run: (runtime, args, given) => stage.start(runtime, args, given).ended,
    [Symbol.asyncDispose]: () => server.close(),
  };
  return stage;
}

/** A promise, and the function that resolves it. */
export function createGate(): { readonly passed: Promise<void>; readonly open: () => void } {
  let open = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}
