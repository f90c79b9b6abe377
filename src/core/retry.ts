/**
 * The retry policy of the official SDKs, as pure functions.
 *
 * @module
 */
import type { Clock } from "./client.ts";
import { headerText, retryAfter } from "./headers.ts";

/** How an attempt ended, as far as the retry policy needs it. */
export interface AttemptOutcome {
  /** The HTTP status; absent where no whole answer came. */
  readonly status?: number | undefined;
  readonly headers?: Headers | undefined;
  /** The API's `error.details.error_code`. */
  readonly errorCode?: unknown;
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
  outcome: AttemptOutcome,
  attempt: number,
  limits: { readonly maxRetryDelay: number; readonly clock: Clock },
  now: number,
): number | undefined {
  const { status = 500, headers, errorCode } = outcome; // no answer is as good as a 500
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
