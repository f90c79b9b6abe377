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
import { batchPath } from "../core/batches.ts";
import { cannotUse } from "../core/cannot-use.ts";
import { fillPath } from "../core/path.ts";
import { redactor } from "../core/redact.ts";
import { parseTimestamp } from "./timestamp.ts";

/**
 * Which Message Batches a purge is about. A batch is meant where every condition that is given holds;
 * at least one must be given. Where a time has to be old, it must be readable and not in the future,
 * and the batch must have ended.
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
   * At most so many: of all that the other conditions leave and that can be deleted, those created
   * first. Ties are decided by id.
   */
  readonly oldest?: number | undefined;
}

type Conditions = { readonly [Name in keyof MessageBatchFilter]-?: GenericSchema<unknown> };

/** The schema of each condition. Its messages go after a path, and quote nothing. */
function conditions() {
  const time = pipe(
    string("is not a string"),
    check((text) => parseTimestamp(text) !== undefined, "is not an RFC 3339 date-time"),
  );
  const days = pipe(
    number("is not a number"),
    check((value) => value > 0 && Number.isFinite(value), "is not above 0"),
  );
  const id = pipe(string("is not a string"), check(isBatchId, "is not an id of a batch"));
  const states = picklist(
    ["in_progress", "canceling", "ended"],
    'is not "in_progress", "canceling" or "ended"',
  );
  return {
    ids: optional(pipe(array(id, "is not an array"), minLength(1, "is empty"))),
    status: optional(pipe(array(states, "is not an array"), minLength(1, "is empty"))),
    minDaysSinceCreated: optional(days),
    minDaysSinceEnded: optional(days),
    createdBefore: optional(time),
    createdAfter: optional(time),
    endedBefore: optional(time),
    endedAfter: optional(time),
    oldest: optional(pipe(
      number("is not a number"),
      check((value) => Number.isSafeInteger(value) && value > 0, "is not a whole number above 0"),
    )),
  } satisfies Conditions;
}

/**
 * Reads a filter, such as one from JSON. Nothing is guessed: a condition that is misspelt is refused,
 * and so is a filter without any, since it would say more than was meant.
 *
 * @param input The filter, or `"*"`, which says all.
 * @returns The filter, as plain data of its own.
 * @throws {TypeError} It cannot be used. The message names the place, and never quotes a value.
 *
 * @example Read a filter
 * ```ts
 * import { parseMessageBatchFilter } from "batchsweep";
 *
 * const filter = parseMessageBatchFilter(JSON.parse('{ "minDaysSinceEnded": 30, "oldest": 100 }'));
 * console.log(filter);
 * ```
 */
export function parseMessageBatchFilter(input: unknown): MessageBatchFilter | "*" {
  if (input === "*") return "*";
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw cannotUse("filter", 'it is neither an object nor "*"');
  }
  const entries = conditions();
  const names = Object.keys(entries).join(", ");
  const unknown = Object.keys(input).find((name) => !Object.hasOwn(entries, name));
  if (unknown !== undefined) {
    const shown = JSON.stringify(redactor([])(unknown).slice(0, 64));
    throw cannotUse("filter", `${shown} is no condition; there are ${names}`);
  }
  const result = safeParse(object(entries), input);
  if (!result.success) {
    const [{ path, message }] = result.issues;
    const place = path?.map(({ key }) => typeof key === "number" ? `[${key}]` : `.${key}`).join("");
    throw new TypeError(`Cannot use filter: filter${place ?? ""} ${message}`);
  }
  const given = Object.entries(result.output).filter(([, value]) => value !== undefined);
  if (given.length === 0) {
    throw cannotUse("filter", `it is empty: give one of ${names}, or "*" for all`);
  }
  return Object.fromEntries(given);
}

/** Whether a text can be the id of a batch: one path segment, and nothing like a key. */
export function isBatchId(id: string): boolean {
  try {
    return fillPath(batchPath, { message_batch_id: id }) !== "";
  } catch {
    return false;
  }
}
