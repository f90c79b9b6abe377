/** What an answer says of the limit of requests. */
export interface LimitHeaders {
  /** Requests a minute, which a bucket is refilled with continuously. */
  readonly limit: number;
  /** How many requests are left now. */
  readonly remaining: number;
}

/**
 * Reads `anthropic-ratelimit-requests-limit` and `-remaining`. What is no count of requests is left
 * out of account: a text, a sign, a fraction, and a limit of nothing.
 *
 * `-reset` is not read: it is a time by the server's clock, and says no more than the two do.
 *
 * @returns What they say, or `undefined` where they do not come, or not both.
 * @see [Rate limits](https://platform.claude.com/docs/en/api/rate-limits#response-headers)
 */
export function readLimitHeaders(headers: Headers): LimitHeaders | undefined {
  const count = (name: string) => {
    const text = headers.get(`anthropic-ratelimit-requests-${name}`) ?? "";
    return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  };
  const limit = count("limit");
  const remaining = count("remaining");
  return limit && remaining !== undefined ? { limit, remaining } : undefined;
}
