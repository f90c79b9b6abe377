import { type Command, InvalidArgumentError } from "../deps.ts";
import { CommandError } from "../exit-code.ts";
import { duration } from "./common-options.ts";

/** What the command line says of a wait. */
export interface WaitFlags {
  readonly wait?: true | undefined;
  readonly timeout?: number | undefined;
}

/** Adds the options of a wait. */
export function addWaitOptions(command: Command, wait: string): Command {
  return command
    .option("--wait", wait)
    .option("--timeout <duration>", "longest wait for each batch (default: 24h)", timeout);
}

/** How long to wait where a command waits, in milliseconds: the API ends every batch within it. */
export const longestWait = 86_400_000;

function timeout(text: string): number {
  const value = duration(text);
  if (value === 0) throw new InvalidArgumentError("Give a time above 0");
  return value;
}

/**
 * Checks that a time to wait goes with a wait.
 *
 * @throws {CommandError} It does not: `--timeout` was the time for one request once.
 */
export function checkWait(waits: boolean, { timeout }: WaitFlags, flags: string): void {
  if (waits || timeout === undefined) return;
  throw new CommandError(
    `Cannot use --timeout without ${flags}; the time for one request is --request-timeout`,
  );
}
