/** Times as the API and a policy write them: RFC 3339 date-times and ISO 8601 durations. @module */

/** A day in milliseconds: 24 hours, in every time zone. */
export const dayMs = 86_400_000;

const firstTime = /* @__PURE__ */ Date.parse("0000-01-01T00:00:00Z");
const lastTime = /* @__PURE__ */ Date.parse("9999-12-31T23:59:59.999Z");

const dateTime =
  /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/i;

/**
 * Reads an RFC 3339 date-time, the same on every runtime: `Date.parse` takes other texts too, and
 * runtimes differ in which.
 *
 * @returns Milliseconds since the epoch, or `undefined` if it cannot be read.
 * @see [RFC 3339, section 5.6](https://www.rfc-editor.org/rfc/rfc3339#section-5.6)
 */
export function parseTimestamp(text: string | null): number | undefined {
  const match = dateTime.exec(text ?? "");
  if (match === null) return undefined;
  const [, day = "", time, fraction = "", sign, hours = 0, minutes = 0] = match;
  const start = new Date(`${day}T${time}Z`);
  // A day that the month does not have, or the hour 24, would become one of the next month or day.
  if (start.getUTCDate() !== Number(day.slice(-2))) return undefined;
  const shift = (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === "-" ? -1 : 1);
  const at = start.getTime() + Math.floor(Number(`0${fraction}`) * 1_000) - shift;
  // In UTC, too, the year has four digits: with five, texts would not sort as the times do.
  return at >= firstTime && at <= lastTime ? at : undefined;
}

const firstVersion = Date.UTC(2023, 5, 1); // no batch is older than the API

/** Reads a time of a batch, as {@link parseTimestamp} does: `NaN` if it cannot be read, or believed. */
export function believableTime(text: string | null = null): number {
  const time = parseTimestamp(text) ?? NaN;
  return time >= firstVersion ? time : NaN;
}

/** Whether the results of a batch are gone. If its time says nothing, they may be there. */
export function isArchived(
  { archived_at }: { readonly archived_at?: string | null | undefined },
  now: number,
): boolean {
  return believableTime(archived_at) <= now;
}

const duration = /^P(?!$)(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;

/**
 * Reads an ISO 8601 duration of whole days, hours, minutes and seconds, such as `P1DT12H`. Years,
 * months and weeks are refused: the length of the first two varies.
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
