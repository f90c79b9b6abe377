import { batchPath } from "../core/batches.ts";
import { fillPath } from "../core/path.ts";
import { CommandError } from "./exit-code.ts";
import type { Host } from "./host.ts";
import { readLines } from "./read-lines.ts";

const mostIds = 100_000;
const mostNamed = 5;

/**
 * The ids that a command is given: its arguments, and the lines of stdin in the place of `-`, or
 * where there is no argument and stdin is not a terminal. Each once, in order, all of them checked.
 *
 * @throws {CommandError} There is no id, there are too many, or one cannot be used.
 */
export async function collectIds(
  args: readonly string[],
  { stdin, signal }: Pick<Host, "stdin" | "signal">,
): Promise<readonly string[]> {
  if (args.length === 0 && stdin.isTerminal) {
    throw new CommandError("Cannot delete: no id is given, as an argument or on stdin");
  }
  const ids = new Set<string>();
  let count = 0;
  const add = (id: string) => {
    count += 1;
    if (count > mostIds) {
      throw new CommandError(`Cannot delete: more than ${mostIds} ids are given`);
    }
    ids.add(id);
  };
  const sources = args.length === 0 ? ["-"] : new Set(args);
  for (const source of sources) {
    if (source !== "-") add(source);
    else for await (const line of readLines(stdin.read(), signal)) add(line);
  }
  // With `-`, no id is an answer; without, stdin may be empty by mistake.
  if (args.length === 0 && count === 0) {
    throw new CommandError("Cannot delete: no id is given, as an argument or on stdin");
  }
  checkIds(ids);
  return [...ids];
}

function checkIds(ids: Iterable<string>): void {
  const problems = [...ids].flatMap((id) => {
    const problem = problemOf(id);
    return problem === undefined ? [] : [`Cannot use id ${quote(id)}: ${problem}`];
  });
  if (problems.length === 0) return;
  const more = problems.length - mostNamed;
  throw new CommandError(
    [...problems.slice(0, mostNamed), ...more > 0 ? [`And ${more} more`] : []].join("\n"),
  );
}

/** Why something is no id, or `undefined`. The library decides, but for a key in the wrong place. */
function problemOf(id: string): string | undefined {
  if (id.startsWith("sk-ant-")) return "it is an API key";
  try {
    fillPath(batchPath, { message_batch_id: id });
    return undefined;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return error.message.replace(/^[^:]*: /, "");
  }
}

/** A text that may hold anything, on one line and fit for a terminal. */
function quote(text: string): string {
  const short = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  const escape = (character: string) => `\\u{${character.codePointAt(0)?.toString(16)}}`;
  return JSON.stringify(short).replace(/[\p{C}\u2028\u2029]/gu, escape);
}
