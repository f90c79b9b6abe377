/**
 * The command in memory: no process, no network. Whatever it writes is searched for the keys.
 *
 * @module
 */
import { expect } from "vitest";
import type { Client } from "../../mod.ts";
import { type Host, main } from "../../src/cli/mod.ts";
import { type BatchSeed, createSandbox, type Sandbox } from "../../src/sandbox/mod.ts";
import { deletionsAsked } from "../fixtures/deletions-asked.ts";
import { daysAgoIn, presentIn } from "../fixtures/seed-batches.ts";
import { key } from "./keys.ts";
import { createMemoryHost, environment, type MemoryOutputs } from "./memory-host.ts";

export { jsonLines } from "../fixtures/json-lines.ts";
export { adminKey, key } from "./keys.ts";
export { environment } from "./memory-host.ts";

/** How the host differs from one without terminals. */
export interface HostChange extends Partial<Host>, Pick<MemoryOutputs, "terminal"> {
  /** Is given every text in the order in which it is written, to whichever output. */
  readonly screen?: string[];
}

/** Runs the command in memory, with a sandbox for the network. */
export async function run(
  args: readonly string[],
  { terminal, screen, ...change }: HostChange = {},
  sandbox?: Sandbox,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { host, written } = createMemoryHost({
    env: environment({ ANTHROPIC_API_KEY: key }),
    fetch: (sandbox ?? createSandbox()).fetch,
    ...change,
  }, { terminal, onWrite: (text) => void screen?.push(text) });
  const code = await main(args, host);
  expect(written.stdout + written.stderr).not.toContain("SENTINEL");
  return { code, ...written };
}

/** A sandbox with batches of every state, the newest of the old ones first, and their ids. */
export function stage(): {
  readonly sandbox: Sandbox;
  readonly old: string[];
  readonly young: string;
  readonly going: string;
} {
  const sandbox = createSandbox({ cancelingTime: 0 });
  const seed = (batch: BatchSeed) => sandbox.seed(batch).id;
  const old = [20, 21, 22].map((days) =>
    seed({ created_at: daysAgoIn(sandbox, days), requests: 2 })
  );
  const young = seed({ created_at: daysAgoIn(sandbox, 2) });
  const going = seed({ processing_status: "in_progress" });
  return { sandbox, old, young, going };
}

/** What was old is deleted, and told on stdout; nothing else was asked for. */
export function expectOldDeleted(
  { sandbox, old, young, going }: ReturnType<typeof stage>,
  stdout: string,
): void {
  expect(stdout.match(/^deleted \S+/gm)?.sort()).toEqual(old.map((id) => `deleted ${id}`).sort());
  expect(presentIn(sandbox, [young, going])).toEqual([young, going]);
  expect(deletionsAsked(sandbox).sort()).toEqual([...old].sort());
}

/** A host's stdin that is a file. */
export const stdinOf = (text: string): Host["stdin"] => ({
  isTerminal: false,
  read: () => new Blob([text]).stream(),
});

/** A host without a terminal. */
export const byCron: HostChange = { stdin: stdinOf("") };

/** A person at a terminal, who types this when asked. */
export const typing = (answer: string): HostChange => ({
  stdin: { ...stdinOf(answer), isTerminal: true },
  terminal: { stderr: 80, stdout: 80 },
});

/** A network with a sandbox, whose user interrupts the command as soon as it sends a deletion. */
export function interruptedDeleting(sandbox: Sandbox): Pick<Host, "fetch" | "signal"> {
  const interruption = new AbortController();
  return {
    signal: interruption.signal,
    fetch: async (url, init) => {
      if (init.method === "DELETE") interruption.abort();
      return await sandbox.fetch(url, init);
    },
  };
}

/** A network that answers every request with a body, and keeps what it was asked. */
export function wire(body: unknown, status = 200): {
  readonly fetch: NonNullable<Client["fetch"]>;
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
