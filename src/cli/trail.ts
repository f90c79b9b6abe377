/**
 * An audit trail in a file, and its seals beside it.
 *
 * @module
 */
import {
  type AuditEntry,
  type AuditSealing,
  type AuditSource,
  type AuditTrail,
  AuditTrailError,
  createJsonlAuditTrail,
  readAuditTrail,
  sealAuditTrail,
  type UnreadableLine,
  verifyAuditTrail,
} from "../audit/mod.ts";
import { isAbort } from "../core/abort.ts";
import { codeOf, CommandError, exitCode, fileError, firstOf } from "./errors.ts";
import type { Files, OpenFile } from "./host.ts";
import { filesInTime, inTime, untilAborted } from "./input.ts";
import type { Context } from "./output.ts";
import { countOf } from "./text.ts";

/** Where the seals of a trail are. */
export const sealsOf = (path: string): string => `${path}.seals`;

/**
 * A trail and its seals, to be verified or sealed. An error of the file system becomes a
 * `CommandError`.
 */
export function auditSource(
  files: Pick<Files, "read">,
  path: string,
  signal?: AbortSignal,
): AuditSource {
  const read = async function* (file: string, mayLack: boolean): AsyncGenerator<Uint8Array> {
    try {
      yield* untilAborted(files.read(file), signal);
    } catch (error) {
      if (isAbort(error, signal)) throw error;
      if (!(mayLack && codeOf(error) === "ENOENT")) throw fileError("read", file, error);
    }
  };
  return { lines: () => read(path, false), seals: () => read(sealsOf(path), true) };
}

/** What there is in a file that should be an audit trail. */
export interface TrailSurvey {
  readonly entries: number;
  /** How many lines are not entries. */
  readonly unreadable: number;
  /** The first ten of those. */
  readonly firstUnreadable: readonly UnreadableLine[];
  /** Why it is no audit trail, if it is none. */
  readonly foreign: CommandError | undefined;
}

const maxNamed = 10;

/** Reads a file that should be an audit trail, whole. */
export async function surveyTrail(
  files: Pick<Files, "read">,
  path: string,
  { onEntry, signal }: {
    readonly onEntry?: ((entry: AuditEntry) => void) | undefined;
    readonly signal?: AbortSignal | undefined;
  } = {},
): Promise<TrailSurvey> {
  let entries = 0;
  let unreadable = 0;
  let cut = 0;
  let beginning = "";
  const firstUnreadable: UnreadableLine[] = [];
  const decoder = new TextDecoder();
  const bytes = async function* () {
    for await (const chunk of untilAborted(files.read(path), signal)) {
      if (beginning.length < entryBegins.length) {
        beginning = (beginning + decoder.decode(chunk, { stream: true })).trimStart()
          .slice(0, entryBegins.length);
      }
      yield chunk;
    }
  };
  const onUnreadable = (line: UnreadableLine) => {
    unreadable += 1;
    if (line.reason === "not_json" || line.reason === "not_text") cut += 1;
    if (firstUnreadable.length < maxNamed) firstUnreadable.push(line);
  };
  try {
    for await (const entry of readAuditTrail(bytes(), { onUnreadable })) {
      entries += 1;
      onEntry?.(entry);
    }
  } catch (error) {
    throw isAbort(error, signal) ? error : fileError("read", path, error);
  }
  // A process that died while it wrote the first entry has left a piece of one line.
  const isTorn = unreadable === 1 && cut === 1 && beginning !== "" &&
    entryBegins.startsWith(beginning.trimEnd());
  const isForeign = entries === 0 && unreadable > 0 && !isTorn;
  const foreign = isForeign
    ? new CommandError(`Cannot use ${path}: it is no audit trail`)
    : undefined;
  return { entries, unreadable, firstUnreadable, foreign };
}

/** What every entry begins with. */
const entryBegins = '{"version":1,';

/** An audit trail in an open file. */
export interface TrailFile extends AuditTrail {
  readonly path: string;
  /** What it had about the ids that it was opened for. */
  readonly history: readonly AuditEntry[];
  /** Whether something was added. */
  hasGrown(): boolean;
  close(): Promise<void>;
}

/**
 * Opens an audit trail, and reads all of it. A file that is something else is refused, and so is a
 * trail that was changed since it was sealed.
 *
 * @param ids The ids whose history is wanted.
 */
export async function openTrail(
  path: string,
  ids: Iterable<string>,
  { host: { files, signal }, output }: Context,
): Promise<TrailFile> {
  const file = await open(files, path);
  const wanted = new Set(ids);
  const history: AuditEntry[] = [];
  try {
    const { unreadable, foreign } = await surveyTrail(files, path, {
      signal,
      onEntry: (entry) => wanted.has(entry.objectId) && history.push(entry),
    });
    if (foreign !== undefined) throw foreign;
    if (unreadable > 0) {
      const what = unreadable === 1 ? "1 line is no entry" : `${unreadable} lines are no entries`;
      await output.note(`${path}: ${what}, and passed over\n`);
    }
    const { problem } = await verifyAuditTrail(auditSource(files, path, signal));
    if (problem !== undefined) throw new CommandError(`Cannot verify ${path}: ${problem.why}`);
    await (await open(files, sealsOf(path))).close();
  } catch (error) {
    await file.close();
    throw error;
  }
  const trail = createJsonlAuditTrail(file);
  let hasGrown = false;
  return {
    path,
    history,
    hasGrown: () => hasGrown,
    async append(entry) {
      hasGrown = true;
      await trail.append(entry).catch((error) => {
        throw fileError("write", path, error, exitCode.failed);
      });
    },
    close: () => file.close(),
  };
}

async function open(files: Pick<Files, "appendTo">, path: string): Promise<OpenFile> {
  return await files.appendTo(path).catch((error) => {
    throw fileError("open", path, error);
  });
}

/**
 * Runs something that records what it does, and seals and closes the trail afterwards.
 *
 * @param options The ids whose history is wanted, and how many milliseconds a write may take at the
 * end.
 * @param run Gets the trail, and gives the exit code.
 */
export async function withTrail(
  path: string | undefined,
  { ids, limit }: { readonly ids: Iterable<string>; readonly limit: number },
  context: Context,
  run: (trail: TrailFile | undefined) => Promise<number>,
): Promise<number> {
  if (path === undefined) return await run(undefined);
  const { host, output } = context;
  const trail = await openTrail(path, ids, context);
  let code: number = exitCode.failed;
  /** What was deleted stays deleted if this fails, so the failure is told beside. */
  const afterwards = async (act: () => Promise<void>) => {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      await output.note(`${error.message}\n`, "bad");
      code = firstOf(code, exitCode.failed);
    }
  };
  try {
    code = await run(trail);
  } finally {
    await afterwards(async () => {
      if (!trail.hasGrown()) return;
      const { added, head } = await sealTrail(filesInTime(host.files, limit), path);
      if (added > 0) {
        await output.note(`Sealed ${countOf(added, "line")} of ${path}\n  Head ${head}\n`);
      }
    });
    await afterwards(() =>
      inTime(trail.close(), limit).catch((error) => {
        throw fileError("close", path, error, exitCode.failed);
      })
    );
  }
  return code;
}

/** Seals the lines of a trail that are not sealed yet. If there are none, nothing is written. */
export async function sealTrail(
  files: Pick<Files, "read" | "appendTo">,
  path: string,
  signal?: AbortSignal,
): Promise<AuditSealing> {
  const seals = sealsOf(path);
  const failed = (verb: "open" | "write" | "close") => (error: unknown) => {
    throw fileError(verb, seals, error);
  };
  let file: OpenFile | undefined;
  const append = async (lines: string) => {
    file ??= await files.appendTo(seals).catch(failed("open"));
    await file.append(lines).catch(failed("write"));
  };
  try {
    const sealing = await sealAuditTrail(auditSource(files, path, signal), { append });
    await file?.close().catch(failed("close"));
    return sealing;
  } catch (error) {
    file?.close().catch(() => {}); // not awaited: what is being written may never end
    if (!(error instanceof AuditTrailError)) throw error;
    throw new CommandError(`Cannot seal ${path}: ${error.why}`, exitCode.failed);
  }
}
