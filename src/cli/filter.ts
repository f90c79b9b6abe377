/**
 * Which message batches are meant: the filter of the command line, and what it means for a list.
 *
 * @module
 */
import type { MessageBatch } from "../core/batches.ts";
import { datedBatch, type MessageBatchFilter } from "../purge/filter.ts";
import { statuses } from "../purge/plan.ts";
import { dayMs, parseTimestamp } from "../purge/time.ts";
import { cannotUseFlag, CommandError } from "./errors.ts";
import type { Flags } from "./options.ts";
import { parseDuration } from "./text.ts";

/** The filter of the command line. */
export function filterFrom(flags: Flags): MessageBatchFilter | "*" | undefined {
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

function daysOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const duration = parseDuration(text) ?? 0;
  if (duration > 0 && Number.isFinite(duration)) return duration / dayMs;
  throw cannotUseFlag(flag, text, "give a number above 0 with its unit: 7d, 12h or 30m");
}

/** A date-time as the library takes it. A day begins at midnight UTC. */
function dateOf(flag: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const time = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text;
  if (parseTimestamp(time) !== undefined) return time;
  const what = "give a day, 2026-11-22, or a time with its zone, 2026-11-22T14:30:00Z";
  throw cannotUseFlag(flag, text, what);
}

function statusesOf(texts: readonly string[]): MessageBatchFilter["status"] {
  const given = texts.flatMap((text) => text.split(",")).map((text) => text.trim());
  return [...new Set(given)].map((text) => {
    const status = statuses.find((one) => one === text);
    if (status !== undefined) return status;
    throw cannotUseFlag("--status", text, `give one of ${statuses.join(", ")}`);
  });
}

function numberOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (/^\d+$/.test(text) && number > 0 && Number.isSafeInteger(number)) return number;
  throw cannotUseFlag(flag, text, "give a whole number above 0");
}

/**
 * Whether the conditions of a filter hold for a batch, to the letter. A purge decides otherwise, by
 * `evaluateFilter()`: it deletes no batch by its age that has not ended, and none with a time in the
 * future. Every batch that a purge deletes is listed.
 *
 * @param filter The conditions. `ids` and `oldest` are not conditions on one batch, and are ignored.
 * @param now The time to judge by, in milliseconds since the epoch.
 */
export function matchFilter(filter: MessageBatchFilter, batch: MessageBatch, now: number): boolean {
  const { status, createdBefore, createdAfter, endedBefore, endedAfter } = filter;
  const { createdAt: created, endedAt: ended } = datedBatch(batch);
  // No comparison holds for NaN.
  return (status?.some((one) => one === batch.processing_status) ?? true) &&
    (filter.minDaysSinceCreated === undefined ||
      now - created >= filter.minDaysSinceCreated * dayMs) &&
    (filter.minDaysSinceEnded === undefined || now - ended >= filter.minDaysSinceEnded * dayMs) &&
    (createdBefore === undefined || created < timeOf(createdBefore)) &&
    (createdAfter === undefined || created > timeOf(createdAfter)) &&
    (endedBefore === undefined || ended < timeOf(endedBefore)) &&
    (endedAfter === undefined || ended > timeOf(endedAfter));
}

const timeOf = (text: string) => parseTimestamp(text) ?? NaN;
