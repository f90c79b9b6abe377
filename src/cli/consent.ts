/**
 * Asks a person before something is done that cannot be undone.
 *
 * @module
 */
import { isAbort, unlessAborted } from "../core/abort.ts";
import type { Host } from "./host.ts";
import type { CommandOutput } from "./output.ts";

const maxAnswerLength = 1_024;

/** Whether a person can be asked: the question goes to stderr, the answer comes from stdin. */
export function canAsk({ stdin, stderr }: Pick<Host, "stdin" | "stderr">): boolean {
  return stdin.isTerminal && stderr.columns !== undefined;
}

/**
 * Asks a person to type how many batches will be deleted. People type a word that is always the same
 * out of habit, but have to read a number first.
 *
 * @returns Whether the answer is that number.
 */
export async function askToDelete(
  { stdin, signal }: Pick<Host, "stdin" | "signal">,
  output: CommandOutput,
  count: number,
): Promise<boolean> {
  await output.note("This cannot be undone.\n", "bad");
  const them = count === 1 ? "it" : "them";
  await output.note(`Type ${count} to delete ${them}, anything else to stop: `, "strong");
  let answer = "";
  try {
    answer = await unlessAborted(readLine(stdin), signal);
  } catch (error) {
    if (isAbort(error, signal)) await output.note("\n");
    throw error;
  }
  if (!answer.endsWith("\n")) await output.note("\n"); // so that the next text begins a line
  return answer.trim() === String(count);
}

/** The first line of an input, or what there is of it. */
async function readLine(stdin: Host["stdin"]): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stdin.read()) {
    text += decoder.decode(chunk, { stream: true });
    const end = text.indexOf("\n");
    if (end !== -1) return text.slice(0, end + 1);
    if (text.length > maxAnswerLength) break;
  }
  return text;
}
