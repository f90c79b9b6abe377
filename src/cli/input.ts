/** Reads lines, texts and plans from stdin and from files, in bounded memory. */
import { isAbort, unlessAborted, within } from "../core/abort.ts";
import { createLineSplitter } from "../core/bytes.ts";
import { checkClient } from "../core/client.ts";
import { PurgeRefusedError } from "../core/errors.ts";
import { checkPlan, type PurgePlan } from "../purge/plan.ts";
import type { ResultStore } from "../purge/export.ts";
import { parseJsonOnce } from "../purge/strict-json.ts";
import type { CommandClient } from "./client.ts";
import { CommandError, fileError } from "./errors.ts";
import type { Files } from "./host.ts";
import { describeDuration } from "./text.ts";

const maxLineBytes = 1_024;

/** Reads the lines of an input, trimmed, without blank ones. */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  name = "",
): AsyncGenerator<string, void> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const splitter = createLineSplitter(maxLineBytes + 1);
  let number = 0;
  const refuse = (why: string) => new CommandError(`Cannot read ${name}line ${number}: ${why}`);
  const textOf = (bytes: Uint8Array, ends: boolean): string => {
    number += 1;
    if (!ends && bytes.length > maxLineBytes) {
      throw refuse(`it is longer than ${maxLineBytes} bytes`);
    }
    try {
      return decoder.decode(bytes).trim();
    } catch {
      throw refuse("it is not UTF-8 text");
    }
  };
  for await (const chunk of chunks) {
    for (const { bytes, ends } of splitter.split(chunk)) {
      const line = textOf(bytes, ends);
      if (line !== "") yield line;
    }
  }
  const last = textOf(splitter.rest(), false);
  if (last !== "") yield last;
}

/** Reads the lines of a file, as {@link readLines} does. */
export function readFileLines(
  files: Pick<Files, "read">,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  return readLines(readFile(files, path, signal), `${path}, `);
}

/** Reads a file whole. */
export async function readText(
  files: Pick<Files, "read">,
  path: string,
  limit: { readonly bytes: number; readonly what: string },
  signal: AbortSignal,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of readFile(files, path, signal)) {
    size += chunk.length;
    if (size > limit.bytes) {
      throw new CommandError(`Cannot use ${path}: it is too large to be ${limit.what}`);
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

async function* readFile(files: Pick<Files, "read">, path: string, signal: AbortSignal) {
  try {
    yield* untilAborted(files.read(path), { signal });
  } catch (error) {
    throw isAbort(error, signal) ? error : fileError("read", path, error);
  }
}

/** What ends the reading of a source early. */
export interface ReadingLimits {
  readonly signal?: AbortSignal | undefined;
  /** The longest wait for one value, in milliseconds. */
  readonly limit?: number | undefined;
}

/**
 * Reads a source until a signal is aborted, whether or not the source heeds the signal. If the reading
 * ends early, the source is ended, too; its end is not awaited, since its next value may never come.
 */
export async function* untilAborted<Value>(
  source: AsyncIterable<Value>,
  { signal, limit }: ReadingLimits,
): AsyncGenerator<Value, void> {
  signal?.throwIfAborted();
  const iterator = source[Symbol.asyncIterator]();
  let mayHaveMore = true;
  const next = async () => {
    const result = await iterator.next();
    mayHaveMore = !result.done;
    return result;
  };
  try {
    for (;;) {
      const result = await unlessAborted(limit ? inTime(next(), limit) : next(), signal);
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    if (mayHaveMore) Promise.resolve(iterator.return?.()).catch(() => {});
  }
}

/** Waits for something, at most so many milliseconds. */
export async function inTime<Value>(work: Promise<Value>, limit: number): Promise<Value> {
  const done = await within(limit, work);
  if (done === "late") throw new Error(`it takes longer than ${describeDuration(limit)}`);
  return done.value;
}

/** Opens the directory that results are saved in, if there is one. */
export async function openResults(
  directory: string | undefined,
  files: Files,
): Promise<ResultStore | undefined> {
  if (directory === undefined) return undefined;
  return await files.resultsIn(directory).catch((error) => {
    throw fileError("open", directory, error);
  });
}

/** Reads a plan that a client is about to apply. */
export async function readPlan(
  files: Pick<Files, "read">,
  path: string,
  client: CommandClient,
  signal: AbortSignal,
): Promise<PurgePlan> {
  const limit = { bytes: 268_435_456, what: "a plan" }; // of 100,000 batches, it has some 18 MB
  const text = await readText(files, path, limit, signal);
  const cannotUse = (why: string) => new CommandError(`Cannot use ${path}: ${why}`);
  try {
    const input = parseJsonOnce(text, (member, why) => cannotUse(`${member} ${why}`));
    return checkPlan(checkClient(client), input);
  } catch (error) {
    if (error instanceof SyntaxError) throw cannotUse("it is not JSON");
    throw error instanceof PurgeRefusedError ? cannotUse(error.why) : error;
  }
}

/** Writes a plan, a line for each batch, so that people can read and compare it. */
export async function writePlan(
  files: Pick<Files, "write">,
  path: string,
  plan: PurgePlan,
): Promise<void> {
  const { items, ...head } = plan;
  const lines = items.map((item) => `\n    ${JSON.stringify(item)}`);
  const opened = JSON.stringify(head, null, 2).slice(0, -"\n}".length);
  try {
    await files.write(path, `${opened},\n  "items": [${lines.join(",")}\n  ]\n}\n`);
  } catch (error) {
    throw fileError("write", path, error);
  }
}
