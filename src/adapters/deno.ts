#!/usr/bin/env -S deno run --allow-net=api.anthropic.com --allow-env=ANTHROPIC_API_KEY,ANTHROPIC_AUTH_TOKEN,ANTHROPIC_BASE_URL,ANTHROPIC_WORKSPACE_ID,NO_PROXY,TERM
/**
 * The command under Deno, with no more permissions than those above; from a file or a URL.
 *
 * @module
 */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { main, type Output } from "../cli/mod.ts";
import { files } from "./files.ts";
import { bypassProxy, interruption, programWords, statusFile, writeAll } from "./process-host.ts";

const isGranted = (permission: Deno.PermissionDescriptor) =>
  Deno.permissions.querySync(permission).state === "granted";
const mayReadVariable = (variable: string) => isGranted({ name: "env", variable });

function outputOf(stream: typeof Deno.stdout): Output {
  return {
    get columns() {
      return stream.isTerminal() ? Deno.consoleSize().columns || 80 : undefined;
    },
    write: (text) => writeAll((bytes) => stream.write(bytes), new TextEncoder().encode(text)),
  };
}

const code = await main(Deno.args, {
  env(variable) {
    if (variable === "NO_COLOR") return Deno.noColor ? "1" : undefined; // needs no permission
    // Asked first: reading what is not permitted makes Deno ask the user.
    return mayReadVariable(variable) ? Deno.env.get(variable) : undefined;
  },
  mayRead: mayReadVariable,
  stdin: { isTerminal: Deno.stdin.isTerminal(), read: () => Deno.stdin.readable },
  stdout: outputOf(Deno.stdout),
  stderr: outputOf(Deno.stderr),
  signal: interruption(isGranted({ name: "read", path: statusFile })),
  permits({ protocol, hostname, port }) {
    const host = `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
    return Deno.permissions.requestSync({ name: "net", host }).state === "granted";
  },
  bypassProxy: (hostname) => mayReadVariable("NO_PROXY") && bypassProxy(hostname),
  commandLine: ({ host }, paths = {}) => [
    ...programWords(Deno.execPath()),
    ...["run", `--allow-net=${host}`, "--allow-env=ANTHROPIC_*,NO_PROXY"],
    ...Object.entries(paths).map(([what, path]) => `--allow-${what}=${path}`),
    import.meta.url.startsWith("file:")
      ? relative("", fileURLToPath(import.meta.url))
      : import.meta.url,
  ],
  serve: async (handler, address) => (await import("./serve.ts")).serve(handler, address),
  files,
});
Deno.exit(code);
