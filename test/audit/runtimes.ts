import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

const root = new URL("../..", import.meta.url).pathname;
const bin = `${root}node_modules/.bin`;
const script = "test/audit/audit-process.ts";

/** How the process of these tests is started, by runtime. */
const runtimes = {
  Node: () => [`${bin}/node`, "--import", "./scripts/npm-specifiers.ts", script],
  Deno: (folder) => [
    `${bin}/deno`,
    "run",
    `--allow-read=${folder}`,
    `--allow-write=${folder}`,
    script,
  ],
  Bun: () => [`${bin}/bun`, script],
} satisfies Record<string, (folder: string) => readonly string[]>;

export type Runtime = keyof typeof runtimes;
export const names = Object.keys(runtimes) as Runtime[];

/** A process that tells what it does. */
export interface Teller {
  /** What it told so far. */
  readonly told: readonly unknown[];
  /** Resolves when it has told so much. */
  until(count: number): Promise<void>;
  /** Ends its stdin. */
  end(): void;
  kill(): void;
  /** How it ended, once all it told is known. */
  readonly ended: Promise<{ readonly code: number | null; readonly stderr: string }>;
}

// A test that fails half-way leaves no process behind.
const running = new Set<ChildProcess>();
afterAll(() => running.forEach((child) => child.kill("SIGKILL")));

/** Starts the process of these tests. */
export function start(runtime: Runtime, folder: string, ...args: readonly string[]): Teller {
  const [command = "", ...before] = runtimes[runtime](folder);
  const { PATH = "", HOME = "", DENO_DIR } = process.env;
  const child = spawn(command, [...before, ...args], {
    cwd: root,
    env: { PATH, HOME, ...DENO_DIR && { DENO_DIR }, DENO_NO_UPDATE_CHECK: "1" },
  });
  running.add(child);
  const told: unknown[] = [];
  const watchers = new Set<() => void>();
  let [rest, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) told.push(JSON.parse(line));
    for (const watch of watchers) watch();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => stderr += text);
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve, reject) => {
    child.on("error", reject).on("close", (code) => {
      running.delete(child);
      resolve({ code, stderr });
    });
  });
  return {
    told,
    ended,
    until: (count) =>
      new Promise((resolve, reject) => {
        const watch = () => told.length >= count && resolve();
        watchers.add(watch);
        ended.then(() => reject(new Error(`It ended before: ${stderr}`)), reject);
        watch();
      }),
    end: () => child.stdin.end(),
    kill: () => void child.kill("SIGKILL"),
  };
}

/** A folder that is gone after the test. */
export async function createFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "batchsweep-audit-"));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  };
}
