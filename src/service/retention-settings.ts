/**
 * The service's retention options, checked when they are needed, as those in configuration.ts are.
 *
 * @module
 */
import { InvalidPolicyError } from "../core/errors.ts";
import type { StateStore } from "./retention-status.ts";
import { parseIsoDuration } from "../purge/time.ts";
import { parsePolicyText, parseRetentionPolicy, type RetentionPolicy } from "../purge/policy.ts";
import type { ServiceOptions } from "./options.ts";
import { Problem } from "./problem.ts";

/** How retention runs behave. */
export interface RetentionSettings {
  readonly policy: RetentionPolicy;
  readonly store: StateStore;
  readonly maxShare: number;
  readonly requests: number;
  readonly costOfDeletion: number;
  /** In milliseconds. */
  readonly overdueAfter: number;
}

/** The policy; undefined: there is none, and nothing is held. */
export function policyOf({ retention }: ServiceOptions): RetentionPolicy | undefined {
  const policy = retention?.policy;
  if (policy === undefined) return undefined;
  try {
    return typeof policy === "string" ? parsePolicyText(policy) : parseRetentionPolicy(policy);
  } catch (error) {
    throw cannotUse(
      "RETENTION_POLICY",
      error instanceof InvalidPolicyError ? error.why : "it is not JSON", // the text of the error could quote it
    );
  }
}

/** All that a run needs; undefined: there is no policy. */
export function retentionOf(options: ServiceOptions): RetentionSettings | undefined {
  const policy = policyOf(options);
  if (policy === undefined) return undefined;
  const { stateStore: store } = options;
  if (store === undefined) {
    const why = "there is no state store (in a Worker: the D1 database DB is not bound)";
    throw new Problem(500, `Cannot run RETENTION_POLICY: ${why}`);
  }
  const { maxShare = 1, requests = 40, costOfDeletion = 1, overdueAfter = "PT26H" } =
    options.retention ?? {};
  return {
    policy,
    store,
    costOfDeletion,
    maxShare: check(
      "RETENTION_MAX_SHARE",
      shareOf(maxShare),
      (share) => share >= 0 && share <= 1,
      'it is not a share such as "50%"',
    ),
    requests: check(
      "RETENTION_REQUESTS",
      numberOf(requests),
      (count) => Number.isSafeInteger(count) && count >= costOfDeletion,
      `it is not a whole number of ${costOfDeletion} or more`,
    ),
    overdueAfter: check(
      "RETENTION_OVERDUE_AFTER",
      durationOf(overdueAfter),
      (duration) => duration > 0 && Number.isFinite(duration),
      'it is neither an ISO 8601 duration such as "PT26H" nor a number of hours',
    ),
  };
}

/** Whether a batch must not be deleted, on whatever road. */
export function isHeld(policy: RetentionPolicy | undefined, id: string): boolean {
  return policy?.holds.includes(id) ?? false;
}

function numberOf(value: number | string): number {
  if (typeof value === "number") return value;
  return /^\d+(\.\d+)?$/.test(value) ? Number(value) : NaN;
}

function shareOf(value: number | string): number {
  if (typeof value === "number") return value;
  return value.endsWith("%") ? numberOf(value.slice(0, -1).trim()) / 100 : NaN;
}

function durationOf(value: number | string): number {
  const duration = typeof value === "string" ? parseIsoDuration(value) : undefined;
  return duration ?? numberOf(value) * 3_600_000;
}

function check(
  variable: string,
  value: number,
  fits: (value: number) => boolean,
  why: string,
): number {
  if (!fits(value)) throw cannotUse(variable, why);
  return value;
}

const cannotUse = (variable: string, why: string) =>
  new Problem(500, `Cannot use ${variable}: ${why}`);
