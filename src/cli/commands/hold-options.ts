import type { Command } from "../deps.ts";

/** Adds the options that hold message batches. */
export function addHoldOptions(command: Command): Command {
  const collect = (id: string, before: readonly string[] = []) => [...before, id];
  return command
    .option("--hold <id>", "keep this batch, whatever is said; may be given again", collect)
    .option("--holds <file>", "keep the batches of a file, an id per line");
}

/** Adds those, and the one that reads holds from a policy that is used for nothing else. */
export function addHoldAndPolicyOptions(command: Command): Command {
  return addHoldOptions(command)
    .option("--policy <file>", "keep the batches that a retention policy holds");
}
