/** What the command writes: results to stdout, notes and questions to stderr, progress below them. */
import { systemClock } from "../core/client.ts";
import { codeOf } from "../config/system-errors.ts";
import { exitCode, fileError } from "./errors.ts";
import type { Host, Output } from "./host.ts";
import { untilAborted } from "./input.ts";
import type { Outcome } from "./report.ts";
import { countOf, describeDuration, wrap } from "./text.ts";

/** How a text is meant. A terminal shows it in a colour, unless `NO_COLOR` is set. */
export type Tone = "good" | "bad" | "strong" | "faint";

/** Results and notes, in order, fit for a terminal, and without secrets. */
export interface CommandOutput {
  /** Writes to stdout. Rejects if it cannot be written, or if its reader has closed it. */
  result(text: string, tone?: Tone): Promise<void>;
  /** Writes to stdout: to a terminal as {@link CommandOutput.result} does, else unchanged. */
  raw(text: string): Promise<void>;
  /** Writes a value to stdout as one line of JSON, unchanged but for secrets. */
  json(value: unknown): Promise<void>;
  /** Writes to stderr. A note that cannot be written is dropped. */
  note(text: string, tone?: Tone): Promise<void>;
  /** Shows a line below all others, in the place of the last, or none. Only a terminal has it. */
  status(line: string | undefined): Promise<void>;
  /** Resolves when everything is written; rejects as {@link CommandOutput.result} does. */
  flush(): Promise<void>;
}

/** What every command works with. */
export interface Context {
  readonly host: Host;
  readonly output: CommandOutput;
}

/** The variable of the administrator's key. */
export const adminKeyVariable = "ANTHROPIC_ADMIN_KEY";

/** The variable of the service's token for its audit trail. */
export const tokenVariable = "AUDIT_TOKEN";

/**
 * Creates the outputs of a host. Every text goes through here: secrets of the environment and
 * anything that looks like an API key are redacted, and control characters become spaces. Only this
 * function adds what moves a cursor or sets a colour.
 */
export function createOutput(host: Pick<Host, "env" | "stdout" | "stderr">): CommandOutput {
  const { stdout, stderr } = host;
  const redact = createRedactor(host);
  const clean = (text: string) => redact(text).replace(/[^\P{C}\n]|[\u2028\u2029]/gu, " ");
  const isPlain = host.env("TERM") === "dumb"; // such a terminal shows escape sequences as text
  const hasColours = !isPlain && !host.env("NO_COLOR");
  const ready = (to: Output, text: string, tone?: Tone): string => {
    const cleaned = wrap(clean(text), to.columns);
    if (tone === undefined || !hasColours || to.columns === undefined) return cleaned;
    return cleaned.replace(/[^\n]+/g, (line) => `\u001b[${tones[tone]}m${line}\u001b[0m`);
  };

  const hasStatus = stderr.columns !== undefined && !isPlain;
  let shown = "";
  let results: Promise<unknown> = Promise.resolve();
  let notes: Promise<unknown> = Promise.resolve(); // never rejects
  /** Both outputs have to pass the status line, so they take turns if there is one. */
  const turn = (own: Promise<unknown>, other: Promise<unknown>) =>
    hasStatus ? Promise.all([own, other.catch(() => {})]) : own;
  const toStdout = (text: string): Promise<void> => {
    const written = turn(results, notes).then(async () => {
      const isCovered = shown !== "" && stdout.columns !== undefined;
      if (isCovered) await stderr.write(erase).catch(() => {});
      await stdout.write(text).catch((error) => {
        const isClosed = isClosedOutput(error);
        throw isClosed ? error : fileError("write", "to stdout", error, exitCode.failed);
      });
      if (isCovered) await stderr.write(shown).catch(() => {});
    });
    results = written;
    written.catch(() => {}); // the caller gets the error, and flush() does
    return written;
  };
  const toStderr = (compose: () => string): Promise<void> => {
    const written = turn(notes, results).then(() => stderr.write(compose())).catch(() => {});
    notes = written;
    return written;
  };
  return {
    result: (text, tone) => toStdout(ready(stdout, text, tone)),
    raw: (text) => toStdout(stdout.columns === undefined ? text : ready(stdout, text)),
    json: (value) => toStdout(`${redact(escapeControls(JSON.stringify(value)))}\n`),
    note(text, tone) {
      const whole = ready(stderr, text, tone);
      return toStderr(() => shown === "" ? whole : erase + whole + shown);
    },
    status(line = "") {
      if (!hasStatus) return Promise.resolve();
      // One column stays free: some terminals begin a new line when the last one is filled.
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

/** Returns to the beginning of the line, and clears it. */
const erase = "\r\u001b[2K";

const tones: Readonly<Record<Tone, number>> = { good: 32, bad: 31, strong: 1, faint: 2 };

/** Escapes control and format characters. The JSON means the same. */
function escapeControls(json: string): string {
  const escape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return json.replace(
    /\p{C}|[\u2028\u2029]/gu,
    (character) => character.split("").map(escape).join(""),
  );
}

function createRedactor({ env }: Pick<Host, "env">): (text: string) => string {
  const secrets = ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", adminKeyVariable, tokenVariable]
    .map((name) => env(name)?.trim() ?? "")
    .filter((secret) => secret.length >= 8); // a shorter one is a placeholder, and part of words
  return (text) =>
    secrets.reduce((rest, secret) => rest.replaceAll(secret, "[redacted]"), text)
      .replace(/sk-ant-[\w-]+/g, "[redacted]");
}

/** Whether an error says that the reader has closed an output. */
export function isClosedOutput(error: unknown): boolean {
  return codeOf(error) === "EPIPE";
}

/** Whether a person can be asked: the question goes to stderr, the answer comes from stdin. */
export function canAsk({ stdin, stderr }: Pick<Host, "stdin" | "stderr">): boolean {
  return stdin.isTerminal && stderr.columns !== undefined;
}

const maxAnswerLength = 1_024;

/**
 * Asks a person to type how many batches will be deleted. People type a word that is always the same
 * out of habit, but have to read a number first.
 */
export async function askToDelete(
  { stdin, signal }: Pick<Host, "stdin" | "signal">,
  output: CommandOutput,
  count: number,
): Promise<boolean> {
  await output.note("This cannot be undone.\n", "bad");
  const them = count === 1 ? "it" : "them";
  await output.note(`Type ${count} to delete ${them}, anything else to stop: `, "strong");
  const decoder = new TextDecoder();
  let answer = "";
  try {
    for await (const chunk of untilAborted(stdin.read(), { signal })) {
      answer += decoder.decode(chunk, { stream: true });
      if (answer.includes("\n") || answer.length > maxAnswerLength) break;
    }
  } finally {
    if (!answer.includes("\n")) await output.note("\n"); // so that the next text begins a line
  }
  return answer.split("\n")[0]?.trim() === String(count);
}

/** The progress of a run. */
export interface Progress {
  /** Counts an outcome. An object that was never attempted makes no progress. */
  add(outcome: Pick<Outcome, "outcome" | "id">): void;
  /** Removes the line. */
  end(): Promise<void>;
}

const minInterval = 50; // ms between two lines: more would not be seen
const maxInterval = 1_000; // ms between two lines: the time that goes by is shown
const rateWindow = 10_000; // ms
const [minBar, maxBar] = [10, 30]; // columns

/**
 * Shows how far a run is: the share that is done, the rate of the last ten seconds, and the time left
 * at that rate, such as `[=========>          ] 45/100  12.3/s  5s left  1 failed`. If only waits are
 * left, it shows how many, and how long they last by now.
 */
export function createProgress(
  { host: { clock = systemClock, stderr: { columns } }, output }: Context,
  total: number,
  waited: ReadonlySet<string> = new Set(),
): Progress {
  if (total < 2 && waited.size === 0 || columns === undefined) {
    return { add: () => {}, end: () => Promise.resolve() };
  }
  const start = clock.now();
  const samples = [{ at: start, done: 0 }];
  let [done, failed, waiting] = [0, 0, waited.size];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const describe = (at: number): string => {
    const left = total - done;
    if (left > 0 && left === waiting) {
      const time = describeDuration(Math.floor((at - start) / 1_000) * 1_000);
      return `Waiting for ${countOf(left, "message batch")}, ${time}`;
    }
    const [first = { at, done }] = samples;
    const seconds = (at - first.at) / 1_000;
    const rate = seconds < 1 ? undefined : (done - first.done) / seconds;
    const parts = [`${done}/${total}`];
    if (rate !== undefined) parts.push(`${rate < 100 ? rate.toFixed(1) : Math.round(rate)}/s`);
    if (rate) parts.push(`${describeDuration(Math.ceil(left / rate) * 1_000)} left`);
    if (failed > 0) parts.push(`${failed} failed`);
    const text = parts.join("  ");
    const width = Math.min((columns || 80) - text.length - "[] ".length - 1, maxBar);
    if (width < minBar) return text;
    const filled = total === 0 ? width : Math.floor(done / total * width);
    const bar = filled < width ? `${"=".repeat(filled)}>` : "=".repeat(width);
    return `[${bar.padEnd(width)}] ${text}`;
  };
  const draw = () => {
    clearTimeout(timer);
    timer = undefined;
    const at = clock.now();
    samples.push({ at, done });
    while (samples.length > 2 && at - (samples[1]?.at ?? at) >= rateWindow) samples.shift();
    void output.status(describe(at));
  };
  draw();
  const ticker = setInterval(draw, maxInterval);
  return {
    add({ outcome, id }) {
      if (outcome === "unattempted") return;
      done += 1;
      if (waited.has(id)) waiting -= 1;
      if (outcome === "failed") failed += 1;
      timer ??= setTimeout(draw, minInterval);
    },
    end() {
      clearTimeout(timer);
      clearInterval(ticker);
      return output.status(undefined);
    },
  };
}
