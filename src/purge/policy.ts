import {
  array,
  check,
  literal,
  minLength,
  object,
  optional,
  picklist,
  pipe,
  string,
  unknown,
} from "../deps.ts";
import { InvalidPolicyError, type Issue } from "../core/errors.ts";
import { isBatchId } from "../core/batches.ts";
import { cannotUse, defined, isList, isObject, suggest } from "../core/check.ts";
import type { PurgeDecision } from "./decision.ts";
import {
  countSchema,
  type DatedBatch,
  datedBatch,
  deletes,
  type EvaluateFilterOptions,
  kept,
  keptByCreation,
  keptByStatus,
  type ListedBatch,
} from "./filter.ts";
import {
  findDuplicateKey,
  type MembersSchema,
  type Parsed,
  parseStrict,
  pathKey,
} from "./strict-json.ts";
import { checkNow, dayMs, daysAgo, daysSchema, parseIsoDuration } from "./time.ts";

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

/** What a type of rule looks like in a policy, what it means, and how it reads. */
interface RuleKind<Rule> {
  /** Its messages follow a path, and name no value. */
  schema(): MembersSchema<Rule>;
  /**
   * Says when a batch expires, from the arguments only. That may depend on the other batches, but not on
   * their order, and not on the other rules: then another rule never deletes more.
   *
   * @param rule The rule of a policy.
   * @param batches All batches, each once. Their times may be `NaN` or in the future.
   * @param now The time to judge by, in milliseconds since the epoch.
   * @returns When a batch expires, in milliseconds since the epoch; `Infinity` is never. It is asked about
   *   ended batches with known, past times only.
   */
  expiry(
    rule: Rule,
    batches: readonly DatedBatch[],
    now: number,
  ): (batch: DatedBatch) => number;
  /** How a sentence about a batch goes on after "It": if it has expired, and if it has not. */
  words(rule: Rule): { readonly expired: string; readonly kept: string };
}

/** Every type of rule: one entry each. */
const ruleKinds: {
  readonly [Type in RetentionRule["type"]]: RuleKind<Extract<RetentionRule, { type: Type }>>;
} = {
  delete_after: {
    schema: () =>
      object({
        type: literal("delete_after"),
        days: daysSchema(),
        since: picklist(["ended", "created"], 'is not "ended" or "created"'),
      }, "is missing"),
    expiry: ({ days, since }) => ({ endedAt, createdAt }) =>
      (since === "ended" ? endedAt : createdAt) + days * dayMs,
    words({ days, since }) {
      const did = since === "ended" ? "ended" : "was created";
      const ago = daysAgo(days);
      return { expired: `${did} at least ${ago}`, kept: `${did} less than ${ago}` };
    },
  },
  keep_last: {
    schema: () => object({ type: literal("keep_last"), count: countSchema() }, "is missing"),
    expiry({ count }, batches, now) {
      // Batches without a past time take no place: they are kept in addition to the newest.
      const oldestFirst = batches.map(({ createdAt }) => createdAt).filter((time) => time <= now)
        .sort((one, other) => one - other);
      return ({ createdAt }) => {
        let [next, end] = [0, oldestFirst.length]; // those up to `next` were created no later
        while (next < end) {
          const middle = (next + end) >> 1;
          if ((oldestFirst[middle] ?? NaN) <= createdAt) next = middle + 1;
          else end = middle;
        }
        return oldestFirst[next + count - 1] ?? Infinity;
      };
    },
    words: ({ count }) => {
      const newest = `among the newest ${count}`;
      return { expired: `is not ${newest}`, kept: `is ${newest}` };
    },
  },
};

const ruleTypes = ["delete_after", "keep_last"] as const satisfies RetentionRule["type"][];

/** What a type of rule means. */
export function ruleKind(type: RetentionRule["type"]): RuleKind<RetentionRule> {
  return ruleKinds[type];
}

/**
 * Reads a retention policy, such as one from JSON. An unknown member or rule is refused, and so is a
 * policy without rules: it would delete more than was meant.
 *
 * A policy whose only rule is a `keep_last` deletes every other batch that has reached the minimum age.
 *
 * @param input The policy.
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
  const frame = parseStrict(frameSchema(), input, "");
  const given: unknown = Object(input).rules;
  const rules = (Array.isArray(given) ? given : [])
    .map((rule: unknown, index) => parseRule(rule, `rules.${index}`));
  const issues = [frame, ...rules].flatMap((one) => "issues" in one ? one.issues : []);
  if ("issues" in frame || issues.length > 0) throw invalidPolicy(issues);
  const { minimumAge, ...policy } = frame.value;
  return defined({
    ...policy,
    rules: rules.flatMap((one) => "value" in one ? [one.value] : []),
    minimumAge,
  });
}

/**
 * Reads a retention policy from its JSON. An object with two members of the same name, such as
 * `holds`, is refused: `JSON.parse()` would silently drop the first.
 *
 * @throws {SyntaxError} It is not JSON. The message may quote it.
 * @throws {InvalidPolicyError} It cannot be used.
 */
export function parsePolicyText(text: string): RetentionPolicy {
  const input: unknown = JSON.parse(text);
  const key = findDuplicateKey(text);
  if (key === undefined) return parseRetentionPolicy(input);
  throw invalidPolicy([{ path: pathKey(key), message: "is there twice in one object" }]);
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

function parseRule(input: unknown, path: string): Parsed<RetentionRule> {
  const type: unknown = Object(input).type;
  const known = ruleTypes.find((one) => one === type);
  if (known !== undefined) return parseStrict(ruleKind(known).schema(), input, path);
  if (!isObject(input)) return { issues: [{ path, message: "is not an object" }] };
  const hint = suggest(typeof type === "string" ? type : "", ruleTypes);
  return { issues: [{ path: `${path}.type`, message: `is no rule: ${hint}` }] };
}

const mostNamedIssues = 10;

function invalidPolicy(issues: readonly Issue[]): InvalidPolicyError {
  const named = issues.slice(0, mostNamedIssues)
    .map(({ path, message }) => `${path || "it"} ${message}`);
  const more = issues.length > named.length ? [`and ${issues.length - named.length} more`] : [];
  const why = [...named, ...more].join("; ");
  return new InvalidPolicyError(why, issues);
}

/** How long ago a batch must have ended if its policy does not say. */
export const defaultMinimumAge = "PT1H";

/**
 * Decides for each batch what a retention policy means for it. Pure: the result depends on the
 * arguments only, not on the order of the batches, and not on their ids unless they are held.
 *
 * A batch is kept for the first of these reasons: it is held; it has not ended; it was created or it
 * ended at a time that cannot be read or is in the future; it is younger than the minimum age; a rule
 * keeps it, in the order of the policy. Otherwise it is deleted.
 *
 * @param policy How long batches stay.
 * @param batches All batches there are: `keep_last` takes a batch that is not among them as gone. If two
 *   have the same id, the later one counts.
 * @param now The time to judge by, in milliseconds since the epoch.
 * @param options Ids that are held beyond those of the policy.
 * @returns A decision for each id; {@link describeDecision} puts it into words.
 * @throws {InvalidPolicyError} The policy cannot be used.
 * @throws {RangeError} `now` is no time.
 *
 * @example Try a policy before it is used
 * ```ts
 * import { listMessageBatches, type MessageBatch } from "batchsweep";
 * import { describeDecision } from "batchsweep/purge";
 * import { evaluateRetention, parseRetentionPolicy } from "batchsweep/retention";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * sandbox.seed({ created_at: "2026-01-01T00:00:00Z" });
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch };
 *
 * const batches: MessageBatch[] = [];
 * for await (const batch of listMessageBatches(client)) batches.push(batch);
 * const policy = parseRetentionPolicy({
 *   version: 1,
 *   rules: [{ type: "delete_after", days: 30, since: "ended" }],
 *   holds: [],
 * });
 * for (const [id, decision] of evaluateRetention(policy, batches, Date.now())) {
 *   console.log(id, decision.action, describeDecision(decision, { policy }));
 * }
 * ```
 */
export function evaluateRetention(
  policy: RetentionPolicy,
  batches: Iterable<ListedBatch>,
  now: number,
  { holds: more = [], archived }: Pick<EvaluateFilterOptions, "holds" | "archived"> = {},
): ReadonlyMap<string, PurgeDecision> {
  const { rules, holds, minimumAge } = parseRetentionPolicy(policy);
  checkNow(now);
  const held = new Set([...holds, ...more]);
  const dated = new Map<string, DatedBatch>();
  for (const batch of batches) dated.set(batch.id, datedBatch(batch));
  const all = [...dated.values()];
  const judges = rules.map((rule, index) => ({
    expiry: ruleKind(rule.type).expiry(rule, all, now),
    decision: { action: "keep", code: "rule", rule: index } as const,
  }));

  const decide = (batch: DatedBatch): PurgeDecision => {
    if (held.has(batch.id)) return kept.held;
    const reason = keptByStatus(batch.status) ?? keptByCreation(batch.createdAt, now);
    if (reason !== undefined) return reason;
    if (!(batch.endedAt <= now)) return kept.ended_unknown;
    if (!(batch.endedAt + ageOf(minimumAge) <= now)) return kept.too_young;
    return judges.find(({ expiry }) => !(expiry(batch) <= now))?.decision ??
      (archived === "keep" && batch.archived ? kept.archived : deletes);
  };
  return new Map(all.map((batch) => [batch.id, decide(batch)]));
}

/** Says since when a batch is due that a policy does not keep, in milliseconds since the epoch. */
export function dueSince(
  { rules, minimumAge }: RetentionPolicy,
  batches: readonly DatedBatch[],
  now: number,
): (batch: DatedBatch) => number {
  const expiries = rules.map((rule) => ruleKind(rule.type).expiry(rule, batches, now));
  return (batch) =>
    Math.max(batch.endedAt + ageOf(minimumAge), ...expiries.map((expiry) => expiry(batch)));
}

const ageOf = (minimumAge = defaultMinimumAge) => parseIsoDuration(minimumAge) ?? Infinity;
