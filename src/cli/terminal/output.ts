import { adminKeyVariable } from "../client/credentials.ts";
import { exitCode } from "../exit-code.ts";
import type { Host, Output } from "../host.ts";
import { fileError } from "../input/file-error.ts";

/** How a text is meant; a terminal shows it in a colour, unless `NO_COLOR` is set. */
export type Tone = "good" | "bad" | "strong" | "faint";

/** Results and notes on their way out: in order, fit for a terminal, without secrets. */
export interface CommandOutput {
  /** Writes to stdout. Rejects where nobody reads it any more. */
  result(text: string, tone?: Tone): Promise<void>;
  /** Writes to stderr. A note that nobody reads is dropped. */
  note(text: string, tone?: Tone): Promise<void>;
  /**
   * Shows a line below everything else, in the place of the one that was there, where stderr is a
   * terminal; elsewhere nothing. `undefined` takes it away.
   */
  status(line: string | undefined): Promise<void>;
  /** Resolves when all is written; rejects as {@link CommandOutput.result} does. */
  flush(): Promise<void>;
}

/**
 * The outputs of a host. Whatever is written, by whomever, goes through here: texts that hold a
 * secret of the environment, or what looks like an API key, lose it, and control characters go. What
 * moves a cursor or sets a colour is added here, and nowhere else.
 */
export function createOutput(host: Pick<Host, "env" | "stdout" | "stderr">): CommandOutput {
  const { stdout, stderr } = host;
  const clean = createCleaner(host);
  const plain = host.env("TERM") === "dumb"; // such a terminal shows escape sequences as text
  const colours = !plain && !host.env("NO_COLOR");
  const ready = (to: Output, text: string, tone?: Tone): string => {
    const cleaned = clean(text);
    if (tone === undefined || !colours || to.columns === undefined) return cleaned;
    return cleaned.replace(/[^\n]+/g, (line) => `\u001b[${tones[tone]}m${line}\u001b[0m`);
  };

  const hasStatus = stderr.columns !== undefined && !plain;
  let shown = "";
  let results: Promise<unknown> = Promise.resolve();
  let notes: Promise<unknown> = Promise.resolve(); // never rejects
  /** Where there is a status line, it is in the way of both outputs: they take turns. */
  const turn = (own: Promise<unknown>, other: Promise<unknown>) =>
    hasStatus ? Promise.all([own, other.catch(() => {})]) : own;
  const toStderr = (compose: () => string): Promise<void> => {
    const written = turn(notes, results).then(() => stderr.write(compose())).catch(() => {});
    notes = written;
    return written;
  };
  return {
    result(text, tone) {
      const written = turn(results, notes).then(async () => {
        const covered = shown !== "" && stdout.columns !== undefined;
        if (covered) await stderr.write(erase).catch(() => {});
        await stdout.write(ready(stdout, text, tone)).catch(explain);
        if (covered) await stderr.write(shown).catch(() => {});
      });
      results = written;
      written.catch(() => {}); // whoever awaits it, or flush(), meets the error
      return written;
    },
    note(text, tone) {
      const whole = ready(stderr, text, tone);
      return toStderr(() => shown === "" ? whole : erase + whole + shown);
    },
    status(line = "") {
      if (!hasStatus) return Promise.resolve();
      // One column stays free: where the last one is filled, some terminals begin a new line.
      const width = (stderr.columns ?? 80) - 1;
      const next = [...clean(line).replaceAll("\n", " ")].slice(0, width).join("");
      return toStderr(() => {
        if (next === shown) return "";
        shown = next;
        return erase + next;
      });
    },
    async flush() {
      await notes;
      await results;
    },
  };
}

/** Back to the beginning of the line, and away with it. */
const erase = "\r\u001b[2K";

const tones: Readonly<Record<Tone, number>> = { good: 32, bad: 31, strong: 1, faint: 2 };

function createCleaner({ env }: Pick<Host, "env">): (text: string) => string {
  const secrets = ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", adminKeyVariable]
    .map((name) => env(name)?.trim() ?? "")
    .filter((secret) => secret.length >= 8); // a shorter one is a placeholder, and part of words
  return (text) =>
    secrets.reduce((rest, secret) => rest.replaceAll(secret, "[redacted]"), text)
      .replace(/sk-ant-[\w-]+/g, "[redacted]")
      .replace(/[^\P{C}\n]|[\u2028\u2029]/gu, " ");
}

/** Nobody who reads is nobody's failure; any other has a reason that can be said. */
function explain(error: unknown): never {
  throw isClosedOutput(error) ? error : fileError("write to stdout", error, exitCode.failed);
}

/** Whether an error says that nobody reads an output any more. */
export function isClosedOutput(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EPIPE";
}
