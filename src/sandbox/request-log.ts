/** One request as the sandbox saw it: no body, no credential. */
export interface SeenRequest {
  readonly method: string;
  /** Path without the base path. */
  readonly path: string;
  /** Query with its `?`, or nothing. */
  readonly search: string;
  /** The sandbox's time of its arrival, ms since the epoch. */
  readonly time: number;
  readonly apiVersion: string | undefined;
  readonly betas: readonly string[];
  /** The header that carried the credential. */
  readonly credential: "x-api-key" | "authorization" | undefined;
  readonly requestId: string;
  /** Status of the answer; undefined while there is none, and for a lost connection. */
  readonly status: number | undefined;
}

/** The latest requests, in order. */
export interface RequestLog {
  readonly entries: readonly SeenRequest[];
  /** Adds a request, and returns the function that adds its status. */
  add(request: Omit<SeenRequest, "status">): (status: number) => void;
  clear(): void;
}

/**
 * A log that is bounded, so that a long load test does not grow it without end.
 *
 * @param size How many requests are kept.
 */
export function createRequestLog(size: number): RequestLog {
  const entries: SeenRequest[] = [];
  return {
    entries,
    add(request) {
      const entry = { ...request, status: undefined as number | undefined };
      entries.push(entry);
      if (entries.length > size) entries.shift();
      return (status) => {
        entry.status = status;
      };
    },
    clear() {
      entries.length = 0;
    },
  };
}
