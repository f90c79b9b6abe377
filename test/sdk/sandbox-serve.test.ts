import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, test } from "vitest";
import { BATCHES, HEADERS } from "../fixtures/sandbox/call.ts";

let server: ChildProcess | undefined;
afterEach(async () => {
  if (server?.exitCode !== null || !server.kill("SIGKILL")) return;
  await once(server, "close");
});

/** Starts a script whose first line of output is the origin that it listens on. */
async function start(command: string, ...args: string[]): Promise<string> {
  server = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  if (!server.stdout) throw new Error("The script has no output");
  for await (const line of createInterface({ input: server.stdout })) return line;
  throw new Error("The script has ended");
}

const script = (serve: string) => `
  import { createSandbox } from "${new URL("../../src/sandbox/mod.ts", import.meta.url)}";
  const sandbox = createSandbox();
  sandbox.seed({ id: "b" });
  ${serve}
`;

describe("Sandbox.fetch is a handler", () => {
  test.each<[string, ...string[]]>([
    [
      "Bun.serve()",
      "bun",
      "--eval",
      script(`
        const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: sandbox.fetch });
        console.log(server.url.origin);
      `),
    ],
    [
      "Deno.serve()",
      "deno",
      "eval",
      "--unstable-no-legacy-abort",
      script(`
        const onListen = ({ port }) => console.log("http://127.0.0.1:" + port);
        Deno.serve({ port: 0, hostname: "127.0.0.1", onListen }, sandbox.fetch);
      `),
    ],
  ])("for %s as it is", async (_, command = "", ...args) => {
    const url = `${await start(command, ...args)}${BATCHES}/b`;
    const response = await fetch(url, { method: "DELETE", headers: HEADERS });
    expect([response.status, await response.json()]).toEqual([
      200,
      { id: "b", type: "message_batch_deleted" },
    ]);
    const again = await fetch(url, { method: "DELETE", headers: HEADERS });
    expect(again.status).toBe(404);
    await again.body?.cancel();
  });
});
