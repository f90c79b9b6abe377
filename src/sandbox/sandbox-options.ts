import type { RateLimit } from "./token-bucket.ts";

/** How a sandbox behaves. */
export interface SandboxOptions {
  /** The time, ms since the epoch. A fraction gives the microseconds. @default Date.now */
  readonly now?: (() => number) | undefined;
  /** Waits, for a fault with a `delay`; milliseconds. @default setTimeout */
  readonly sleep?: ((ms: number) => Promise<void>) | undefined;
  /** A number from 0 up to 1, for ids and for faults with a `probability`. @default Math.random */
  readonly random?: (() => number) | undefined;
  /** How long a batch is in progress, ms; 24 hours are the API's limit. @default 60_000 */
  readonly processingTime?: number | undefined;
  /** How long a batch is canceling, ms. @default 10_000 */
  readonly cancelingTime?: number | undefined;
  /** The workspace that is hit. @default "wrkspc_011CZkZaBF1tNoB5wlCeusgy" */
  readonly workspaceId?: string | undefined;
  /**
   * Accepted keys and tokens, in either header. One that begins with `sk-ant-admin` is an
   * administrator's: the organization's endpoints take no other, and no other endpoint takes it.
   * @default any that is not empty
   */
  readonly apiKeys?: readonly string[] | undefined;
  /**
   * Accepted beta names besides those in the documentation of the beta delete, and those that an
   * endpoint asks for. @default none
   */
  readonly betas?: readonly string[] | undefined;
  /**
   * How deleting a batch that has not ended is refused: 400 `invalid_request_error`, or 409
   * `conflict_error`, which clients retry. The API's own way is published nowhere. @default 400
   */
  readonly unendedStatus?: 400 | 409 | undefined;
  /** The rate limit of all endpoints together. @default none */
  readonly rateLimit?: RateLimit | undefined;
  /** Path that the API is mounted under, such as `/anthropic`. @default "" */
  readonly basePath?: string | undefined;
  /** Bytes of a request's body above which it is refused by 413. @default 256 MiB */
  readonly requestSizeLimit?: number | undefined;
  /** How many requests `requests` keeps. @default 10_000 */
  readonly requestLogSize?: number | undefined;
}
