/** The report of an audit trail: one page in words, for an auditor. */
import type {
  AuditCounts,
  AuditEntry,
  AuditGroup,
  AuditReport,
  UnreadableLine,
} from "../audit/mod.ts";
import {
  countOf,
  describeRows,
  firstFew,
  formatTable,
  quote,
  toMinute,
  withArticle,
  words,
  wrap,
} from "./text.ts";
import type { TrailSurvey } from "./trail.ts";

const columns = 80;

/** How many groups, and how many ids, are named. */
const maxNamed = 10;

/** What can become of a deletion or a cancellation, in words. */
const fates: readonly [name: keyof AuditCounts, title: string, meaning: string][] = [
  ["receipt", "Deleted", "the API confirmed it with a receipt"],
  ["absentAfterRetry", "Deleted", "an answer was lost; then the API said that it is gone"],
  ["missing", "Missing", "it was gone before"],
  ["canceled", "Canceled", "the API confirmed it"],
  ["failed", "Failed", "it was not done"],
  ["unknown", "Unknown", "it failed, but may have been done"],
  ["open", "Open", "its outcome was never recorded"],
  ["inFlight", "In flight", "its outcome is not recorded yet"],
];

/** Describes a report, in 80 columns. */
export function describeReport(
  source: string,
  report: TrailSurvey<AuditReport>,
): string {
  const { since, until, total, groups, failures, openIntents, withoutIntent, unchanged } = report;
  const largest = groups.toSorted((one, other) => other.counts.asked - one.counts.asked);
  const rest = largest.slice(maxNamed).reduce((sum, { counts }) => sum + counts.asked, 0);
  const page = [
    "AUDIT REPORT\n\n",
    describeRows([
      ["Source", source],
      ["Period", since === undefined ? "no entries" : `${timeOf(since)} to ${timeOf(until)} UTC`],
      ["Entries", String(report.entries)],
      [
        "No entries",
        report.unreadable > 0 && describeUnreadable(report.unreadable, report.firstUnreadable),
      ],
    ], 10),
    "\nWHAT WAS ASKED FOR, BY WHOM AND WHY\n",
    ...largest.slice(0, maxNamed).map(describeGroup),
    ...rest > 0 ? [`\nAnd ${rest} more, by others or for other reasons: see --json\n`] : [],
    "\nWHAT BECAME OF IT\n\n",
    describeTotal(total),
    ...withoutIntent > 0
      ? [`Not counted: ${countOf(withoutIntent, "outcome")} without an intent in this part\n`]
      : [],
    "\nHeld batches, and those that a policy keeps, are not asked for.\n",
    "A trail does not name them.\n",
    "\nWHAT IS LEFT\n\n",
    describeLeft([
      ["failed, and not done since", failures.filter((entry) => isKnown(entry))],
      ["unknown, and not settled since", failures.filter((entry) => !isKnown(entry))],
      ["open", openIntents],
    ]),
    "\nHOW TO CHECK\n\n",
    `${report.head}\n`,
    "This is the head: the number of bytes of the trail, and their SHA-256.\n",
    "To compute it: head -c BYTES FILE | sha256sum\n",
    `${verdictOf(unchanged)}\n`,
  ];
  return wrap(page.join(""), columns);
}

/** What was checked: whether a trail is unchanged up to a head that was written down. */
export function verdictOf(unchanged: boolean | undefined): string {
  if (unchanged === undefined) {
    return "Every line was read. Whether one was changed is not known: that needs --head.";
  }
  return unchanged
    ? "The trail is unchanged up to the head that you kept."
    : "The trail was CHANGED since you kept its head.";
}

function describeGroup(group: AuditGroup, index: number): string {
  const { operation, resource, actor, reason, plan, changedPlan, policy, webhook } = group;
  const { counts } = group;
  const what = counts.asked === 1 ? withArticle(resource) : countOf(counts.asked, words(resource));
  const changed = changedPlan && `, changed to ${changedPlan} before it was applied`;
  const became = new Map<string, number>();
  for (const [name, title] of fates) became.set(title, (became.get(title) ?? 0) + counts[name]);
  const parts = [...became].filter(([, count]) => count > 0)
    .map(([title, count]) => `${count} ${title.toLowerCase()}`);
  const number = `\n${index + 1}.`.padEnd(4);
  return `${number}To ${operation} ${what}\n` + describeRows([
    ["   By", actor ? quote(actor) : webhook ? "a signed webhook" : "not named"],
    ["   Why", reason ? quote(reason) : "not said"],
    ["   Plan", plan && `${plan}${changed ?? ""}`],
    ["   Policy", policy],
    ["   Became", parts.join(", ")],
  ], 10);
}

function describeTotal(counts: AuditCounts): string {
  const width = String(counts.asked).length;
  const rows = fates.filter(([name]) => counts[name] > 0).map(([name, title, meaning]) =>
    [title, `${String(counts[name]).padStart(width)}  ${meaning}`] as const
  );
  return describeRows([["Asked for", String(counts.asked)], ...rows], 10);
}

const isKnown = ({ error }: AuditEntry) => error?.outcomeKnown !== false;

function describeLeft(lists: readonly (readonly [string, readonly AuditEntry[]])[]): string {
  const parts = lists.filter(([, entries]) => entries.length > 0).map(([what, entries]) => {
    const table = formatTable(entries.slice(0, maxNamed), [
      { title: "  ID", cell: ({ objectId }) => `  ${objectId}`, least: 40 },
      { title: "TIME", cell: ({ time }) => timeOf(time) },
      {
        title: "WHY",
        cell: ({ operation, error: { code, status, type } = {} }) =>
          [operation === "cancel" && operation, code, status, type].filter((part) => part).join(
            " ",
          ),
        least: 10,
      },
    ], columns);
    const more = entries.length - maxNamed;
    return `${entries.length} ${what}:\n${table}${more > 0 ? `  and ${more} more\n` : ""}`;
  });
  return parts.join("\n") || "Nothing\n";
}

/** Which lines are no entries, and why. */
export function describeUnreadable(count: number, first: readonly UnreadableLine[]): string {
  const named = first.map(({ line, reason }) => `${line} (${words(reason)})`);
  return `${countOf(count, "line")}: ${firstFew(named, named.length, count).join(", ")}`;
}

const timeOf = (text: string | undefined) => toMinute(text ?? null) ?? "an unreadable time";
