import {
  array,
  check,
  type GenericSchema,
  minLength,
  number,
  object,
  optional,
  picklist,
  pipe,
  safeParse,
  string,
} from "../deps.ts";
import { isBatchId, type MessageBatch } from "../core/batches.ts";
import { cannotUse, defined, isObject, quoteKey, suggest } from "../core/check.ts";
import type { PurgeDecision } from "./decision.ts";
import {
  checkNow,
  dayMs,
  daysAgo,
  daysSchema,
  parseTimestamp,
  timeOfBatch,
  timeSchema,
} from "./time.ts";

/**
 * Which Message Batches a purge deletes: those for which every given condition holds. At least one
 * condition must be given. A condition on age holds only for a batch that has ended, and whose times can
 * be read, are not in the future and not before June 2023. A batch that ended before it was created
 * counts as ended when it was created.
 */
export interface MessageBatchFilter {
  /** Only these. */
  readonly ids?: readonly string[] | undefined;
  /** Only in one of these states. */
  readonly status?: readonly ("in_progress" | "canceling" | "ended")[] | undefined;
  /** Only batches that ended, and were created at least so many days ago. A fraction is allowed. */
  readonly minDaysSinceCreated?: number | undefined;
  /** Only batches that ended at least so many days ago. A fraction is allowed. */
  readonly minDaysSinceEnded?: number | undefined;
  /** Only batches that ended, and were created before this RFC 3339 date-time. */
  readonly createdBefore?: string | undefined;
  /** Only batches created after this RFC 3339 date-time. */
  readonly createdAfter?: string | undefined;
  /** Only batches that ended before this RFC 3339 date-time. */
  readonly endedBefore?: string | undefined;
  /** Only batches that ended after this RFC 3339 date-time. */
  readonly endedAfter?: string | undefined;
  /**
   * At most so many: of all batches that the other conditions leave and that can be deleted, those
   * created first. Batches created at the same time are taken in the order of their ids.
   */
  readonly oldest?: number | undefined;
}

/** The states of a batch that are known here. */
export const statuses = ["in_progress", "canceling", "ended"] as const;

/** The part of a Message Batch that decides what happens to it. */
export type ListedBatch =
  & Pick<MessageBatch, "id" | "processing_status" | "created_at" | "ended_at">
  & Partial<Pick<MessageBatch, "archived_at">>;

/** Options of {@link evaluateFilter}. */
export interface EvaluateFilterOptions {
  /**
   * Whether batches that have not ended may be canceled and deleted.
   *
   * @default false
   */
  readonly cancelInProgress?: boolean | undefined;
  /** Ids that are kept whatever the filter says, and do not count for its `oldest`. */
  readonly holds?: Iterable<string> | undefined;
  /**
   * What to do with batches whose results are gone. Those that are kept do not count for `oldest`.
   *
   * @default "delete"
   */
  readonly archived?: "keep" | "delete" | undefined;
}

/** A batch with its times read, in milliseconds since the epoch. */
export interface DatedBatch {
  readonly id: string;
  readonly status: string;
  /** `NaN` if it cannot be read, or is before June 2023. No comparison holds for `NaN`. */
  readonly createdAt: number;
  /**
   * When it ended, or when it was created if that is later. `NaN` if the batch has not ended, or if one
   * of the two cannot be read.
   */
  readonly endedAt: number;
  /** Whether its results are gone. */
  readonly archived: boolean;
}

/** Reads the times of a batch, each once. */
export function datedBatch(batch: ListedBatch): DatedBatch {
  const { id, processing_status: status, created_at, ended_at } = batch;
  const createdAt = timeOfBatch(created_at);
  const endedAt = status === "ended" ? Math.max(createdAt, timeOfBatch(ended_at)) : NaN;
  return { id, status, createdAt, endedAt, archived: typeof batch.archived_at === "string" };
}

const read = (limit: string) => parseTimestamp(limit) ?? NaN;

/**
 * Reads a filter, such as one from JSON. A misspelt condition is refused, and so is a filter without
 * conditions: it would delete more than was meant.
 *
 * @param input The filter, or `"*"` for all batches.
 * @returns A copy of the filter, as plain data.
 * @throws {TypeError} The filter cannot be used. The message says where, and never quotes a value.
 *
 * @example Read a filter
 * ```ts
 * import { parseMessageBatchFilter } from "batchsweep/purge";
 *
 * const filter = parseMessageBatchFilter(JSON.parse('{ "minDaysSinceEnded": 30, "oldest": 100 }'));
 * console.log(filter);
 * ```
 */
export function parseMessageBatchFilter(input: unknown): MessageBatchFilter | "*" {
  if (input === "*") return "*";
  if (!isObject(input)) throw cannotUse("filter", 'it is neither an object nor "*"');
  const unknown = Object.keys(input).find((name) => !conditionNames.some((one) => one === name));
  if (unknown !== undefined) {
    const why = `${quoteKey(unknown)} is no condition: ${suggest(unknown, conditionNames)}`;
    throw cannotUse("filter", why);
  }
  const entries: Record<string, GenericSchema> = Object.fromEntries(
    conditionNames.map((name) => [name, optional(conditionOf(name).schema())]),
  );
  const result = safeParse(object(entries), input);
  if (!result.success) {
    const [{ path = [], message }] = result.issues;
    const place = path.map(({ key }) => typeof key === "number" ? `[${key}]` : `.${key}`);
    throw cannotUse(`filter${place.join("")}`, `it ${message}`);
  }
  const filter: MessageBatchFilter = defined(result.output);
  if (namesOf(filter).length > 0) return filter;
  throw cannotUse(
    "filter",
    `it is empty: give one of ${conditionNames.join(", ")}, or "*" for all`,
  );
}

/** The schema of a number of batches. As of every schema here, a message follows a path. */
export function countSchema(): GenericSchema<unknown, number> {
  return pipe(
    number("is not a number"),
    check((count) => Number.isSafeInteger(count) && count > 0, "is not a whole number above 0"),
  );
}

/** The schema of an id. */
export function idSchema(): GenericSchema<unknown, string> {
  return pipe(string("is not a string"), check(isBatchId, "is not an id of a batch"));
}

function listSchema<Value>(schema: GenericSchema<unknown, Value>) {
  return pipe(array(schema, "is not an array"), minLength(1, "is empty"));
}

/** What a condition looks like in a filter, what it means, and how it reads. */
interface Condition<Value> {
  /** Its messages follow a path, and name no value. */
  schema(): GenericSchema<unknown, Value>;
  /** Whether it holds for no batch that has not ended. */
  readonly needsEnd?: true;
  /** Says for which batches it holds. */
  holds(value: Value, now: number): (batch: DatedBatch) => boolean;
  words(value: Value): Words;
}

/** What a condition says of a batch: a verb, and the rest of the sentence. */
export type Words = readonly [verb: "is" | "was" | "ended", rest: string];

type Time = "createdAt" | "endedAt";

/** A time makes a batch old only if the batch has ended, and the time is not in the future. */
const past = (batch: DatedBatch, time: Time, now: number) =>
  batch.status === "ended" && batch[time] <= now ? batch[time] : NaN;

const happened = (time: Time, when: string): Words =>
  time === "createdAt" ? ["was", `created ${when}`] : ["ended", when];

const minDaysSince = (time: Time): Condition<number> => ({
  schema: daysSchema,
  needsEnd: true,
  holds: (days, now) => (batch) => now - past(batch, time, now) >= days * dayMs,
  words: (days) => happened(time, `at least ${daysAgo(days)}`),
});

const before = (time: Time): Condition<string> => ({
  schema: timeSchema,
  needsEnd: true,
  holds(limit, now) {
    const end = read(limit);
    return (batch) => past(batch, time, now) < end;
  },
  words: (limit) => happened(time, `before ${limit}`),
});

const after = (time: Time): Condition<string> => ({
  schema: timeSchema,
  holds(limit) {
    const start = read(limit);
    return (batch) => batch[time] > start;
  },
  words: (limit) => happened(time, `after ${limit}`),
});

/** Every condition, in the order in which they are judged. */
const conditions: {
  readonly [Name in keyof MessageBatchFilter]-?: Condition<NonNullable<MessageBatchFilter[Name]>>;
} = {
  ids: {
    schema: () => listSchema(idSchema()),
    holds(ids) {
      const named = new Set(ids);
      return ({ id }) => named.has(id);
    },
    words: () => ["is", "named by its id"],
  },
  status: {
    schema: () => listSchema(picklist(statuses, 'is not "in_progress", "canceling" or "ended"')),
    holds: (states) => ({ status }) => states.some((one) => one === status),
    words: (states) => ["is", states.join(" or ")],
  },
  minDaysSinceCreated: minDaysSince("createdAt"),
  minDaysSinceEnded: minDaysSince("endedAt"),
  createdBefore: before("createdAt"),
  createdAfter: after("createdAt"),
  endedBefore: before("endedAt"),
  endedAfter: { ...after("endedAt"), needsEnd: true },
  oldest: {
    schema: countSchema,
    holds: () => () => true, // it compares batches: evaluateFilter() counts them at the end
    words: (count) => ["is", `among the oldest ${count}`],
  },
};

/** The names of the conditions, in the order in which they are judged. */
export const conditionNames = Object.keys(conditions) as readonly (keyof MessageBatchFilter)[];

/** The conditions that hold for no batch that has not ended. */
export const needsEnd: ReadonlySet<keyof MessageBatchFilter> = new Set(
  conditionNames.filter((name) => conditions[name].needsEnd),
);

/** What a condition means. */
export function conditionOf(name: keyof MessageBatchFilter): Condition<unknown> {
  return conditions[name];
}

/** The conditions that a filter has. */
export function namesOf(filter: MessageBatchFilter): readonly (keyof MessageBatchFilter)[] {
  return conditionNames.filter((name) => filter[name] !== undefined);
}

/** Why a batch is kept, if that needs no value. */
export const keepCodes = [
  "held",
  "unreadable",
  "not_ended",
  "unknown_status",
  "created_later",
  "created_unknown",
  "ended_unknown",
  "too_young",
  "archived",
  "not_among_oldest",
] as const;

/** The decisions to keep a batch, each made once: a list may have 100,000 batches. */
export const kept = Object.fromEntries(
  keepCodes.map((code) => [code, { action: "keep", code }]),
) as Readonly<Record<(typeof keepCodes)[number], PurgeDecision>>;

/** The decision to delete a batch that has ended. */
export const deletes = { action: "delete", code: "matches" } as const;
const cancels = { action: "cancel_and_delete", code: "matches" } as const;

/** Keeps a batch that may have been created after the request, as far as both clocks agree. */
export function keptByCreation(createdAt: number, now: number): PurgeDecision | undefined {
  if (Number.isNaN(createdAt)) return kept.created_unknown;
  return createdAt > now ? kept.created_later : undefined;
}

/** Keeps a batch that has not ended, or whose status is unknown. */
export function keptByStatus(status: string): PurgeDecision | undefined {
  if (status === "ended") return undefined;
  return status === "in_progress" || status === "canceling" ? kept.not_ended : kept.unknown_status;
}

/**
 * Decides for each batch what a filter means for it. Pure: the result depends on the arguments only.
 *
 * A batch that has not ended is kept, unless `cancelInProgress` is set; its age never selects it. A
 * time that is null, unreadable or in the future makes no batch old. A batch whose creation time is
 * after `now` or unreadable is kept unless the filter names its id: it may be newer than the request.
 *
 * @param filter Which batches; `"*"` for all.
 * @param batches All batches there are. If two have the same id, the later one counts.
 * @param now The time to judge by, in milliseconds since the epoch.
 * @param options What else counts.
 * @returns A decision for each id; {@link describeDecision} puts it into words.
 * @throws {TypeError} The filter cannot be used.
 * @throws {RangeError} `now` is no time.
 *
 * @example Try a filter before it is used
 * ```ts
 * import { listMessageBatches, type MessageBatch } from "batchsweep";
 * import { describeDecision, evaluateFilter } from "batchsweep/purge";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * sandbox.seed({ created_at: "2026-01-01T00:00:00Z" });
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch };
 *
 * const batches: MessageBatch[] = [];
 * for await (const batch of listMessageBatches(client)) batches.push(batch);
 * const filter = { minDaysSinceEnded: 30 };
 * for (const [id, decision] of evaluateFilter(filter, batches, Date.now())) {
 *   console.log(id, decision.action, describeDecision(decision, { filter }));
 * }
 * ```
 */
export function evaluateFilter(
  filter: MessageBatchFilter | "*",
  batches: Iterable<ListedBatch>,
  now: number,
  { cancelInProgress = false, holds = [], archived }: EvaluateFilterOptions = {},
): ReadonlyMap<string, PurgeDecision> {
  const parsed = parseMessageBatchFilter(filter);
  checkNow(now);
  const given: MessageBatchFilter = parsed === "*" ? {} : parsed;
  const { ids, oldest = Infinity } = given;
  const heldIds = new Set(holds);
  const judges = namesOf(given).map((name) => ({
    holds: conditionOf(name).holds(given[name], now),
    decision: { action: "keep", code: "condition", condition: name } as const,
  }));
  const decide = (batch: DatedBatch): PurgeDecision => {
    if (heldIds.has(batch.id)) return kept.held;
    const reason = (ids === undefined ? keptByCreation(batch.createdAt, now) : undefined) ??
      judges.find((one) => !one.holds(batch))?.decision ?? keptByStatus(batch.status) ??
      (archived === "keep" && batch.archived ? kept.archived : undefined);
    return reason === kept.not_ended && cancelInProgress ? cancels : reason ?? deletes;
  };

  const decisions = new Map<string, PurgeDecision>();
  const chosen = new Map<string, number>();
  for (const listed of batches) {
    const batch = datedBatch(listed);
    const decision = decide(batch);
    decisions.set(batch.id, decision);
    if (decision.action === "keep") chosen.delete(batch.id);
    else chosen.set(batch.id, batch.createdAt);
  }
  if (chosen.size <= oldest) return decisions;
  const age = (createdAt: number) => Number.isNaN(createdAt) ? Infinity : createdAt;
  const byAge = [...chosen].sort(([id, one], [otherId, other]) =>
    age(one) - age(other) || (id < otherId ? -1 : 1)
  );
  for (const [id] of byAge.slice(oldest)) decisions.set(id, kept.not_among_oldest);
  return decisions;
}
