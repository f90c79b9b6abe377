import {
  array,
  check,
  literal,
  minLength,
  object,
  optional,
  pipe,
  string,
  unknown,
} from "../deps.ts";
import { InvalidPolicyError, type Issue } from "../core/errors.ts";
import { isBatchId } from "../purge/filter.ts";
import { parseIsoDuration } from "./iso-duration.ts";
import { readMembers } from "./read-members.ts";
import { type RetentionRule, ruleKind, ruleKinds } from "./rule-kind.ts";

/**
 * What is kept how long. A batch goes only if it has ended, is not held, has reached the minimum age,
 * and every rule lets it go: another rule never deletes more.
 *
 * Ages are counted in instants, a day being 24 hours: no time zone and no calendar has a say. A time
 * that is null, unreadable or in the future never makes a batch old.
 */
export interface RetentionPolicy {
  readonly version: 1;
  /** At least one. */
  readonly rules: readonly RetentionRule[];
  /** Ids of batches that are never deleted, whatever the rules say: whole ids, and no patterns. */
  readonly holds: readonly string[];
  /**
   * How long ago a batch must have ended at the least, whatever the rules say: an ISO 8601 duration of
   * whole days, hours, minutes and seconds. A shorter one than the default has to be written down;
   * `"PT0S"` leaves the age to the rules.
   *
   * @default "PT1H"
   */
  readonly minimumAge?: string | undefined;
}

/**
 * Reads a retention policy, such as one from JSON. Nothing is guessed: a member or a rule that is not
 * known is refused, and so is a policy without rules, since it would say more than was meant.
 *
 * A policy that has only a `keep_last` lets everything else go once it has reached the minimum age.
 *
 * @param input The policy.
 * @returns The policy, as plain data of its own.
 * @throws {InvalidPolicyError} It cannot be used. Its `issues` are all that is wrong; they name the
 *   places, and never quote a value.
 *
 * @example Read a policy
 * ```ts
 * import { parseRetentionPolicy } from "batchsweep";
 *
 * const policy = parseRetentionPolicy(JSON.parse(`{
 *   "version": 1,
 *   "rules": [
 *     { "type": "delete_after", "days": 30, "since": "ended" },
 *     { "type": "keep_last", "count": 10 }
 *   ],
 *   "holds": ["msgbatch_013Zva2CMHLNnXjNJJKqJ2EF"]
 * }`));
 * console.log(policy);
 * ```
 */
export function parseRetentionPolicy(input: unknown): RetentionPolicy {
  const frame = readMembers(frameSchema(), input, "");
  const given: unknown = Object(input).rules;
  const rules = (Array.isArray(given) ? given : [])
    .map((rule: unknown, index) => readRule(rule, `rules.${index}`));
  const read = [frame, ...rules];
  const issues = read.flatMap((one) => "issues" in one ? one.issues : []);
  if ("issues" in frame || issues.length > 0) throw invalid(issues);
  const { minimumAge, ...policy } = frame.value;
  return {
    ...policy,
    rules: rules.flatMap((one) => "value" in one ? [one.value] : []),
    ...(minimumAge === undefined ? {} : { minimumAge }),
  };
}

function frameSchema() {
  const text = string("is not a string");
  return object({
    version: literal(1, "is not 1, the version that is known here"),
    rules: pipe(
      array(unknown(), "is not an array"),
      minLength(1, "is empty: a policy needs a rule"),
    ),
    holds: array(pipe(text, check(canHold, "is not an id of a batch")), "is not an array"),
    minimumAge: optional(pipe(
      text,
      check(
        (value) => parseIsoDuration(value) !== undefined,
        ({ input }) =>
          /^P[^T]*[YM]/.test(input)
            ? "has years or months, which have no fixed length: give days"
            : 'is no ISO 8601 duration of whole days, hours, minutes and seconds, such as "PT1H"',
      ),
    )),
  }, "is missing");
}

/** A pattern, or an id that was shortened, would hold nothing. */
const canHold = (id: string) => /^[\w.~-]+$/.test(id) && isBatchId(id);

function readRule(
  input: unknown,
  path: string,
): { readonly value: RetentionRule } | { readonly issues: readonly Issue[] } {
  const kind = ruleKind(Object(input).type);
  if (kind !== undefined) return readMembers(kind.schema(), input, path);
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    return { issues: [{ path, message: "is not an object" }] };
  }
  const types = ruleKinds().map(({ type }) => type).join(", ");
  return { issues: [{ path: `${path}.type`, message: `is no rule; there are ${types}` }] };
}

const mostNamed = 10;

function invalid(issues: readonly Issue[]): InvalidPolicyError {
  const named = issues.slice(0, mostNamed).map(({ path, message }) => `${path || "it"} ${message}`);
  const more = issues.length > mostNamed ? [`and ${issues.length - mostNamed} more`] : [];
  const why = [...named, ...more].join("; ");
  return new InvalidPolicyError(`Cannot use the retention policy: ${why}`, issues);
}
