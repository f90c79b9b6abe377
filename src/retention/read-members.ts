import { safeParse } from "../deps.ts";
import type { Issue } from "../core/errors.ts";
import type { MembersSchema } from "./rules/rule.ts";
import { shownName } from "./shown-name.ts";

const mostNamed = 5;

/**
 * Reads an object that has the members of a schema and no others. Nothing is guessed: a member that
 * is misspelt is an issue, not one that is left out.
 *
 * @param path Where the object is; `""` is the whole.
 * @returns The object, as data of its own; or all that is wrong with it, without the values received.
 */
export function readMembers<Value>(
  schema: MembersSchema<Value>,
  input: unknown,
  path: string,
): { readonly value: Value } | { readonly issues: readonly Issue[] } {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    return { issues: [{ path, message: "is not an object" }] };
  }
  const at = (keys: readonly unknown[]) => [...(path === "" ? [] : [path]), ...keys].join(".");
  const names = Object.keys(schema.entries);
  const unknown = Object.keys(input).filter((name) => !names.includes(name));
  const result = safeParse(schema, input);
  if (result.success && unknown.length === 0) return { value: result.output };
  const issues = (result.issues ?? []).map((issue) => ({
    path: at((issue.path ?? []).map(({ key }) => key)),
    message: issue.message,
  }));
  return { issues: [...issuesOf(unknown.map(shownName), names, at), ...issues] };
}

/** One issue for all members that are none: another file has many. */
function issuesOf(
  unknown: readonly string[],
  names: readonly string[],
  at: (keys: readonly string[]) => string,
): readonly Issue[] {
  const [first, ...others] = unknown;
  if (first === undefined) return [];
  const known = `there are ${names.join(", ")}`;
  if (others.length === 0) return [{ path: at([first]), message: `is no member; ${known}` }];
  const more = unknown.length > mostNamed ? [`and ${unknown.length - mostNamed} more`] : [];
  const named = [...unknown.slice(0, mostNamed), ...more].join(", ");
  return [{ path: at([]), message: `has members that are none: ${named}; ${known}` }];
}
