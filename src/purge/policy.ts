import * as v from "../deps.ts";
import { isBatchId } from "../core/batches.ts";
import { cannotUse, defined, isList, suggest } from "../core/check.ts";
import { InvalidPolicyError, type Issue } from "../core/errors.ts";
import { type DatedBatch, daysAgo, type Words } from "./filter.ts";
import {
  countSchema,
  daysSchema,
  listSchema,
  members,
  parseJsonOnce,
  read,
  textSchema,
} from "./strict-json.ts";
import { dayMs, parseIsoDuration } from "./time.ts";

/**
 * How long batches stay. A batch is deleted only if it has ended, is not held, has reached the minimum
 * age, and has expired by every rule. So another rule never deletes more.
 *
 * A day is 24 hours: time zones and calendars do not matter. A time that is null, unreadable, in the
 * future or before June 2023 never makes a batch old. A batch that ended before it was created counts as
 * ended when it was created.
 */
export interface RetentionPolicy {
  readonly version: 1;
  /** At least one. */
  readonly rules: readonly RetentionRule[];
  /** Ids of batches that are never deleted, whatever the rules say: whole ids, no patterns. */
  readonly holds: readonly string[];
  /**
   * How long ago a batch must have ended at least, whatever the rules say: an ISO 8601 duration of
   * whole days, hours, minutes and seconds. `"PT0S"` leaves the age to the rules.
   *
   * @default "PT1H"
   */
  readonly minimumAge?: string | undefined;
}

/** A rule of a retention policy. */
export type RetentionRule = DeleteAfterRule | KeepLastRule;

/** A batch expires some days after it ended or was created. */
export interface DeleteAfterRule {
  readonly type: "delete_after";
  /** At least so many times 24 hours, to the millisecond. A fraction is allowed. */
  readonly days: number;
  /** The event that they are counted from. */
  readonly since: "ended" | "created";
}

/**
 * The newest batches stay whatever their age: of all batches of the workspace, those created last,
 * ended or not, held or not. Batches created in the same millisecond as the last of them stay too.
 */
export interface KeepLastRule {
  readonly type: "keep_last";
  /** How many. */
  readonly count: number;
}

/** What a type of rule means, and how it reads. */
interface RuleKind<Rule> {
  /**
   * Says when a batch expires, from the arguments only. That may depend on the other batches, but not on
   * their order, and not on the other rules: then another rule never deletes more.
   *
   * @param all All batches, each once. Their times may be `NaN` or in the future.
   * @returns When a batch expires, in milliseconds since the epoch; `Infinity` is never. It is asked about
   *   ended batches with known, past times only.
   */
  expiry(rule: Rule, all: readonly DatedBatch[]): (batch: DatedBatch) => number;
  /** How a sentence about a batch goes on after "It": if it has expired, and if it has not. */
  words(rule: Rule): Words;
}

/** Every type of rule. */
const rules: {
  readonly [Type in RetentionRule["type"]]: RuleKind<Extract<RetentionRule, { type: Type }>>;
} = {
  delete_after: {
    expiry: ({ days, since }) => (batch) => batch[`${since}At`] + days * dayMs,
    words({ days, since }) {
      const did = since === "ended" ? "ended" : "was created";
      return [`${did} at least ${daysAgo(days)}`, `${did} less than ${daysAgo(days)}`];
    },
  },
  keep_last: {
    expiry({ count }, all) {
      // A batch expires when so many newer ones are there. One without a time is never newer.
      const oldestFirst = all.map(({ createdAt }) => createdAt).filter((time) => !isNaN(time))
        .sort((one, other) => one - other);
      return ({ createdAt }) => {
        let [next, end] = [0, oldestFirst.length]; // those up to `next` were created no later
        while (next < end) {
          const middle = (next + end) >> 1;
          if (Number(oldestFirst[middle]) <= createdAt) next = middle + 1;
          else end = middle;
        }
        return oldestFirst[next + count - 1] ?? Infinity;
      };
    },
    words: ({ count }) => [`is not among the newest ${count}`, `is among the newest ${count}`],
  },
};

/** What a type of rule means. */
export const ruleKind = (type: RetentionRule["type"]): RuleKind<RetentionRule> => rules[type];

/**
 * Reads a retention policy, such as one from JSON. An unknown member or rule is refused, and so is a
 * policy without rules: it would delete more than was meant.
 *
 * A policy whose only rule is a `keep_last` deletes every other batch that has reached the minimum age.
 *
 * @returns A copy of the policy, as plain data.
 * @throws {InvalidPolicyError} It cannot be used. Its `issues` are all that is wrong; they name the
 *   places, and never quote a value.
 *
 * @example Read a policy
 * ```ts
 * import { parseRetentionPolicy } from "batchsweep/retention";
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
  return read(policySchema(), input, invalidPolicy);
}

/**
 * Reads a retention policy from its JSON. An object with two members of the same name, such as
 * `holds`, is refused: `JSON.parse()` would silently drop the first.
 *
 * @throws {SyntaxError} It is not JSON. The message may quote it.
 * @throws {InvalidPolicyError} It cannot be used.
 */
export function parsePolicyText(text: string): RetentionPolicy {
  const input = parseJsonOnce(text, (path, message) => invalidPolicy([{ path, message }]));
  return parseRetentionPolicy(input);
}

/** The schema of a policy. */
export function policySchema(): v.GenericSchema<unknown, RetentionPolicy> {
  const rule = v.variant(
    "type",
    [
      members({
        type: v.literal("delete_after"),
        days: daysSchema(),
        since: v.picklist(["ended", "created"], 'is not "ended" or "created"'),
      }),
      members({ type: v.literal("keep_last"), count: countSchema() }),
    ],
    ({ path, input }) =>
      path === undefined
        ? "is not an object"
        : `is no rule: ${suggest(typeof input === "string" ? input : "", Object.keys(rules))}`,
  );
  const policy = members({
    version: v.literal(1, "is not 1, the version that is known here"),
    rules: v.pipe(listSchema(rule), v.minLength(1, "is empty: a policy needs a rule")),
    holds: listSchema(v.pipe(textSchema(), v.check(canHold, "is not an id of a batch"))),
    minimumAge: v.optional(v.pipe(
      textSchema(),
      v.check(
        (value) => parseIsoDuration(value) !== undefined,
        ({ input }) =>
          /^P[^T]*[YM]/.test(input)
            ? "has years or months, which have no fixed length: give days"
            : 'is no ISO 8601 duration of whole days, hours, minutes and seconds, such as "PT1H"',
      ),
    )),
  });
  return v.pipe(policy, v.transform((given): RetentionPolicy => defined(given)));
}

/** A pattern or a shortened id would hold no batch. */
const canHold = (id: string) => /^[\w.~-]+$/.test(id) && isBatchId(id);

/** The check of ids that are held. */
export function isHolds(value: unknown, name: string): readonly string[] {
  const held = [...isList<Iterable<unknown>>("a list of ids", Symbol.iterator)(value, name)];
  return held.map((id) => {
    if (typeof id === "string" && canHold(id)) return id;
    throw cannotUse(name, "one is not an id of a batch");
  });
}

const mostNamedIssues = 10;

function invalidPolicy(issues: readonly Issue[]): InvalidPolicyError {
  const named = issues.slice(0, mostNamedIssues)
    .map(({ path, message }) => `${path || "it"} ${message}`);
  const more = issues.length > named.length ? [`and ${issues.length - named.length} more`] : [];
  return new InvalidPolicyError([...named, ...more].join("; "), issues);
}
