/**
 * An audit trail in a file.
 *
 * @module
 */
import {
  type AuditEntry,
  type AuditTrail,
  type AuditVerification,
  createJsonlAuditTrail,
  type UnreadableLine,
  verifyAuditTrail,
  type VerifyAuditTrailOptions,
} from "../audit/mod.ts";
import { isAbort } from "../core/abort.ts";
import { type PurgeHistory, readHistory } from "../purge/apply.ts";
import { CommandError, exitCode, fileError, firstOf } from "./errors.ts";
import type { Files, OpenFile } from "./host.ts";
import { filesInTime, inTime, untilAborted } from "./input.ts";
import type { Context } from "./output.ts";

/** What there is in a file that should be an audit trail. */
export interface TrailSurvey extends AuditVerification {
  /** The first ten lines that are not entries. */
  readonly firstUnreadable: readonly UnreadableLine[];
  /** Why it is no audit trail, if it is none. */
  readonly foreign: CommandError | undefined;
}

const maxNamed = 10;

/** Reads a file that should be an audit trail, once and whole. */
export async function surveyTrail(
  files: Pick<Files, "read">,
  path: string,
  { signal, ...options }: VerifyAuditTrailOptions & { readonly signal?: AbortSignal } = {},
): Promise<TrailSurvey> {
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
    if (line.reason === "not_json" || line.reason === "not_text") cut += 1;
    if (firstUnreadable.length < maxNamed) firstUnreadable.push(line);
  };
  const found = await verifyAuditTrail(bytes(), { ...options, onUnreadable }).catch((error) => {
    throw isAbort(error, signal) ? error : fileError("read", path, error);
  });
  // A process that died while it wrote the first entry has left a piece of one line.
  const isTorn = found.unreadable === 1 && cut === 1 && beginning !== "" &&
    entryBegins.startsWith(beginning.trimEnd());
  const isForeign = found.entries === 0 && found.unreadable > 0 && !isTorn;
  const foreign = isForeign
    ? new CommandError(`Cannot use ${path}: it is no audit trail`)
    : undefined;
  return { ...found, firstUnreadable, foreign };
}

/** What every entry begins with. */
const entryBegins = '{"version":1,';

/** An audit trail in an open file. */
export interface TrailFile extends AuditTrail {
  readonly path: string;
  /** What it had about the ids that it was opened for. */
  readonly history: readonly AuditEntry[];
  /** The ids of the entries that were added. */
  readonly added: ReadonlySet<string>;
  close(): Promise<void>;
}

/** Opens an audit trail, and reads all of it. A file that is something else is refused. */
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
  } catch (error) {
    await file.close();
    throw error;
  }
  const trail = createJsonlAuditTrail(file);
  const added = new Set<string>();
  return {
    path,
    history,
    added,
    async append(entry) {
      await trail.append(entry).catch((error) => {
        throw fileError("write", path, error, exitCode.failed);
      });
      added.add(entry.id);
    },
    close: () => file.close(),
  };
}

/** What a trail says of ids, however long ago it was written. */
export async function readPast(
  trail: TrailFile | undefined,
  ids: readonly string[],
  kind: string,
): Promise<PurgeHistory> {
  const items = ids.map((id) => ({ id }));
  return await readHistory(trail?.history ?? [], { items, kind });
}

async function open(files: Pick<Files, "appendTo">, path: string): Promise<OpenFile> {
  return await files.appendTo(path).catch((error) => {
    throw fileError("open", path, error);
  });
}

/** Runs something that records what it does, then closes the trail and tells its head. */
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
      if (trail.added.size === 0) return;
      const lost = new Set(trail.added);
      const onEntry = ({ id }: AuditEntry) => lost.delete(id);
      const { head } = await surveyTrail(filesInTime(host.files, limit), path, { onEntry });
      await output.note(`Recorded in ${path}\n  Head ${head}\n`);
      if (lost.size === 0) return;
      throw new CommandError(
        `${lost.size} of the ${trail.added.size} entries of this run are not in ${path}: it was ` +
          "moved or cut meanwhile\nFind the file that has them",
      );
    });
    await afterwards(() =>
      inTime(trail.close(), limit).catch((error) => {
        throw fileError("close", path, error, exitCode.failed);
      })
    );
  }
  return code;
}
