/** Words, numbers and tables as the command writes and reads them. */
import type { MessageBatch } from "../core/batches.ts";
import type { RequestEvent } from "../core/client.ts";
import { parseTimestamp } from "../purge/time.ts";

/** A name of the API, such as `message_batch`, as words on one line. */
export function words(name: string): string {
  return name.replace(/[_\n]/g, " ");
}

/** A name of the API as words, with the article before them: `a user`, `an invite`. */
export function withArticle(name: string): string {
  return `${/^[aeio]/.test(name) ? "an" : "a"} ${words(name)}`;
}

/** A number and what is counted: `1 message batch`, `12 lines`. */
export function countOf(count: number, noun: string): string {
  if (count === 1) return `1 ${noun}`;
  return `${count} ${noun}${noun.endsWith("ch") ? "es" : "s"}`;
}

/** The first texts of a list, and how many more there are. */
export function firstFew(
  texts: readonly string[],
  most: number,
  count: number = texts.length,
): readonly string[] {
  return [...texts.slice(0, most), ...count > most ? [`and ${count - most} more`] : []];
}

/** What is known besides, in parentheses; nothing if there is nothing. */
export function details(...parts: readonly (string | undefined)[]): string {
  const given = parts.filter((part) => part !== undefined);
  return given.length > 0 ? ` (${given.join(", ")})` : "";
}

/**
 * Breaks lines that a terminal has no room for between two words. The rest is indented: by the first
 * column of a table of two, where its words fit.
 */
export function wrap(text: string, columns: number = Infinity): string {
  const lines = text.split("\n").flatMap((line) => {
    if (line.length <= columns) return [line];
    const [table = ""] = /^(\S.*? {2,}| +)(?=\S)/.exec(line) ?? [];
    const longest = line.slice(table.length).split(" ")
      .reduce((most, { length }) => Math.max(most, length), 0);
    const indent = " ".repeat(table.length + longest <= columns ? Math.max(2, table.length) : 2);
    const broken: string[] = [];
    let [lead, from] = ["", 0];
    while (lead.length + line.length - from > columns) {
      const at = line.lastIndexOf(" ", from + columns - lead.length);
      if (lead.length + at - from <= indent.length) break; // a word that is longer than the line
      broken.push((lead + line.slice(from, at)).trimEnd());
      [lead, from] = [indent, at + 1];
    }
    return [...broken, lead + line.slice(from)];
  });
  return lines.join("\n");
}

/** Any text on one line, fit for a terminal: quoted, shortened and escaped. */
export function quote(text: string): string {
  const short = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  const escape = (character: string) => `\\u{${character.codePointAt(0)?.toString(16)}}`;
  return JSON.stringify(short).replace(/[\p{C}\u2028\u2029]/gu, escape);
}

/** An indented command line for a shell. It is broken between words that have no room in a line. */
export function formatCommand(words: readonly string[], columns = 80): string {
  let text = "";
  let line = " ";
  for (const word of words) {
    const isPlain = /^[\w@%+=:,./-]+$/.test(word);
    const quoted = isPlain ? word : `'${word.replaceAll("'", "'\\''")}'`;
    if (line.length + quoted.length + 3 > columns && line.trim() !== "") {
      text += `${line} \\\n`;
      line = "   ";
    }
    line += ` ${quoted}`;
  }
  return `${text}${line}\n`;
}

const states = ["succeeded", "errored", "canceled", "expired", "processing"] as const;

/** What became of the requests of a batch, such as `2 succeeded, 1 errored`. */
export function describeRequests({ request_counts: counts }: MessageBatch): string {
  const parts = states.filter((state) => counts[state] > 0)
    .map((state) => `${counts[state]} ${state}`);
  return parts.join(", ") || "no requests";
}

/** One attempt at a request, on one line. */
export function describeRequest(event: RequestEvent): string {
  const { method, pathTemplate, attempt, status, errorCode, duration, retryDelay } = event;
  const again = retryDelay === undefined ? "" : `, again in ${Math.round(retryDelay)} ms`;
  return `${method} ${pathTemplate}, attempt ${attempt}: ${status ?? errorCode} in ` +
    `${Math.round(duration)} ms${again}${details(event.requestId)}`;
}

/** A table of two columns, a line each row. Rows without a text are left out. */
export function describeRows(
  rows: readonly (readonly [name: string, text: string | false | undefined])[],
  width: number,
): string {
  return rows.flatMap(([name, text]) =>
    text ? `${name.padEnd(width)}  ${text.replaceAll("\n", " ")}\n` : []
  ).join("");
}

const units = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;
const isUnit = (unit: string): unit is keyof typeof units => unit in units;

/** Reads a duration with its unit: `500ms`, `30s`, `2m`, `12h`, `7d`. */
export function parseDuration(text: string): number | undefined {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  return isUnit(unit) ? Number(number) * units[unit] : undefined;
}

/** Milliseconds as people say them, in two units at most: `45s`, `3m 20s`, `2h`. */
export function describeDuration(duration: number): string {
  const all = Object.entries(units);
  const at = all.findIndex(([, factor]) => duration >= factor);
  const [[unit, factor] = ["s", 1_000], [smaller, part] = ["ms", 1]] = at < 0 ? [] : all.slice(at);
  const rest = Math.floor(duration % factor / part);
  return `${Math.floor(duration / factor)}${unit}${rest > 0 ? ` ${rest}${smaller}` : ""}`;
}

/** A time of the API as `2026-11-22 14:30`, in UTC; `undefined` if it cannot be read. */
export function toMinute(text: string | null): string | undefined {
  const at = parseTimestamp(text);
  return at === undefined ? undefined : new Date(at).toISOString().slice(0, 16).replace("T", " ");
}

/** One column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  /** If the terminal is too narrow, the column with the lowest number is left out first. */
  readonly leaves?: number | undefined;
  /** Its texts may be cut to so many characters before a column is left out. */
  readonly least?: number | undefined;
}

/** Lays out rows as a table, with a line of titles. */
export function formatTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  width: number = Infinity,
): string {
  let laid = columns.map(({ title, cell, leaves = Infinity, least = Infinity }) => {
    const lines = [title, ...rows.map((row) => cell(row).replace(/[\s\p{C}]/gu, " "))];
    const width = lines.reduce((most, { length }) => Math.max(most, length), 0);
    return { lines, width, least: Math.min(least, width), leaves };
  });
  const sum = (widths: readonly number[]) =>
    widths.reduce((sum, width) => sum + width, gap.length * (widths.length - 1));
  while (sum(laid.map(({ least }) => least)) > width) {
    const lowest = Math.min(...laid.map(({ leaves }) => leaves));
    if (lowest === Infinity) break;
    laid = laid.filter(({ leaves }) => leaves !== lowest);
  }
  let excess = Math.max(0, sum(laid.map((column) => column.width)) - width);
  const shown = laid.map((column) => {
    const cut = Math.min(excess, column.width - column.least);
    excess -= cut;
    return column.lines.map((line) => fit(line, column.width - cut));
  });
  return Array.from(
    { length: rows.length + 1 },
    (_, index) => `${shown.map((lines) => lines[index] ?? "").join(gap).trimEnd()}\n`,
  ).join("");
}

const gap = "  ";

/** Cuts a text between two words if it can. */
function fit(text: string, width: number): string {
  if (text.length <= width) return text.padEnd(width);
  const cut = text.slice(0, width - 1);
  const end = /[\s,;]/.test(text.charAt(width - 1)) ? cut.length : cut.lastIndexOf(" ");
  const words = end > 0 ? cut.slice(0, end) : cut;
  return `${words.replace(/[\s,;]+$/, "")}…`.padEnd(width);
}
