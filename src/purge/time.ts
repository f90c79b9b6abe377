/**
 * Times as the API and a policy write them: RFC 3339 date-times and ISO 8601 durations.
 *
 * @module
 */
import { cannotUse } from "../core/check.ts";
import { check, type GenericSchema, number, pipe, string } from "../deps.ts";

/** A day in milliseconds: 24 hours, in every time zone. */
export const dayMs = 86_400_000;

/** No batch is older than the API's first version: an earlier time is none that can be believed. */
const earliest = Date.UTC(2023, 5, 1);

const dateTime =
  /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/i;

/**
 * Reads an RFC 3339 date-time, the same on every runtime: `Date.parse` takes other texts too, and
 * runtimes differ in which.
 *
 * @param text The text; `null` is no date.
 * @returns Milliseconds since the epoch, or `undefined` if it cannot be read.
 * @see [RFC 3339, section 5.6](https://www.rfc-editor.org/rfc/rfc3339#section-5.6)
 */
export function parseTimestamp(text: string | null): number | undefined {
  const match = dateTime.exec(text ?? "");
  if (match === null) return undefined;
  const [, day, time, fraction = "", sign, hours = 0, minutes = 0] = match;
  const whole = `${day}T${time}.000Z`;
  const start = new Date(whole);
  // A day that the month does not have, or the hour 24, would become one of the next month or day.
  if (start.toJSON() !== whole) return undefined;
  const shift = (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === "-" ? -1 : 1);
  return start.getTime() + Math.floor(Number(`0${fraction}`) * 1_000) - shift;
}

/** Reads a time of a batch. `NaN` where it cannot be read, or is none that a batch can have. */
export function timeOfBatch(text: string | null | undefined): number {
  const time = parseTimestamp(text ?? null) ?? NaN;
  return time >= earliest ? time : NaN;
}

const duration = /^P(?!$)(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;

/**
 * Reads an ISO 8601 duration of whole days, hours, minutes and seconds, such as `P1DT12H`. Years and
 * months are refused because their length varies; weeks are refused too.
 *
 * @returns Milliseconds, or `undefined` if it is no such duration.
 * @see [RFC 3339, appendix A](https://www.rfc-editor.org/rfc/rfc3339#appendix-A)
 */
export function parseIsoDuration(text: string): number | undefined {
  const match = duration.exec(text);
  if (match === null) return undefined;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1)
    .map((part: string | undefined) => Number(part ?? 0));
  const whole = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000;
  return Number.isSafeInteger(whole) ? whole : undefined;
}

/**
 * Checks the time that ages are judged by. At an infinite time, every batch would be old.
 *
 * @throws {RangeError} It is no time.
 */
export function checkNow(now: number): void {
  if (!Number.isFinite(now)) {
    throw cannotUse("now", "it is not a number of milliseconds since the epoch", RangeError);
  }
}

/** A number of days in words: `1 day ago`. An hour is 0.041666666666666664 days, so it is rounded. */
export function daysAgo(days: number): string {
  const rounded = Number(days.toPrecision(6));
  return `${rounded} ${rounded === 1 ? "day" : "days"} ago`;
}

/** The schema of a number of days. Its messages follow a path. */
export function daysSchema(): GenericSchema<unknown, number> {
  return pipe(
    number("is not a number"),
    check((days) => days > 0 && Number.isFinite(days), "is not above 0"),
  );
}

/** The schema of an RFC 3339 date-time. Its messages follow a path. */
export function timeSchema(): GenericSchema<unknown, string> {
  return pipe(
    string("is not a string"),
    check((text) => parseTimestamp(text) !== undefined, "is not an RFC 3339 date-time"),
  );
}
