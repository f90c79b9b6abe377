import type { Host, Output } from "../../src/cli/mod.ts";
import { createMemoryFiles } from "./memory-files.ts";
import { systemError } from "./system-error.ts";

/** A process in memory, and what was written to its outputs. */
export interface MemoryHost {
  readonly host: Host;
  readonly written: { stdout: string; stderr: string };
}

/** How its outputs are. */
export interface MemoryOutputs {
  /** The width of those that are a terminal. */
  readonly terminal?:
    | { readonly stdout?: number | undefined; readonly stderr?: number | undefined }
    | undefined;
  /** Is given every text before it is written. What it throws, the output fails with. */
  readonly onWrite?: (text: string, name: "stdout" | "stderr") => void;
}

/** Makes a process in memory: it has no variables, and a terminal for stdin. */
export function createMemoryHost(
  change: Partial<Host> = {},
  { terminal, onWrite }: MemoryOutputs = {},
): MemoryHost {
  const written = { stdout: "", stderr: "" };
  const output = (name: "stdout" | "stderr"): Output => ({
    columns: terminal?.[name],
    async write(text) {
      onWrite?.(text, name);
      written[name] += text;
      await Promise.resolve();
    },
  });
  const host: Host = {
    env: () => undefined,
    stdin: { isTerminal: true, read: () => new Blob([]).stream() },
    stdout: output("stdout"),
    stderr: output("stderr"),
    signal: new AbortController().signal,
    serve: () => Promise.reject(new Error("listen EADDRINUSE")),
    files: createMemoryFiles(),
    ...change,
  };
  return { host, written };
}

/** A host's environment, and nothing else in it. */
export const environment = (variables: Readonly<Record<string, string>>): Host["env"] => (name) =>
  variables[name];

/** An output that fails. */
export const failingOutput = (code: string): Output => ({
  write: () => Promise.reject(systemError(code)),
});

/** How a stdin is read whose user interrupts the command that waits for it, and the signal of that. */
export function interruptedReading(): Pick<Host["stdin"], "read"> & Pick<Host, "signal"> {
  const interruption = new AbortController();
  const read = () =>
    new ReadableStream<Uint8Array>({ pull: () => interruption.abort() }, { highWaterMark: 0 });
  return { read, signal: interruption.signal };
}
