/**
 * Headers, which a gateway on the way may have sent twice; and the retry policy of the official SDKs, as
 * pure functions.
 *
 * @module
 */
import type { Clock } from "./client.ts";

/** The values of a header that may be repeated, each once. The comma of a date ends none. */
export function headerValues(headers: Headers | undefined, name: string): readonly string[] {
  return [...new Set(headers?.get(name)?.split(/ *, *(?!\d\d?[ -][A-Z])/))];
}

/** A header as one text, or `undefined`. */
export function headerText(headers: Headers | undefined, name: string): string | undefined {
  return headerValues(headers, name).join(", ") || undefined;
}

/**
 * When an answer was made, by its own `Date`, in milliseconds since the epoch; or `undefined`. Of
 * several, the earliest counts: by it, nothing is older than it is.
 */
export function dateOf(headers: Headers): number | undefined {
  const times = headerValues(headers, "date").map(parseDate).filter((time) => time > 0);
  return times.length > 0 ? Math.min(...times) : undefined;
}

/** Reads a date in any form of HTTP (IMF-fixdate, RFC 850, asctime) or of ISO 8601, else `NaN`; GMT. */
function parseDate(text: string): number {
  if (!/\d:\d|^\d{4}-\d/.test(text)) return NaN;
  return Date.parse(text.replace(/t[\d:.]+$/i, "$&Z").replace(/ [\d:.]+$/, "$& GMT"));
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

/**
 * Whether it is certain what an attempt did. The API answers 429 and 529 before it does anything;
 * other 5xx and a 408 can come after the deletion. A refusal is known by its status, even where its
 * body was lost.
 */
export function isOutcomeKnown(
  { status, code }: { readonly status?: number | undefined; readonly code?: string },
): boolean {
  if (status === undefined || (code !== undefined && status < 400)) return false;
  return status !== 408 && (status < 500 || status === 529);
}

/**
 * The wait before an attempt is repeated: what the server asks for, else a backoff of 0.5 s doubling
 * to 8 s, less up to a quarter. Worth repeating are a lost connection, a timeout, 408, 409, 429 and
 * every status from 500 up. `x-should-retry` overrides that. A spend limit that is reached stays
 * reached.
 *
 * @param attempt Which attempt failed, from 1.
 * @param now When, in milliseconds since the epoch.
 * @returns Milliseconds, or `undefined`: the attempt is not repeated.
 */
export function retryDelay(
  { status = 500, headers, errorCode }: {
    readonly status?: number | undefined; // no answer is as good as a 500
    readonly headers?: Headers | undefined;
    readonly errorCode?: unknown;
  },
  attempt: number,
  limits: { readonly maxRetryDelay: number; readonly clock: Clock },
  now: number,
): number | undefined {
  const says = headerText(headers, "x-should-retry");
  const isPassing = [408, 409, 429].includes(status) || status >= 500;
  const isFinal = says === "false" || errorCode === "enforced_spend_limit_reached" || !isPassing;
  if (status < 400 || (isFinal && says !== "true")) return undefined;
  const { maxRetryDelay, clock } = limits;
  const asked = headers && retryAfter(headers, now);
  if (asked !== undefined) return asked > maxRetryDelay ? undefined : asked;
  const backoff = Math.min(500 * 2 ** (attempt - 1), 8_000) * (1 - clock.random() / 4);
  return Math.min(backoff, maxRetryDelay);
}
