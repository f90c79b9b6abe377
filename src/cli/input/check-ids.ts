import { paramsOf } from "../../core/resource.ts";
import { CommandError } from "../exit-code.ts";
import { commandOf, type Kind, kinds, messageBatches } from "../kinds.ts";
import { nearest } from "../../core/nearest.ts";
import { parseId } from "./parse-id.ts";
import { withArticle, words } from "../words.ts";

const mostNamed = 5;

/** How ids are checked. */
export interface CheckOptions {
  /** Whether an id may look like none, or like one of another kind: the API may change its ids. */
  readonly insist?: boolean | undefined;
  /** What is to be done about them, for the messages. @default "delete" */
  readonly verb?: string | undefined;
}

/**
 * Checks that every id can be one of its kind, before any request: that the library can send it, that
 * it begins as ids of its kind do today, and that it has nothing in it that no id has, such as a quote
 * or a comma of the table that it comes from.
 *
 * @param ids What the command is given.
 * @param kind The kind that is meant.
 * @param options How they are checked.
 * @throws {CommandError} Some cannot be; the first five are named.
 */
export function checkIds(
  ids: Iterable<string>,
  kind: Kind,
  { insist = false, verb = "delete" }: CheckOptions = {},
): void {
  const problems = [...ids].flatMap((id) => problemOf(id, kind, insist, verb) ?? []);
  if (problems.length === 0) return;
  const more = problems.length - mostNamed;
  throw new CommandError(
    [...problems.slice(0, mostNamed), ...more > 0 ? [`And ${more} more`] : []].join("\n"),
  );
}

function problemOf(
  id: string,
  kind: Kind,
  insist: boolean,
  verb: string,
): string | undefined {
  const { resource } = kind;
  let params: Readonly<Record<string, string>>;
  try {
    params = parseId(resource, id);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return `Cannot use id ${quote(id)}: ${error.message}`;
  }
  if (insist) return undefined;
  const names = Object.keys(params);
  for (const [name, value] of Object.entries(params)) {
    const whose = names.length === 1 ? "it" : `its ${name}`;
    const foreign = /[^\w.~-]/u.exec(value)?.[0];
    if (foreign !== undefined) {
      return `Cannot use id ${quote(id)}: ${whose} has ${quote(foreign)} in it, as no id has; ` +
        `use --insist if it is ${withArticle(whatIs(name, resource.name))}`;
    }
    const own = resource.prefixes[name];
    if (own !== undefined && value.startsWith(own)) continue;
    const other = prefixes.find(({ prefix }) => value.startsWith(prefix));
    if (other !== undefined) {
      return `Cannot ${verb} ${words(resource.name)} ${quote(id)}: ` +
        `${whose} looks like ${withArticle(other.what)}; ` +
        `use --insist if it is ${withArticle(whatIs(name, resource.name))}` +
        (verb === "delete" && names.length === 1 ? otherCommand(other.what) : "");
    }
    // A version may be a number alone.
    if (own === undefined || !name.endsWith("_id")) continue;
    return `Cannot use id ${quote(id)}: ${whose} does not begin with ${quote(own)}; ` +
      "--insist uses it all the same" + (verb === "delete" ? mistypedKind(id, kind) : "");
  }
  return undefined;
}

/** What ids begin with today, and what they are ids of. */
const prefixes = kinds.flatMap(({ resource }) =>
  paramsOf(resource).flatMap((name) => {
    const prefix = resource.prefixes[name];
    return prefix ? [{ prefix, what: whatIs(name, resource.name) }] : [];
  })
);

/** What a parameter is the id of: `user_id` of a user, `version` of what the kind is. */
function whatIs(name: string, kind: string): string {
  return name.endsWith("_id") ? name.slice(0, -"_id".length) : kind;
}

/** The command that deletes what an id looks like, if there is one. */
function otherCommand(what: string): string {
  const kind = kinds.find(({ resource }) => resource.name === what);
  return kind === undefined ? "" : `; did you mean "delete ${commandOf(kind)}"?`;
}

/** The kind that was meant by what was taken for an id, where it is not there already. */
function mistypedKind(id: string, kind: Kind): string {
  const name = nearest(id, kinds.map(commandOf));
  const isThere = kind !== messageBatches && name === commandOf(kind);
  return name === undefined || isThere ? "" : `; did you mean the kind "${name}"?`;
}

/** A text that may hold anything, on one line and fit for a terminal. */
function quote(text: string): string {
  const short = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  const escape = (character: string) => `\\u{${character.codePointAt(0)?.toString(16)}}`;
  return JSON.stringify(short).replace(/[\p{C}\u2028\u2029]/gu, escape);
}
