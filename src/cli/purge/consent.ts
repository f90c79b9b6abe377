/**
 * Asking a person before something is done that cannot be undone.
 *
 * @module
 */
import { unlessAborted } from "../../core/unless-aborted.ts";
import type { Host } from "../host.ts";
import type { CommandOutput } from "../terminal/output.ts";

const longestAnswer = 1_024;

/** Whether a person can be asked: questions go to stderr, answers come from stdin. */
export function canAsk({ stdin, stderr }: Pick<Host, "stdin" | "stderr">): boolean {
  return stdin.isTerminal && stderr.columns !== undefined;
}

/**
 * Asks a person to type what is about to happen. A word that is always the same would be typed out of
 * habit; a number has to be read first.
 *
 * @param host Where the answer comes from.
 * @param output Where the question goes.
 * @param count How many message batches are about to be deleted.
 * @returns Whether the answer is that number.
 * @throws `signal.reason` where the user interrupts.
 */
export async function askToDelete(
  host: Pick<Host, "stdin" | "signal">,
  output: CommandOutput,
  count: number,
): Promise<boolean> {
  await output.note("This cannot be undone.\n", "bad");
  const them = count === 1 ? "it" : "them";
  await output.note(`Type ${count} to delete ${them}, anything else to stop: `, "strong");
  let answer = "";
  try {
    answer = await unlessAborted(readLine(host.stdin), host.signal);
  } catch (error) {
    if (host.signal.aborted) await output.note("\n");
    throw error;
  }
  if (!answer.endsWith("\n")) await output.note("\n"); // the question has no line end of its own
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
    if (text.length > longestAnswer) break;
  }
  return text;
}
