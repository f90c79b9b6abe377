/**
 * Ids: where they come from, whether they can be ids of their kind, and the run over them.
 *
 * @module
 */
import { fillPath, isArgumentError, nearest } from "../core/check.ts";
import { checkClient } from "../core/client.ts";
import { type DeletableResource, messageBatch, paramsOf } from "../core/delete.ts";
import { createRun, type RunOptions, type RunOutcome, type Task } from "../purge/engine.ts";
import { resourceKinds } from "../resources.ts";
import type { CommandClient } from "./client.ts";
import { CommandError, exitCode } from "./errors.ts";
import type { Host } from "./host.ts";
import { readFileLines, readLines } from "./input.ts";
import type { CommandOutput, Context } from "./output.ts";
import { describeOutcome, type ReportOptions, reportRun } from "./report.ts";
import { quote, withArticle, words } from "./text.ts";
import type { TrailFile } from "./trail.ts";

/** Every kind of object that can be deleted, message batches first. */
export const kinds: readonly DeletableResource[] = [messageBatch, ...resourceKinds];

/** The name of a kind on the command line: `memory-store`. */
export function commandOf({ name }: DeletableResource): string {
  return name.replaceAll("_", "-");
}

const maxIds = 100_000;
const silenceMs = 2_000; // after it, the command says that it waits for stdin

/** Where ids come from. */
interface Source {
  readonly host: Pick<Host, "stdin" | "signal" | "files">;
  readonly output: Pick<CommandOutput, "note">;
}

/** Reads the ids that a command is given, and checks them. */
export async function readIds(
  args: readonly string[],
  resource: DeletableResource,
  { insist }: { readonly insist?: boolean | undefined },
  context: Source,
  verb = "delete",
): Promise<readonly string[]> {
  const ids = await collectIds(args, context, verb);
  checkIds(ids, resource, { insist, verb });
  if (ids.length === 0) await context.output.note(`No ids are given: nothing to ${verb}\n`);
  return ids;
}

/**
 * Collects the ids that a command is given: its arguments, the lines of a file for `@FILE`, and the
 * lines of stdin for `-`, or if there is no argument and stdin is no terminal. Each id comes once, in
 * order.
 */
export async function collectIds(
  args: readonly string[],
  { host: { stdin, signal, files }, output }: Source,
  verb = "delete",
): Promise<readonly string[]> {
  const none = `Cannot ${verb}: no id is given; give ids, @FILE, or - for stdin`;
  if (args.length === 0 && stdin.isTerminal) throw new CommandError(none);
  const ids = new Set<string>();
  let count = 0;
  const add = (id: string) => {
    count += 1;
    if (count > maxIds) throw new CommandError(`Cannot ${verb}: more than ${maxIds} ids are given`);
    ids.add(id);
  };
  for (const source of args.length === 0 ? ["-"] : new Set(args)) {
    if (source === "-") {
      for await (const line of readStdin(stdin, signal, output)) add(line);
    } else if (source.startsWith("@")) {
      for await (const line of readFileLines(files, source.slice(1), signal)) add(line);
    } else add(source);
  }
  // After "-" or "@FILE", no id is an answer. Without an argument, stdin may be empty by mistake.
  if (args.length === 0 && count === 0) throw new CommandError(none);
  return [...ids];
}

/** Reads ids from stdin, and says so if a person has to enter them, or if none comes for a while. */
async function* readStdin(
  stdin: Host["stdin"],
  signal: AbortSignal,
  output: Source["output"],
): AsyncGenerator<string, void> {
  const note = () => void output.note("Reading ids from stdin, one on a line; Ctrl-D ends them\n");
  const timer = stdin.isTerminal ? undefined : setTimeout(note, silenceMs);
  if (stdin.isTerminal) note();
  try {
    for await (const line of readLines(stdin.read(), signal)) {
      clearTimeout(timer);
      yield line;
    }
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Reads an id as the command line and the audit trail write it: the parameters of a kind, in the
 * order of its path, with slashes between them.
 */
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

/** How ids are checked. */
export interface CheckOptions {
  /** Whether an id may look unlike those of its kind: the API may change its ids. */
  readonly insist?: boolean | undefined;
  /**
   * What the command does, for messages.
   *
   * @default "delete"
   */
  readonly verb?: string | undefined;
}

const maxNamed = 5;

/**
 * Checks before any request that every id can be one of its kind: that the library can send it, that
 * it begins as ids of its kind do today, and that it has only characters that ids have.
 */
export function checkIds(
  ids: Iterable<string>,
  resource: DeletableResource,
  { insist = false, verb = "delete" }: CheckOptions = {},
): void {
  const problems = [...ids].flatMap((id) => problemOf(id, resource, insist, verb) ?? []);
  if (problems.length === 0) return;
  const more = problems.length - maxNamed;
  const lines = [...problems.slice(0, maxNamed), ...more > 0 ? [`And ${more} more`] : []];
  throw new CommandError(lines.join("\n"));
}

function problemOf(
  id: string,
  resource: DeletableResource,
  insist: boolean,
  verb: string,
): string | undefined {
  let params: Readonly<Record<string, string>>;
  try {
    params = parseId(resource, id);
  } catch (error) {
    if (error instanceof CommandError) return error.message;
    throw error;
  }
  if (insist) return undefined;
  const names = Object.keys(params);
  for (const [name, value] of Object.entries(params)) {
    const whose = names.length === 1 ? "it" : `its ${name}`;
    const ownKind = withArticle(kindOfParam(name, resource.name));
    const foreign = /[^\w.~-]/u.exec(value)?.[0];
    if (foreign !== undefined) {
      return `Cannot use id ${quote(id)}: ${whose} has ${quote(foreign)} in it, as no id has; ` +
        `use --insist if it is ${ownKind}`;
    }
    const own = resource.prefixes[name];
    if (own !== undefined && value.startsWith(own)) continue;
    const other = prefixes.find(({ prefix }) => value.startsWith(prefix));
    if (other !== undefined) {
      const hint = verb === "delete" && names.length === 1 ? otherCommand(other.kind) : "";
      return `Cannot ${verb} ${words(resource.name)} ${quote(id)}: ` +
        `${whose} looks like ${withArticle(other.kind)}; use --insist if it is ${ownKind}${hint}`;
    }
    // A version may be a number alone.
    if (own === undefined || !name.endsWith("_id")) continue;
    return `Cannot use id ${quote(id)}: ${whose} does not begin with ${quote(own)}; ` +
      "--insist uses it all the same" + (verb === "delete" ? mistypedKind(id, resource) : "");
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

/** The command for the kind that an id looks like, if there is one. */
function otherCommand(name: string): string {
  const kind = kinds.find((resource) => resource.name === name);
  return kind === undefined ? "" : `; did you mean "delete ${commandOf(kind)}"?`;
}

/** The kind that was meant, if a mistyped kind was taken for an id. */
function mistypedKind(id: string, resource: DeletableResource): string {
  const name = /\d/.test(id) ? undefined : nearest(id, kinds.map(commandOf));
  const isGiven = resource !== messageBatch && name === commandOf(resource);
  return name === undefined || isGiven ? "" : `; did you mean the kind "${name}"?`;
}

/** How ids are worked on. */
export interface RunIdsOptions
  extends Pick<ReportOptions, "json" | "members">, Pick<RunOptions, "operation"> {
  /** What the objects are. */
  readonly noun?: string | undefined;
  readonly concurrency?: number | undefined;
  /** How long to wait for the end of each batch, in milliseconds; `undefined`: not at all. */
  readonly waitTimeout?: number | undefined;
  readonly trail?: TrailFile | undefined;
}

/** Works on ids. */
export async function runIds<Done extends RunOutcome>(
  client: CommandClient,
  ids: readonly string[],
  { concurrency = 32, trail, operation, noun = "message batch", ...options }: RunIdsOptions,
  context: Context,
  taskOf: (id: string) => Pick<Task<Done>, "known" | "run">,
): Promise<number> {
  const settings = checkClient({ ...client, auditTrail: trail });
  const { baseUrl } = settings;
  const waits = options.waitTimeout !== undefined;
  const waited = new Set(waits ? ids : []);
  const { json, members, waitTimeout } = options;
  const reporting = { json, members, waitTimeout, noun, baseUrl, total: ids.length, waited };
  return await reportRun(context, reporting, (signal) => {
    const task = (id: string): Task<Done> => ({ id, waits, ...taskOf(id) });
    return createRun(settings, ids, task, { concurrency, operation, signal }).outcomes();
  });
}

/** Shows what would be done about ids. Nothing is sent. */
export async function showIds(
  ids: readonly string[],
  what: string,
  json: boolean | undefined,
  { output }: Context,
  holds: ReadonlySet<string> = new Set(),
): Promise<number> {
  for (const id of ids) {
    const held = { outcome: "skipped", id, reason: "held" } as const;
    if (json) await output.json(holds.has(id) ? held : { dryRun: true, id });
    else if (holds.has(id)) await output.note(`${describeOutcome(held)}\n`);
    else await output.result(`would ${what} ${id}\n`);
  }
  await output.note("Dry run: nothing was sent\n", "strong");
  return exitCode.done;
}
