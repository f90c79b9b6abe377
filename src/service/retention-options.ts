import type { RetentionPolicy } from "../purge/policy.ts";

/**
 * What the service keeps how long, and how its runs behave. Texts are what the variables of the
 * environment hold; each is checked when it is needed.
 */
export interface RetentionOptions {
  /**
   * What is kept how long: a policy, or its JSON. What it holds is not deleted on any road.
   *
   * @default none: nothing is deleted by itself
   */
  readonly policy?: RetentionPolicy | string | undefined;
  /**
   * The largest share of all batches that a run may delete: a text such as `"50%"`, or a number from 0
   * to 1.
   *
   * @default 1
   */
  readonly maxShare?: number | string | undefined;
  /**
   * How many requests a run may make.
   *
   * @default 40
   */
  readonly requests?: number | string | undefined;
  /**
   * What a deletion costs of them, where the same allowance pays for the audit trail.
   *
   * @default 1
   */
  readonly costOfDeletion?: number | undefined;
  /**
   * How long after the last good run the service is not healthy any more: an ISO 8601 duration, or a
   * number of hours.
   *
   * @default "PT26H"
   */
  readonly overdueAfter?: number | string | undefined;
}
