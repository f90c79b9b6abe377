import * as v from "../deps.ts";
import type { MessageBatch } from "../core/batches.ts";
import { cannotUse, defined } from "../core/check.ts";
import type { Issue } from "../core/errors.ts";
import {
  countSchema,
  daysSchema,
  idSchema,
  listSchema,
  members,
  read,
  timeSchema,
} from "./strict-json.ts";
import { believableTime, dayMs, parseTimestamp } from "./time.ts";

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
  & Partial<Pick<MessageBatch, "archived_at" | "cancel_initiated_at">>;

/** A batch with its times read, in milliseconds since the epoch. */
export interface DatedBatch {
  readonly id: string;
  readonly status: string;
  /** `NaN` if it cannot be read, or cannot be believed. No comparison holds for `NaN`. */
  readonly createdAt: number;
  /** When it ended, or when it was created if that is later; `NaN` until it has, and as above. */
  readonly endedAt: number;
  /** When its results went; `NaN` if they are there, and as above. */
  readonly archivedAt: number;
}

/** Reads the times of a batch, each once. */
export function datedBatch(batch: ListedBatch): DatedBatch {
  const { id, processing_status: status, created_at, ended_at, archived_at } = batch;
  const createdAt = believableTime(created_at);
  const endedAt = status === "ended" ? Math.max(createdAt, believableTime(ended_at)) : NaN;
  return { id, status, createdAt, endedAt, archivedAt: believableTime(archived_at) };
}

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
  const refuse = (_: unknown, { path, message }: Issue) => cannotUse(path, `it ${message}`);
  return read(filterSchema(), input, refuse, "filter");
}

/** The schema of a filter. */
export function filterSchema(): v.GenericSchema<unknown, MessageBatchFilter | "*"> {
  const entries = conditionNames.map((name) => [name, v.optional(conditions[name].schema())]);
  const filter = members(Object.fromEntries(entries), 'is neither an object nor "*"');
  const isEmpty = `is empty: give one of ${conditionNames.join(", ")}, or "*" for all`;
  return v.lazy((input) =>
    input === "*" ? v.literal("*") : v.pipe(
      filter,
      v.check((given) => namesOf(given).length > 0, isEmpty),
      v.transform((given): MessageBatchFilter => defined(given)),
    )
  );
}

/** What a condition looks like in a filter, what it means, and how it reads. */
interface Condition<Value> {
  schema(): v.GenericSchema<unknown, Value>;
  /** Whether it holds for no batch that has not ended. */
  readonly needsEnd?: true;
  /** Says for which batches it holds. */
  holds(value: Value, now: number): (batch: DatedBatch) => boolean;
  words(value: Value): Words;
}

/** How a sentence about a batch goes on after "It", if something holds for it and if not. */
export type Words = readonly [holds: string, fails: string];
const is = (what: string): Words => [`is ${what}`, `is not ${what}`];

type Time = "createdAt" | "endedAt";

const happened = (time: Time, when: string): Words =>
  time === "createdAt"
    ? [`was created ${when}`, `was not created ${when}`]
    : [`ended ${when}`, `did not end ${when}`];

/** A time makes a batch old only if the batch has ended, and the time is not in the future. */
const past = (batch: DatedBatch, time: Time, now: number) =>
  batch.status === "ended" && batch[time] <= now ? batch[time] : NaN;

const minDaysSince = (time: Time): Condition<number> => ({
  schema: daysSchema,
  needsEnd: true,
  holds: (days, now) => (batch) => now - past(batch, time, now) >= days * dayMs,
  words: (days) => happened(time, `at least ${daysAgo(days)}`),
});

/** A number of days in words: `1 day ago`. An hour is 0.041666666666666664 days, so it is rounded. */
export function daysAgo(days: number): string {
  const rounded = Number(days.toPrecision(6));
  return `${rounded} ${rounded === 1 ? "day" : "days"} ago`;
}

const before = (time: Time): Condition<string> => ({
  schema: timeSchema,
  needsEnd: true,
  holds(limit, now) {
    const end = Number(parseTimestamp(limit));
    return (batch) => past(batch, time, now) < end;
  },
  words: (limit) => happened(time, `before ${limit}`),
});

const after = (time: Time): Condition<string> => ({
  schema: timeSchema,
  holds(limit) {
    const start = Number(parseTimestamp(limit));
    return (batch) => batch[time] > start;
  },
  words: (limit) => happened(time, `after ${limit}`),
});

/** Every condition, in the order in which they are judged. */
const conditions: {
  readonly [Name in keyof MessageBatchFilter]-?: Condition<NonNullable<MessageBatchFilter[Name]>>;
} = {
  ids: {
    schema: () => v.pipe(listSchema(idSchema()), v.minLength(1, "is empty")),
    holds(ids) {
      const named = new Set(ids);
      return ({ id }) => named.has(id);
    },
    words: () => is("named by its id"),
  },
  status: {
    schema: () =>
      v.pipe(
        listSchema(v.picklist(statuses, 'is not "in_progress", "canceling" or "ended"')),
        v.minLength(1, "is empty"),
      ),
    holds: (states) => ({ status }) => states.some((one) => one === status),
    words: (states) => is(states.join(" or ")),
  },
  minDaysSinceCreated: minDaysSince("createdAt"),
  minDaysSinceEnded: minDaysSince("endedAt"),
  createdBefore: before("createdAt"),
  createdAfter: after("createdAt"),
  endedBefore: before("endedAt"),
  endedAfter: { ...after("endedAt"), needsEnd: true },
  oldest: {
    schema: countSchema,
    holds: () => () => true, // evaluateFilter() counts at the end
    words: (count) => is(`among the oldest ${count}`),
  },
};

/** The names of the conditions, in the order in which they are judged. */
export const conditionNames = Object.keys(conditions) as readonly (keyof MessageBatchFilter)[];

/** What a condition means. */
export const conditionOf = (name: keyof MessageBatchFilter): Condition<unknown> => conditions[name];

/** The conditions that a filter has. */
export function namesOf(filter: MessageBatchFilter): readonly (keyof MessageBatchFilter)[] {
  return conditionNames.filter((name) => filter[name] !== undefined);
}

/** Whether a filter judges by the time now. */
export function isByAge(filter: MessageBatchFilter | "*" = "*"): boolean {
  return filter !== "*" && namesOf(filter).some((name) => name.startsWith("minDays"));
}
