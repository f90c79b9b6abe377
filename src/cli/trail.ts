/** An audit trail in a file. */
import {
  type AuditEntry,
  type AuditTrail,
  type AuditVerification,
  type ByteSource,
  createJsonlAuditTrail,
  type UnreadableLine,
  verifyAuditTrail,
  type VerifyAuditTrailOptions,
} from "../audit/mod.ts";
import { isAbort } from "../core/abort.ts";
import { checkClient, type Client } from "../core/client.ts";
import { CommandError, exitCode, fileError, firstOf } from "./errors.ts";
import { inTime, type ReadingLimits, untilAborted } from "./input.ts";
import { type Context, isClosedOutput } from "./output.ts";

/** What there is in an audit trail. */
export type TrailSurvey<Found = AuditVerification> = Found & {
  /** The first ten lines that are not entries. */
  readonly firstUnreadable: readonly UnreadableLine[];
};

const entryBegins = '{"version":1,';

/** Reads bytes that should be an audit trail, once and whole. Other bytes are an error. */
export async function surveyTrail<Found extends AuditVerification>(
  survey: (source: ByteSource, options: VerifyAuditTrailOptions) => Promise<Found>,
  source: AsyncIterable<Uint8Array>,
  path: string,
  { signal, limit, ...options }: VerifyAuditTrailOptions & ReadingLimits,
): Promise<TrailSurvey<Found>> {
  let beginning = "";
  const firstUnreadable: UnreadableLine[] = [];
  const decoder = new TextDecoder();
  const bytes = async function* () {
    for await (const chunk of untilAborted(source, { signal, limit })) {
      if (beginning.length < entryBegins.length) {
        beginning = (beginning + decoder.decode(chunk, { stream: true })).trimStart()
          .slice(0, entryBegins.length);
      }
      yield chunk;
    }
  };
  const onUnreadable = (line: UnreadableLine) => {
    if (firstUnreadable.length < 10) firstUnreadable.push(line);
  };
  const found = await survey(bytes(), { ...options, onUnreadable }).catch((error) => {
    const isTold = error instanceof CommandError || isClosedOutput(error);
    throw isTold || isAbort(error, signal) ? error : fileError("read", path, error);
  });
  if (found.entries === 0 && found.unreadable > 0) {
    // A process that died while it wrote the first entry has left a piece of one line.
    const isCut = ["not_json", "not_text"].includes(firstUnreadable[0]?.reason ?? "");
    const isTorn = found.unreadable === 1 && isCut && beginning !== "" &&
      entryBegins.startsWith(beginning.trimEnd());
    if (!isTorn) throw new CommandError(`Cannot use ${path}: it is no audit trail`);
  }
  return { ...found, firstUnreadable };
}

/** An audit trail in an open file. */
export interface TrailFile extends AuditTrail {
  /** What it had about the ids that it was opened for. */
  readonly history: readonly AuditEntry[];
}

/**
 * Opens an audit trail and reads all of it, lets a run record into it, then prints the
 * head and closes the file. A file that is something else is refused. The timeout of the
 * client limits each access to the file at the end.
 */
export async function withTrail(
  path: string | undefined,
  client: Client,
  ids: Iterable<string>,
  context: Context,
  run: (trail: TrailFile | undefined) => Promise<number>,
): Promise<number> {
  if (path === undefined) return await run(undefined);
  const { host: { files, signal }, output } = context;
  const { timeout } = checkClient(client);
  const file = await files.appendTo(path).catch((error) => {
    throw fileError("open", path, error);
  });
  const { append } = createJsonlAuditTrail(file);
  const wanted = new Set(ids);
  const history: AuditEntry[] = [];
  const added = new Set<string>();
  let code: number = exitCode.failed;
  /** What was deleted stays deleted if this fails, so the failure is told beside. */
  const tell = async (error: unknown) => {
    if (!(error instanceof CommandError)) throw error;
    await output.note(`${error.message}\n`, "bad");
    code = firstOf(code, exitCode.failed);
  };
  try {
    const onEntry = (entry: AuditEntry) => wanted.has(entry.objectId) && history.push(entry);
    const source = files.read(path);
    const { unreadable } = await surveyTrail(verifyAuditTrail, source, path, { signal, onEntry });
    if (unreadable > 0) {
      const what = unreadable === 1 ? "1 line is no entry" : `${unreadable} lines are no entries`;
      await output.note(`${path}: ${what}, and passed over\n`);
    }
    code = await run({
      history,
      async append(entry) {
        await append(entry).catch((error) => {
          throw fileError("write", path, error, exitCode.failed);
        });
        added.add(entry.id);
      },
    });
  } finally {
    await tellHead(path, added, timeout, context).catch(tell);
    await inTime(file.close(), timeout)
      .catch((error) => tell(fileError("close", path, error, exitCode.failed)));
  }
  return code;
}

/** Tells the head of a trail, and verifies that it has what was added. */
async function tellHead(
  path: string,
  added: ReadonlySet<string>,
  limit: number,
  { host, output }: Context,
): Promise<void> {
  if (added.size === 0) return;
  const lost = new Set(added);
  const onEntry = ({ id }: AuditEntry) => lost.delete(id);
  const find = "Find the file that has them";
  const source = host.files.read(path);
  const { head } = await surveyTrail(verifyAuditTrail, source, path, { limit, onEntry })
    .catch((error) => {
      if (!(error instanceof CommandError)) throw error;
      const had = `Entries of this run that it had: ${added.size}`;
      throw new CommandError(`${error.message}\n${had}\n${find}`);
    });
  await output.note(`Recorded in ${path}\n  Head ${head}\n`);
  if (lost.size === 0) return;
  throw new CommandError(
    `${lost.size} of the ${added.size} entries of this run are not in ${path}: it was ` +
      `moved or cut meanwhile\n${find}`,
  );
}
