import { paramsOf } from "../core/resource.ts";
import { CommandError } from "./exit-code.ts";
import { type Kind, kinds } from "./kinds.ts";
import { parseId } from "./parse-id.ts";
import { withArticle, words } from "./words.ts";

const mostNamed = 5;

/**
 * Checks that every id can be one of its kind, before any request: that the library can send it, and
 * that it does not begin as ids of another kind do.
 *
 * @param ids What the command is given.
 * @param kind The kind that is to be deleted.
 * @param options With `insist`, an id may look like one of another kind: the API may change its ids.
 * @throws {CommandError} Some cannot be; the first five are named.
 */
export function checkIds(
  ids: Iterable<string>,
  kind: Kind,
  { insist = false }: { readonly insist?: boolean | undefined } = {},
): void {
  const problems = [...ids].flatMap((id) => problemOf(id, kind, insist) ?? []);
  if (problems.length === 0) return;
  const more = problems.length - mostNamed;
  throw new CommandError(
    [...problems.slice(0, mostNamed), ...more > 0 ? [`And ${more} more`] : []].join("\n"),
  );
}

function problemOf(id: string, { resource }: Kind, insist: boolean): string | undefined {
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
    const own = resource.prefixes[name];
    if (own !== undefined && value.startsWith(own)) continue;
    const other = prefixes.find(({ prefix }) => value.startsWith(prefix));
    if (other === undefined) continue;
    return `Cannot delete ${words(resource.name)} ${quote(id)}: ` +
      `${names.length === 1 ? "it" : `its ${name}`} looks like ${withArticle(other.what)}; ` +
      `use --insist if it is ${withArticle(whatIs(name, resource.name))}`;
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

/** A text that may hold anything, on one line and fit for a terminal. */
function quote(text: string): string {
  const short = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  const escape = (character: string) => `\\u{${character.codePointAt(0)?.toString(16)}}`;
  return JSON.stringify(short).replace(/[\p{C}\u2028\u2029]/gu, escape);
}
