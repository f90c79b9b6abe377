import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { environment } from "./runtimes.ts";

/** A process that answers on its output, line by line, and ends when its input does. */
export interface LineProcess {
  /** Sends a line, if one is given, and waits for the next one that comes back. */
  ask(line?: string): Promise<string>;
  end(): Promise<void>;
}

/** Starts a {@link LineProcess}. What it writes on its error output is shown when it fails. */
export function startLineProcess([command, ...args]: readonly [string, ...string[]]): LineProcess {
  const child = spawn(command, args, { env: environment, stdio: ["pipe", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk) => errors += chunk);
  child.stdin.on("error", () => {}); // it has ended, and `ask` says so
  const closed = new Promise<void>((resolve) => {
    child.on("error", (error) => errors += error.message).on("close", () => resolve());
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    ask: async (line) => {
      if (line !== undefined) child.stdin.write(`${line}\n`);
      const { done, value } = await lines.next();
      if (done) {
        await closed;
        throw new Error(`Cannot measure: ${command} has ended by itself:\n${errors}`);
      }
      return value;
    },
    end: async () => {
      child.stdin.end();
      await closed;
    },
  };
}
