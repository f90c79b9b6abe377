import { readAuditTrail, type UnreadableLine } from "../../audit/jsonl.ts";
import type { AuditEntry } from "../../core/ports.ts";
import { CommandError } from "../exit-code.ts";
import { fileError } from "../input/file-error.ts";
import { untilAborted } from "../input/until-aborted.ts";
import type { Files } from "../host.ts";

/** What there is in a file that should be an audit trail. */
export interface TrailSurvey {
  readonly entries: number;
  /** How many lines are no entries. */
  readonly unreadable: number;
  /** The first ten of those. */
  readonly firstUnreadable: readonly UnreadableLine[];
  /** Why it is no audit trail, if it is none. */
  readonly foreign: CommandError | undefined;
}

/** How a file is read. */
export interface SurveyOptions {
  /** Is given each entry. */
  readonly onEntry?: ((entry: AuditEntry) => void) | undefined;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

const mostNamed = 10;

/**
 * Reads a file that should be an audit trail, whole.
 *
 * @throws {CommandError} It cannot be read.
 */
export async function surveyTrail(
  files: Pick<Files, "read">,
  path: string,
  { onEntry, signal }: SurveyOptions = {},
): Promise<TrailSurvey> {
  let entries = 0;
  let unreadable = 0;
  let cut = 0;
  const firstUnreadable: UnreadableLine[] = [];
  const beginning = watchBeginning();
  const onUnreadable = (line: UnreadableLine) => {
    unreadable += 1;
    if (line.reason === "not_json" || line.reason === "not_text") cut += 1;
    if (firstUnreadable.length < mostNamed) firstUnreadable.push(line);
  };
  try {
    const source = beginning.of(untilAborted(files.read(path), signal));
    for await (const entry of readAuditTrail(source, { onUnreadable })) {
      entries += 1;
      onEntry?.(entry);
    }
  } catch (error) {
    if (signal?.aborted && error === signal.reason) throw error;
    throw fileError(`read ${path}`, error);
  }
  // A process that died while it wrote the first entry has left a piece of a line, no more.
  const isTorn = unreadable === 1 && cut === 1 && beginning.isOfEntry();
  const isForeign = entries === 0 && unreadable > 0 && !isTorn;
  const foreign = isForeign
    ? new CommandError(`Cannot use ${path}: it is no audit trail`)
    : undefined;
  return { entries, unreadable, firstUnreadable, foreign };
}

/** What every entry begins with. */
const entryBegins = '{"version":1,';

/** Sees what the bytes of a file begin with, blank lines aside. */
function watchBeginning() {
  const decoder = new TextDecoder();
  let text = "";
  return {
    async *of(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
      for await (const bytes of source) {
        if (text.length < entryBegins.length) {
          text = (text + decoder.decode(bytes, { stream: true })).trimStart()
            .slice(0, entryBegins.length);
        }
        yield bytes;
      }
    },
    /** Whether an entry begins so, or with more of it. */
    isOfEntry: () => text !== "" && entryBegins.startsWith(text.trimEnd()),
  };
}
