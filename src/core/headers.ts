/**
 * Reads headers, which a gateway on the way may have sent twice.
 *
 * @module
 */

/** The values of a header that may be repeated, each once. The comma of a date ends none. */
export function headerValues(headers: Headers | undefined, name: string): readonly string[] {
  const list = headers?.get(name);
  return list ? [...new Set(list.trim().split(/\s*,\s*(?!\d\d?[ -][A-Z])/))] : [];
}

/** A header as one text, or `undefined`. */
export function headerText(headers: Headers | undefined, name: string): string | undefined {
  return headerValues(headers, name).join(", ") || undefined;
}

/** When an answer was made, by its own `Date`, in milliseconds since the epoch; or `undefined`. */
export function dateOf(headers: Headers): number | undefined {
  return parseDate(headerValues(headers, "date").at(-1) ?? "") || undefined;
}

/** Reads a date in any form of HTTP (IMF-fixdate, RFC 850, asctime) or of ISO 8601, else `NaN`. */
function parseDate(text: string): number {
  if (!/\d\d:\d\d|^\d{4}-\d\d-\d\d$/.test(text)) return NaN;
  const hasZone = /(GMT|UTC|Z|T.*[+-]\d\d:?\d\d)$/.test(text) || !/:/.test(text);
  return Date.parse(hasZone ? text : text + (/\dT\d/.test(text) ? "Z" : " GMT"));
}

const dayMs = 86_400_000;

/**
 * How long the server asks to wait: the longest `retry-after-ms`, else the longest `retry-after`, in
 * seconds or as a date. A date is held against the answer's own `Date`, else against our clock.
 *
 * @returns Milliseconds, or `undefined` where the server does not ask, or for something absurd:
 *   zero or less, more than a day, or unreadable.
 */
export function retryAfter(headers: Headers, now: number): number | undefined {
  const numberOf = (text: string) => /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  const longest = (waits: readonly number[]) =>
    Math.max(0, ...waits.filter((wait) => wait <= dayMs)) || undefined;
  return longest(headerValues(headers, "retry-after-ms").map(numberOf)) ??
    longest(
      headerValues(headers, "retry-after").flatMap((text) => [
        numberOf(text) * 1000,
        parseDate(text) - (dateOf(headers) ?? now),
      ]),
    );
}
