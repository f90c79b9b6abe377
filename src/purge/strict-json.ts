/**
 * Reads data from outside: an object has the members of its schema and no others, each once. The
 * messages of all schemas here follow a path, and name no value.
 *
 * @module
 */
import * as v from "../deps.ts";
import { isBatchId } from "../core/batches.ts";
import { quoteKey, suggest } from "../core/check.ts";
import type { Issue } from "../core/errors.ts";
import { parseTimestamp } from "./time.ts";

/** Reads a value. The paths of what is wrong with it begin with `root`. */
export function read<Value>(
  schema: v.GenericSchema<unknown, Value>,
  input: unknown,
  refuse: (issues: readonly Issue[], first: Issue) => Error,
  root?: string,
): Value {
  const result = v.safeParse(schema, input);
  if (result.success) return result.output;
  const issues = result.issues.map(({ path = [], message }): Issue => {
    const keys = path.map(({ key }) => pathKey(String(key)));
    return { path: [...root ? [root] : [], ...keys].join("."), message };
  });
  throw refuse(issues, issues[0] as Issue);
}

/** The schema of an object with these members and no others. */
export function members<const Entries extends v.ObjectEntries>(
  entries: Entries,
  notObject = "is not an object",
): v.StrictObjectSchema<Entries, (issue: v.StrictObjectIssue) => string> {
  return v.strictObject(entries, ({ expected, path }) => {
    if (path === undefined) return notObject;
    if (expected !== "never") return "is missing";
    return `is no member: ${suggest(String(path[0].key), Object.keys(entries))}`;
  });
}

type Schema<Value> = v.GenericSchema<unknown, Value>;

export const textSchema = (): Schema<string> => v.string("is not a string");

export const timeSchema = (): Schema<string> =>
  v.pipe(
    textSchema(),
    v.check((text) => parseTimestamp(text) !== undefined, "is not an RFC 3339 date-time"),
  );

export const idSchema = (): Schema<string> =>
  v.pipe(textSchema(), v.check(isBatchId, "is not an id of a batch"));

export const daysSchema = (): Schema<number> =>
  v.pipe(
    v.number("is not a number"),
    v.check((days) => days > 0 && Number.isFinite(days), "is not above 0"),
  );

export const countSchema = (): Schema<number> =>
  v.pipe(
    v.number("is not a number"),
    v.check((count) => Number.isSafeInteger(count) && count > 0, "is not a whole number above 0"),
  );

export const listSchema = <Value>(
  schema: Schema<Value>,
): v.ArraySchema<Schema<Value>, string> => v.array(schema, "is not an array");

/** A key as a part of a path: without quotes where it needs none. */
function pathKey(key: string): string {
  const quoted = quoteKey(key);
  return /^"\w+"$/.test(quoted) ? quoted.slice(1, -1) : quoted;
}

/**
 * Parses JSON. An object with two members of the same name is refused: `JSON.parse()` would silently
 * drop the first, such as a hold.
 *
 * @param refuse Makes the error for that.
 * @throws {SyntaxError} It is not JSON. The message may quote it.
 */
export function parseJsonOnce(
  text: string,
  refuse: (path: string, why: string) => Error,
): unknown {
  const value: unknown = JSON.parse(text);
  const key = findDuplicateKey(text);
  if (key !== undefined) throw refuse(pathKey(key), "is there twice in one object");
  return value;
}

/** @param text JSON that can be parsed. */
function findDuplicateKey(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = []; // the keys of each object; an array has none
  let last = "";
  // Character by character: engines differ in how long a text a regular expression can match.
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === "{") open.push(new Set());
    else if (character === "[") open.push(undefined);
    else if (character === "}" || character === "]") open.pop();
    else if (character === '"') {
      const begin = at;
      for (at += 1; text[at] !== '"'; at += 1) if (text[at] === "\\") at += 1;
      last = text.slice(begin, at + 1);
    } else if (character === ":") {
      const key = String(JSON.parse(last));
      if (open.at(-1)?.has(key)) return key;
      open.at(-1)?.add(key);
    }
  }
  return undefined;
}
