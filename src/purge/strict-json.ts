/**
 * Reads objects from JSON and refuses what `JSON.parse()` and most schemas let pass: unknown keys, and
 * keys that are there twice.
 *
 * @module
 */
import { type GenericSchema, safeParse } from "../deps.ts";
import type { Issue } from "../core/errors.ts";
import { isObject, quoteKey, suggest } from "../core/check.ts";

/** The schema of an object. */
export type MembersSchema<Value> = GenericSchema<unknown, Value> & {
  readonly entries: Readonly<Record<string, unknown>>;
};

/** A value, or all that is wrong with it. */
export type Parsed<Value> = { readonly value: Value } | { readonly issues: readonly Issue[] };

const mostNamedKeys = 5;

/**
 * Reads an object that has the members of a schema and no others.
 *
 * @param path Where the object is; `""` is the whole.
 * @returns A copy of the object, or all that is wrong with it, without the values received.
 */
export function parseStrict<Value>(
  schema: MembersSchema<Value>,
  input: unknown,
  path: string,
): Parsed<Value> {
  if (!isObject(input)) return { issues: [{ path, message: "is not an object" }] };
  const at = (keys: readonly unknown[]) => [...(path === "" ? [] : [path]), ...keys].join(".");
  const names = Object.keys(schema.entries);
  const unknown = Object.keys(input).filter((name) => !names.includes(name));
  const result = safeParse(schema, input);
  if (result.success && unknown.length === 0) return { value: result.output };
  const issues = (result.issues ?? []).map((issue) => ({
    path: at((issue.path ?? []).map(({ key }) => key)),
    message: issue.message,
  }));
  const [first, ...others] = unknown;
  if (first === undefined) return { issues };
  if (others.length === 0) {
    const message = `is no member: ${suggest(first, names)}`;
    return { issues: [{ path: at([pathKey(first)]), message }, ...issues] };
  }
  // One issue for all unknown members: a file of another kind has many.
  const named = unknown.slice(0, mostNamedKeys).map(pathKey);
  const more = unknown.length > mostNamedKeys ? [`and ${unknown.length - mostNamedKeys} more`] : [];
  const message = `has members that are none: ${[...named, ...more].join(", ")}; ` +
    `there are ${names.join(", ")}`;
  return { issues: [{ path, message }, ...issues] };
}

/** A key as a part of a path: without quotes where it needs none. */
export function pathKey(key: string): string {
  const quoted = quoteKey(key);
  return /^"\w+"$/.test(quoted) ? quoted.slice(1, -1) : quoted;
}

/**
 * The first key that an object has twice, which `JSON.parse()` does not report.
 *
 * @param text JSON that can be parsed.
 */
export function findDuplicateKey(text: string): string | undefined {
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
