/**
 * Times as the API and a policy write them: RFC 3339 date-times and ISO 8601 durations.
 *
 * @module
 */
import { cannotUse } from "../core/check.ts";
import { check, type GenericSchema, number, pipe, string } from "../deps.ts";

/** A day in milliseconds: 24 hours, in every time zone. */
export const dayMs = 86_400_000;

const dateTime = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(?:Z|([+-])(\d\d):(\d\d))$/i;

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
  const [, year, month, day, hour, minute, second, fraction = "", sign, ...offset] = match;
  const [hours, minutes] = offset.map((part = "0") => Number(part));
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  if (hours === undefined || minutes === undefined || hours > 23 || minutes > 59) return undefined;
  const start = new Date(0);
  start.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  // A day that the month does not have would become one of the next month.
  if (start.getUTCMonth() !== Number(month) - 1 || start.getUTCDate() !== Number(day)) {
    return undefined;
  }
  const time = Number(hour) * 3_600_000 + Number(minute) * 60_000 + Number(second) * 1_000;
  const shift = (hours * 60 + minutes) * 60_000 * (sign === "-" ? -1 : 1);
  return start.getTime() + time + Math.floor(Number(`0${fraction}`) * 1_000) - shift;
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
