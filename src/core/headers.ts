/**
 * Reads headers, which a gateway on the way may have sent twice.
 *
 * @module
 */

/** The values of a header that may be repeated, each once. The comma of a date ends none. */
export function headerValues(headers: Headers | undefined, name: string): readonly string[] {
  return [...new Set(headers?.get(name)?.split(/ *, *(?!\d\d?[ -][A-Z])/))];
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
  if (!/\d:\d|^\d{4}-\d/.test(text)) return NaN;
  return Date.parse(text.replace(/T[\d:.]+$/, "$&Z").replace(/ \d{4}$/, "$& GMT"));
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
  const longest = (name: string, unit: number) => {
    const waits = headerValues(headers, name).map((text) =>
      /^\d+(\.\d+)?$/.test(text) ? Number(text) * unit : parseDate(text) - (dateOf(headers) ?? now)
    );
    return Math.max(0, ...waits.filter((wait) => wait <= dayMs)) || undefined;
  };
  return longest("retry-after-ms", 1) ?? longest("retry-after", 1_000);
}
