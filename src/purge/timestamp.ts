const dateTime = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(?:Z|([+-])(\d\d):(\d\d))$/i;

/**
 * Reads an RFC 3339 date-time, the same on every runtime: `Date.parse` takes more, and each another
 * more.
 *
 * @param text The text; `null` is no date.
 * @returns Milliseconds since the epoch, or `undefined` where it cannot be read.
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
  // A day that the month does not have would become one of the next.
  if (start.getUTCMonth() !== Number(month) - 1 || start.getUTCDate() !== Number(day)) {
    return undefined;
  }
  const time = Number(hour) * 3_600_000 + Number(minute) * 60_000 + Number(second) * 1_000;
  const shift = (hours * 60 + minutes) * 60_000 * (sign === "-" ? -1 : 1);
  return start.getTime() + time + Math.floor(Number(`0${fraction}`) * 1_000) - shift;
}
