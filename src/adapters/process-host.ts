/**
 * The parts of a host that runtimes share.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { basename, relative } from "node:path";
import process from "node:process";
import type { WriteStream } from "node:tty";
import type { Host, Output } from "../cli/mod.ts";
import { files } from "./files.ts";

/** The host of the command where there is a `process`: Node and Bun. */
export function processHost(): Host {
  return {
    env: (name) => process.env[name],
    stdin: { isTerminal: process.stdin.isTTY === true, read: () => process.stdin },
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    signal: interruption(),
    bypassProxy,
    commandLine: () => commandLineOf(process),
    serve: async (handler, address) => (await import("./serve.ts")).serve(handler, address),
    files,
  };
}

/** The words that start a command again which a process runs: a script, or one that npm installed. */
export function commandLineOf(
  { argv: [, script = ""], execArgv, execPath, versions }: Pick<
    typeof process,
    "argv" | "execArgv" | "execPath" | "versions"
  >,
): readonly string[] {
  if (!/[\\/](node_modules[\\/].+|batchsweep)$/.test(script)) {
    return [...programWords(execPath), ...execArgv, relative("", script)];
  }
  if (versions["bun"] !== undefined) return ["bunx", "--bun", "batchsweep"];
  return script.includes("node_modules") ? ["npx", "batchsweep"] : ["batchsweep"];
}

/** The words that start a runtime: those of npx if it is an installed package. */
export function programWords(execPath: string): readonly string[] {
  const name = basename(execPath, ".exe");
  return /[\\/]node_modules[\\/]/.test(execPath) ? ["npx", name] : [name];
}

/**
 * Keeps requests to a host, and to loopback, from every proxy, whatever the variables say, which fetch
 * reads each time. Results may be on loopback, too.
 */
export function bypassProxy(hostname: string): true {
  // Deno may read one of the two only.
  const variables = "Deno" in globalThis ? ["NO_PROXY"] : ["no_proxy", "NO_PROXY"];
  const named = variables.map((name) => process.env[name]).find((value) => value !== undefined);
  const direct = [hostname, "localhost", "127.0.0.1", "[::1]", "::1"];
  const names = new Set([...named?.split(",") ?? [], ...direct]);
  for (const name of variables) process.env[name] = [...names].join(",");
  return true;
}

/** Aborted when a signal interrupts the command. A second one does what it does to every process. */
export function interruption(mayRead?: boolean): AbortSignal {
  const controller = new AbortController();
  for (const name of interruptingSignals(mayRead)) process.once(name, () => controller.abort());
  return controller.signal;
}

/** Where Linux says which signals a process ignores. */
export const statusFile = "/proc/self/status";

/**
 * The signals that interrupt a process. If SIGHUP was ignored when it began, as by nohup, it stays
 * ignored. Node forgets that, so there a hangup always interrupts.
 *
 * @param mayRead Whether the process may read {@link statusFile}.
 */
export function interruptingSignals(mayRead = true): readonly ("SIGINT" | "SIGTERM" | "SIGHUP")[] {
  let status = "";
  try {
    if (mayRead) status = readFileSync(statusFile, "utf8");
  } catch {
    // Not Linux.
  }
  const [, ignored = "0"] = /^SigIgn:\s*([\da-f]+)$/m.exec(status) ?? [];
  const isHangupIgnored = (BigInt(`0x${ignored}`) & 1n) === 1n; // SIGHUP is signal 1
  return isHangupIgnored ? ["SIGINT", "SIGTERM"] : ["SIGINT", "SIGTERM", "SIGHUP"];
}

/**
 * Writes all bytes. An output that is not ready, such as a full pipe that does not block, is written to
 * again after a moment.
 *
 * @param write Writes some of the bytes, and gives how many.
 */
export async function writeAll(
  write: (bytes: Uint8Array) => Promise<number>,
  bytes: Uint8Array,
): Promise<void> {
  for (let rest = bytes; rest.length > 0;) {
    try {
      rest = rest.subarray(await write(rest));
    } catch (error) {
      if (!(error instanceof Error && error.name === "WouldBlock")) throw error; // Deno's
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function outputOf(stream: WriteStream): Output {
  stream.on("error", () => {}); // the callback of write() has it too
  return {
    get columns() {
      return stream.isTTY ? stream.columns || 80 : undefined; // 0: the terminal does not say
    },
    write: (text) =>
      new Promise((resolve, reject) => {
        stream.write(text, (error) => error ? reject(error) : resolve());
      }),
  };
}
