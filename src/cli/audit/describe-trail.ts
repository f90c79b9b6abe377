/**
 * What is known of an audit trail, as text for people.
 *
 * @module
 */
import type { UnreadableLine } from "../../audit/jsonl.ts";
import type { AuditVerification } from "../../audit/verify.ts";
import type { TrailSurvey } from "./survey-trail.ts";

/** What was verified, as a table of two columns. */
export function describeTrail(
  path: string,
  { sealed, unsealed, head, problem }: AuditVerification,
  { entries, unreadable, firstUnreadable }: TrailSurvey,
): string {
  const verified = problem === undefined
    ? `${describeLines(sealed)}, as they were sealed`
    : `${describeLines(sealed)} as they were sealed, before the first that is not`;
  const rows: (readonly [string, string | false])[] = [
    ["Trail", path],
    ["Entries", String(entries)],
    ["Sealed", verified],
    ["Not sealed", problem === undefined && unsealed > 0 && describeLines(unsealed)],
    ["No entries", unreadable > 0 && describeUnreadable(unreadable, firstUnreadable)],
    ["Head", problem === undefined && sealed > 0 && head],
  ];
  return rows.flatMap(([name, text]) => text === false ? [] : `${name.padEnd(10)}  ${text}\n`)
    .join("");
}

/** How many lines: `1 line`, `12 lines`. */
export function describeLines(count: number): string {
  return `${count} line${count === 1 ? "" : "s"}`;
}

/**
 * What speaks against an audit trail, in one line; undefined: nothing does. One of which no line is sealed
 * was not verified, and must not look like it: its seals may have been taken away.
 */
export function findingOf(
  { sealed, unsealed, problem }: AuditVerification,
  path: string,
): string | undefined {
  if (problem !== undefined) return inFile(problem.message, path);
  if (sealed > 0 || unsealed === 0) return undefined;
  return `Cannot verify ${path}: none of its lines is sealed, or its seals are gone; ` +
    `batchsweep audit seal ${path}`;
}

/** A message about the audit trail, as one about the file that it is in. */
export function inFile(message: string, path: string): string {
  return message.replace("the audit trail", () => path);
}

function describeUnreadable(count: number, first: readonly UnreadableLine[]): string {
  const named = first.map(({ line, reason }) => `${line} (${reason.replaceAll("_", " ")})`);
  const more = count > first.length ? [`and ${count - first.length} more`] : [];
  return `${describeLines(count)}: ${[...named, ...more].join(", ")}`;
}
