/**
 * `audit`: verifies the file that deletions were recorded in, and prints its head.
 *
 * @module
 */
import type { UnreadableLine } from "../audit/mod.ts";
import { exitCode } from "./errors.ts";
import type { Flags } from "./options.ts";
import type { Context } from "./output.ts";
import { countOf, describeRows, words } from "./text.ts";
import { surveyTrail, type TrailSurvey } from "./trail.ts";

/** Runs `audit head`. */
export async function runHead(
  [path = ""]: readonly string[],
  _: Flags,
  { host: { files, signal }, output }: Context,
): Promise<number> {
  const { head } = await surveyTrail(files, path, { signal });
  await output.result(`${head}\n`);
  return exitCode.done;
}

/** Runs `audit verify`: verifies an audit trail in a file, and says what was found. */
export async function runVerify(
  [path = ""]: readonly string[],
  { head, json = false }: Flags,
  { host: { files, signal, clock }, output }: Context,
): Promise<number> {
  const now = clock?.now();
  const found = await surveyTrail(files, path, { signal, head, now });
  if (json) await output.json({ file: path, ...found });
  else await output.result(describeTrail(path, found));
  if (found.unchanged === false) {
    await output.note(`Cannot verify ${path}: it was changed since its head was ${head}\n`, "bad");
    return exitCode.failed;
  }
  if (head === undefined) {
    await output.note("Without --head, a change is not noticed\n", "faint");
  }
  return exitCode.done;
}

/** What was found, as a table of two columns. */
function describeTrail(
  path: string,
  { head, entries, unreadable, firstUnreadable, openIntents, unchanged }: TrailSurvey,
): string {
  return describeRows([
    ["Trail", path],
    ["Entries", String(entries)],
    ["No entries", unreadable > 0 && describeUnreadable(unreadable, firstUnreadable)],
    [
      "Open",
      openIntents.length > 0 && `${countOf(openIntents.length, "deletion")} of unknown outcome: ` +
        namesOf(openIntents.map(({ objectId }) => objectId)),
    ],
    ["Unchanged", unchanged === true && "up to the head that was written down"],
    ["Head", head],
  ], 10);
}

const maxNamed = 5;

function namesOf(ids: readonly string[]): string {
  const more = ids.length > maxNamed ? [`and ${ids.length - maxNamed} more`] : [];
  return [...ids.slice(0, maxNamed), ...more].join(", ");
}

function describeUnreadable(count: number, first: readonly UnreadableLine[]): string {
  const named = first.map(({ line, reason }) => `${line} (${words(reason)})`);
  const more = count > first.length ? [`and ${count - first.length} more`] : [];
  return `${countOf(count, "line")}: ${[...named, ...more].join(", ")}`;
}
