import process from "node:process";
import type { WriteStream } from "node:tty";
import type { Host, Output } from "../cli/host.ts";
import { files } from "./files.ts";

/** The host of the command where there is a `process`: Node and Bun. */
export function processHost(): Host {
  const interruption = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    // Once: a second time, the signal does what it does to every process.
    process.once(signal, () => interruption.abort());
  }
  return {
    env: (name) => process.env[name],
    stdin: { isTerminal: process.stdin.isTTY === true, read: () => process.stdin },
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    signal: interruption.signal,
    serve: async (handler, address) => (await import("./serve.ts")).serve(handler, address),
    files,
  };
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
