/**
 * The command in memory: no process, no network. Whatever it writes is searched for the keys.
 *
 * @module
 */
import { expect } from "vitest";
import type { Fetch } from "../../src/core/client.ts";
import type { Host } from "../../src/cli/host.ts";
import { main } from "../../src/cli/main.ts";
import { createSandbox, type Sandbox } from "../../src/sandbox/sandbox.ts";
import { createMemoryFiles } from "./memory-files.ts";

export const key = "sk-ant-api03-SENTINEL-0123456789";
export const adminKey = "sk-ant-admin01-SENTINEL-0123456789";

/** How the host differs from one without terminals. */
export interface HostChange extends Partial<Host> {
  /** The width of the outputs that are a terminal. */
  readonly terminal?: { readonly stderr?: number; readonly stdout?: number };
  /** Is given every text in the order in which it is written, to whichever output. */
  readonly screen?: string[];
}

/** Runs the command in memory, with a sandbox for the network. */
export async function run(
  args: readonly string[],
  { terminal, screen, ...change }: HostChange = {},
  sandbox?: Sandbox,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const written = { stdout: "", stderr: "" };
  const output = (name: "stdout" | "stderr") => ({
    columns: terminal?.[name],
    write(text: string) {
      written[name] += text;
      screen?.push(text);
      return Promise.resolve();
    },
  });
  const host: Host = {
    env: (name) => name === "ANTHROPIC_API_KEY" ? key : undefined,
    stdin: { isTerminal: true, read: () => new Blob([]).stream() },
    stdout: output("stdout"),
    stderr: output("stderr"),
    signal: new AbortController().signal,
    fetch: (sandbox ?? createSandbox()).fetch,
    serve: () => Promise.reject(new Error("listen EADDRINUSE")),
    files: createMemoryFiles(),
    ...change,
  };
  const code = await main(args, host);
  expect(written.stdout + written.stderr).not.toContain("SENTINEL");
  return { code, ...written };
}

/** The lines of a text, each read as JSON. */
export const jsonLines = (text: string): unknown[] =>
  text.trim().split("\n").map((line) => JSON.parse(line));

/** A host's environment, and nothing else in it. */
export const environment = (variables: Readonly<Record<string, string>>): Host["env"] => (name) =>
  variables[name];

/** A host's stdin that is a file. */
export const stdinOf = (text: string): Host["stdin"] => ({
  isTerminal: false,
  read: () => new Blob([text]).stream(),
});

/** A network that answers every request with a body, and keeps what it was asked. */
export function wire(body: unknown, status = 200): {
  readonly fetch: Fetch;
  readonly requests: { readonly line: string; readonly headers: Headers }[];
} {
  const requests: { line: string; headers: Headers }[] = [];
  return {
    requests,
    fetch: (url, init) => {
      const { pathname, search } = new URL(url);
      requests.push({
        line: `${init.method} ${pathname}${search}`,
        headers: new Headers(init.headers),
      });
      const headers = { "request-id": "req_1" };
      return Promise.resolve(Response.json(body, { status, headers }));
    },
  };
}
