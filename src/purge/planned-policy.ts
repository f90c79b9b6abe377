import { array, check, type GenericSchema, literal, looseObject, pipe, string } from "../deps.ts";
import { isBatchId } from "./filter.ts";

/**
 * The retention policy that a plan was made from, as far as a plan must know it: what it holds. The
 * rest of it is kept as it is; `parseRetentionPolicy()` reads it.
 */
export interface PlannedPolicy {
  readonly version: 1;
  /** Ids of batches that the plan must not delete. */
  readonly holds: readonly string[];
}

const longest = 16_777_216; // as JSON; room for half a million holds

/**
 * What it looks like in a plan.
 *
 * @param shape The message where an object is none, or lacks a member.
 */
export function plannedPolicySchema(
  shape: (issue: { readonly path?: unknown }) => string,
): GenericSchema<unknown, PlannedPolicy> {
  const id = pipe(string("is not a string"), check(isBatchId, "is not an id of a batch"));
  return pipe(
    looseObject({
      version: literal(1, "is not 1, the version that is known here"),
      holds: array(id, "is not an array"),
    }, shape),
    check((policy) => isSmallJson(policy), "is not JSON, or too long"),
  );
}

/** The policy as plain data of its own. */
export function copyPlannedPolicy(policy: PlannedPolicy): PlannedPolicy {
  return JSON.parse(JSON.stringify(policy));
}

function isSmallJson(value: unknown): boolean {
  try {
    return JSON.stringify(value).length <= longest;
  } catch {
    return false; // it has a cycle, or a number that JSON cannot hold
  }
}
