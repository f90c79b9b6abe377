/** A limit of requests, as far as it is known. Times are milliseconds of the pace's own. */
export interface Limit {
  /** How long until it lets the next request through; 0: it does now. */
  wait(now: number): number;
  /** Counts a request that is sent. */
  take(now: number): void;
}
