import type { CommandContext } from "../commands/command-context.ts";
import { CommandError } from "../exit-code.ts";
import { readLines } from "./read-lines.ts";

const mostIds = 100_000;

/** Where ids come from, and where a person is told that they are waited for. */
interface Context {
  readonly host: Pick<CommandContext["host"], "stdin" | "signal">;
  readonly output: Pick<CommandContext["output"], "note">;
}

/**
 * The ids that a command is given: its arguments, and the lines of stdin in the place of `-`, or
 * where there is no argument and stdin is not a terminal. Each once, in order.
 *
 * @param verb What is to be done about them, for the messages.
 * @throws {CommandError} There is no id, or there are too many.
 */
export async function collectIds(
  args: readonly string[],
  { host: { stdin, signal }, output }: Context,
  verb = "delete",
): Promise<readonly string[]> {
  if (args.length === 0 && stdin.isTerminal) {
    throw new CommandError(`Cannot ${verb}: no id is given, as an argument or on stdin`);
  }
  const ids = new Set<string>();
  let count = 0;
  const add = (id: string) => {
    count += 1;
    if (count > mostIds) {
      throw new CommandError(`Cannot ${verb}: more than ${mostIds} ids are given`);
    }
    ids.add(id);
  };
  const sources = args.length === 0 ? ["-"] : new Set(args);
  for (const source of sources) {
    if (source !== "-") {
      add(source);
      continue;
    }
    if (stdin.isTerminal) {
      await output.note("Reading ids from stdin, one on a line; Ctrl-D ends them\n");
    }
    for await (const line of readLines(stdin.read(), signal)) add(line);
  }
  // With `-`, no id is an answer; without, stdin may be empty by mistake.
  if (args.length === 0 && count === 0) {
    throw new CommandError(`Cannot ${verb}: no id is given, as an argument or on stdin`);
  }
  return [...ids];
}
