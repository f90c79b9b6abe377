import { adminKeyVariable } from "./credentials.ts";
import type { Host } from "./host.ts";

/** Results and notes on their way out: in order, fit for a terminal, without secrets. */
export interface CommandOutput {
  /** Writes to stdout. Rejects where nobody reads it any more. */
  result(text: string): Promise<void>;
  /** Writes to stderr. A note that nobody reads is dropped. */
  note(text: string): Promise<void>;
  /** Resolves when all is written; rejects as {@link CommandOutput.result} does. */
  flush(): Promise<void>;
}

/**
 * The outputs of a host. Whatever is written, by whomever, goes through here: texts that hold a
 * secret of the environment, or what looks like an API key, lose it, and control characters go.
 */
export function createOutput(host: Host): CommandOutput {
  const secrets = ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", adminKeyVariable]
    .map((name) => host.env(name)?.trim() ?? "")
    .filter((secret) => secret.length >= 8); // a shorter one is a placeholder, and part of words
  const clean = (text: string) =>
    secrets.reduce((rest, secret) => rest.replaceAll(secret, "[redacted]"), text)
      .replace(/sk-ant-[\w-]+/g, "[redacted]")
      .replace(/[^\P{C}\n]|[\u2028\u2029]/gu, " ");

  let results: Promise<void> = Promise.resolve();
  let notes: Promise<void> = Promise.resolve();
  const output: CommandOutput = {
    result(text) {
      results = results.then(() => host.stdout.write(clean(text)));
      results.catch(() => {}); // whoever awaits it, or flush(), meets the error
      return results;
    },
    note(text) {
      notes = notes.then(() => host.stderr.write(clean(text))).catch(() => {});
      return notes;
    },
    async flush() {
      await notes;
      await results;
    },
  };
  return output;
}

/** Whether an error says that nobody reads an output any more. */
export function isClosedOutput(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EPIPE";
}
