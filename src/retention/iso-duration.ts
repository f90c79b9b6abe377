const duration = /^P(?!$)(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;

/**
 * Reads an ISO 8601 duration of whole days, hours, minutes and seconds, such as `P1DT12H`. A day is 24
 * hours. Years and months have no fixed length, so they are no part of it; nor are weeks.
 *
 * @returns Milliseconds, or `undefined` where it is not one.
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
