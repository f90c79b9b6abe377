/**
 * The flags that say which message batches are meant: the same for every command that has them.
 *
 * @module
 */
import type { MessageBatchFilter } from "../../purge/filter.ts";
import { dayMs, parseTimestamp } from "../../purge/time.ts";
import { CommandError } from "../exit-code.ts";
import { parseDuration } from "./parse-duration.ts";

/** What the command line says of the batches that are meant, as it was typed. */
export interface FilterFlags {
  readonly olderThan?: string | undefined;
  readonly endedFor?: string | undefined;
  readonly createdBefore?: string | undefined;
  readonly createdAfter?: string | undefined;
  readonly endedBefore?: string | undefined;
  readonly endedAfter?: string | undefined;
  readonly status?: readonly string[] | undefined;
  readonly max?: string | undefined;
  readonly all?: true | undefined;
}

/**
 * The filter that the flags say.
 *
 * @returns `"*"` for `--all`; `undefined` where no flag of a filter is given.
 * @throws {CommandError} A flag cannot be used.
 */
export function filterFrom(
  flags: FilterFlags & { readonly all?: undefined },
): MessageBatchFilter | undefined;
export function filterFrom(flags: FilterFlags): MessageBatchFilter | "*" | undefined;
export function filterFrom(flags: FilterFlags): MessageBatchFilter | "*" | undefined {
  const { status, max } = flags;
  const conditions: { readonly [Name in keyof MessageBatchFilter]: MessageBatchFilter[Name] } = {
    minDaysSinceCreated: daysOf("--older-than", flags.olderThan),
    minDaysSinceEnded: daysOf("--ended-for", flags.endedFor),
    createdBefore: dateOf("--created-before", flags.createdBefore),
    createdAfter: dateOf("--created-after", flags.createdAfter),
    endedBefore: dateOf("--ended-before", flags.endedBefore),
    endedAfter: dateOf("--ended-after", flags.endedAfter),
    status: status && statusesOf(status),
    oldest: numberOf("--max", max),
  };
  const given = Object.entries(conditions).filter(([, value]) => value !== undefined);
  if (flags.all && given.length > 0) {
    throw new CommandError("Cannot use --all with another condition: all would not be meant");
  }
  if (flags.all) return "*";
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

const statuses = ["in_progress", "canceling", "ended"] as const;

function daysOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const duration = parseDuration(text) ?? 0;
  // Longer than time is known to be, it would be no number.
  if (duration > 0 && Number.isFinite(duration)) return duration / dayMs;
  throw cannotUse(flag, text, "give a number above 0 with its unit: 7d, 12h or 30m");
}

/** A date-time as the library takes it; a day begins at midnight UTC. */
function dateOf(flag: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const time = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text;
  if (parseTimestamp(time) !== undefined) return time;
  throw cannotUse(
    flag,
    text,
    "give a day, 2026-11-22, or a time with its zone, 2026-11-22T14:30:00Z",
  );
}

function statusesOf(texts: readonly string[]): MessageBatchFilter["status"] {
  const given = texts.flatMap((text) => text.split(",")).map((text) => text.trim());
  return [...new Set(given)].map((text) => {
    const status = statuses.find((one) => one === text);
    if (status !== undefined) return status;
    throw cannotUse("--status", text, `give one of ${statuses.join(", ")}`);
  });
}

function numberOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (/^\d+$/.test(text) && number > 0 && Number.isSafeInteger(number)) return number;
  throw cannotUse(flag, text, "give a whole number above 0");
}

function cannotUse(flag: string, text: string, what: string): CommandError {
  return new CommandError(`Cannot use ${flag} ${JSON.stringify(text.slice(0, 80))}: ${what}`);
}
