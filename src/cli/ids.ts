/** Ids: where they come from, and whether they can be ids of their kind. */
import { fillPath, isArgumentError, nearest } from "../core/check.ts";
import { type DeletableResource, messageBatch, paramsOf } from "../core/delete.ts";
import { resourceKinds } from "../resources.ts";
import { CommandError } from "./errors.ts";
import type { Host } from "./host.ts";
import { readFileLines, readLines, untilAborted } from "./input.ts";
import type { Flags } from "./options.ts";
import type { CommandOutput } from "./output.ts";
import { firstFew, quote, withArticle } from "./text.ts";

/** Every kind of object that can be deleted, message batches first. */
export const kinds: readonly DeletableResource[] = [messageBatch, ...resourceKinds];

/** The name of a kind on the command line: `memory-store`. */
export function commandOf({ name }: DeletableResource): string {
  return name.replaceAll("_", "-");
}

const maxIds = 100_000;
const silenceMs = 2_000; // after it, the command says that it waits for stdin

/**
 * Reads the ids that a command is given, and checks them: its arguments, the lines of a file for
 * `@FILE`, and the lines of stdin for `-`, or if there is no argument and stdin is no terminal. Each
 * id comes once, in order.
 */
export async function readIds(
  args: readonly string[],
  resource: DeletableResource,
  { insist }: Pick<Flags, "insist">,
  { host: { stdin, signal, files }, output }: {
    readonly host: Pick<Host, "stdin" | "signal" | "files">;
    readonly output: Pick<CommandOutput, "note">;
  },
  verb = "delete",
): Promise<readonly string[]> {
  const none = `Cannot ${verb}: no id is given; give ids, @FILE, or - for stdin`;
  if (args.length === 0 && stdin.isTerminal) throw new CommandError(none);
  const ids = new Set<string>();
  let count = 0;
  for (const source of args.length === 0 ? ["-"] : new Set(args)) {
    const lines = source === "-"
      ? readStdin(stdin, signal, output)
      : source.startsWith("@")
      ? readFileLines(files, source.slice(1), signal)
      : [source];
    for await (const line of lines) {
      count += 1;
      if (count > maxIds) {
        throw new CommandError(`Cannot ${verb}: more than ${maxIds} ids are given`);
      }
      ids.add(line);
    }
  }
  // After "-" or "@FILE", no id is an answer. Without an argument, stdin may be empty by mistake.
  if (args.length === 0 && count === 0) throw new CommandError(none);
  checkIds(ids, resource, { insist, verb });
  if (count === 0) await output.note(`No ids are given: nothing to ${verb}\n`);
  return [...ids];
}

/** Reads ids from stdin, and says so if a person has to enter them, or if none comes for a while. */
async function* readStdin(
  stdin: Host["stdin"],
  signal: AbortSignal,
  output: Pick<CommandOutput, "note">,
): AsyncGenerator<string, void> {
  const note = () => void output.note("Reading ids from stdin, one on a line; Ctrl-D ends them\n");
  const timer = stdin.isTerminal ? undefined : setTimeout(note, silenceMs);
  if (stdin.isTerminal) note();
  try {
    for await (const line of readLines(untilAborted(stdin.read(), { signal }))) {
      clearTimeout(timer);
      yield line;
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Reads an id: the parameters of its kind, in the order of its path, with slashes between. */
export function parseId(resource: DeletableResource, id: string): Readonly<Record<string, string>> {
  const names = paramsOf(resource);
  const values = names.length === 1 ? [id] : id.split("/");
  if (values.length !== names.length) {
    throw new CommandError(`Cannot use id ${quote(id)}: it is not ${names.join("/")}`);
  }
  const params = Object.fromEntries(names.map((name, index) => [name, values[index] ?? ""]));
  try {
    fillPath(resource.path, params);
    return params;
  } catch (error) {
    if (!isArgumentError(error)) throw error;
    const part = names.length === 1 ? "" : `${error.subject} in `;
    throw new CommandError(`Cannot use ${part}id ${quote(id)}: ${error.why}`);
  }
}

/**
 * Checks that the library can send every id, that each begins as ids of its kind do today, and that it
 * has only characters that ids have. The API may change its ids: then a person insists.
 */
export function checkIds(
  ids: Iterable<string>,
  resource: DeletableResource,
  { insist, verb = "delete" }: Pick<Flags, "insist"> & { readonly verb?: string } = {},
): void {
  const problems = [...ids].flatMap((id) => {
    try {
      const params = parseId(resource, id);
      return insist ? [] : problemOf(id, params, resource, verb === "delete") ?? [];
    } catch (error) {
      if (error instanceof CommandError) return error.message;
      throw error;
    }
  });
  if (problems.length === 0) return;
  throw new CommandError(firstFew(problems, 5).join("\n"));
}

/** Why an id does not look like one of its kind, and what may be meant. */
function problemOf(
  id: string,
  params: Readonly<Record<string, string>>,
  resource: DeletableResource,
  deletes: boolean,
): string | undefined {
  const isAlone = Object.keys(params).length === 1;
  for (const [name, value] of Object.entries(params)) {
    const own = resource.prefixes[name];
    const foreign = /[^\w.~-]/u.exec(value)?.[0];
    if (foreign === undefined && own !== undefined && value.startsWith(own)) continue;
    const other = prefixes.find(({ prefix }) => value.startsWith(prefix));
    let why: string;
    let meant: DeletableResource | undefined;
    if (foreign !== undefined) why = `has ${quote(foreign)} in it, as no id has`;
    else if (other !== undefined) {
      why = `looks like ${withArticle(other.kind)}`;
      if (isAlone) meant = kinds.find((kind) => kind.name === other.kind);
    } else if (own !== undefined && name.endsWith("_id")) {
      why = `does not begin with ${quote(own)}`;
      // It may be a mistyped kind.
      const near = /\d/.test(id) ? undefined : nearest(id, kinds.map(commandOf));
      meant = kinds.find((kind) =>
        commandOf(kind) === near && (kind === messageBatch || kind !== resource)
      );
    } else continue; // a version may be a number alone
    const hint = deletes && meant ? `; did you mean "delete ${commandOf(meant)}"?` : "";
    return `Cannot use id ${quote(id)}: ${isAlone ? "it" : `its ${name}`} ${why}; ` +
      `use --insist if it is ${withArticle(kindOfParam(name, resource.name))}${hint}`;
  }
  return undefined;
}

/** What ids begin with today, and what they are ids of. */
const prefixes = kinds.flatMap((resource) =>
  paramsOf(resource).flatMap((name) => {
    const prefix = resource.prefixes[name];
    return prefix ? [{ prefix, kind: kindOfParam(name, resource.name) }] : [];
  })
);

/** What a parameter is the id of: `user_id` of a user, `version` of its own kind. */
function kindOfParam(name: string, kind: string): string {
  return name.endsWith("_id") ? name.slice(0, -"_id".length) : kind;
}
