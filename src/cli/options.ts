/**
 * The options that several commands have, and what they mean.
 *
 * @module
 */
import { nearest } from "../core/check.ts";
import type { Command } from "./deps.ts";
import { CommandError, InvalidArgumentError } from "./errors.ts";
import type { Context } from "./output.ts";
import { parseDuration } from "./text.ts";

/** What a command gets when it is added. */
export interface CommandContext extends Context {
  /** Sets the exit code. */
  end(code: number): void;
}

/** The values of all options. Each command has some of them. */
export interface Flags {
  readonly json?: boolean | undefined;
  readonly verbose?: boolean | undefined;
  readonly baseUrl?: string | undefined;
  readonly requestTimeout?: number | undefined;
  readonly maxRetries?: number | undefined;
  readonly concurrency?: number | undefined;
  readonly limit?: number | undefined;
  readonly to?: string | undefined;

  readonly insist?: boolean | undefined;
  readonly allowMissing?: boolean | undefined;
  readonly hold?: readonly string[] | undefined;
  readonly holds?: string | undefined;
  readonly policy?: string | undefined;

  readonly wait?: boolean | undefined;
  readonly timeout?: number | undefined;
  readonly cancel?: boolean | undefined;
  readonly cancelTimeout?: number | undefined;
  readonly export?: string | undefined;
  readonly archived?: "keep" | "delete" | undefined;

  readonly dryRun?: boolean | undefined;
  readonly yes?: boolean | undefined;
  readonly plan?: string | undefined;
  readonly planOut?: string | undefined;
  readonly maxShare?: number | undefined;
  readonly clockSkew?: number | undefined;
  readonly allowOtherKey?: boolean | undefined;

  readonly audit?: string | undefined;
  readonly actor?: string | undefined;
  readonly reason?: string | undefined;

  // A filter, as it was typed.
  readonly olderThan?: string | undefined;
  readonly endedFor?: string | undefined;
  readonly createdBefore?: string | undefined;
  readonly createdAfter?: string | undefined;
  readonly endedBefore?: string | undefined;
  readonly endedAfter?: string | undefined;
  readonly status?: readonly string[] | undefined;
  readonly max?: string | undefined;
  readonly all?: boolean | undefined;
}

/** Adds the options of every command that calls the API. */
export function addCommonOptions(command: Command, json: string): Command {
  return command
    .option("--json", json)
    .option("--verbose", "print one line per request on stderr")
    .option("--base-url <url>", "where the API is, instead of ANTHROPIC_BASE_URL")
    .option(
      "--request-timeout <duration>",
      "time for one request, such as 30s (default: 60s)",
      requestTimeout,
    )
    .option("--max-retries <count>", "repetitions of a failed request (default: 2)", wholeNumber);
}

/**
 * Adds the options of every command that works on many objects.
 *
 * @param done What happens to an object: `deleted`.
 */
export function addRunOptions(command: Command, done: string): Command {
  return command
    .option("--dry-run", `show what would be ${done}, and change nothing`)
    .option("--audit <file>", "record every deletion and cancellation in a file")
    .option("--actor <name>", "who is responsible, for the record")
    .option("--reason <text>", "why it is done, for the record")
    .option("--concurrency <count>", "requests at a time, 1 to 100 (default: 32)", concurrency);
}

/** Adds the options for ids that may be unknown or mistyped. */
export function addIdOptions(command: Command, noun: string): Command {
  return command
    .option("--allow-missing", `count a ${noun} that is already gone as a success`)
    .option("--insist", `send ids that do not look like ids of a ${noun}`);
}

/** Adds the options of a wait. */
export function addWaitOptions(command: Command, wait: string): Command {
  return command
    .option("--wait", wait)
    .option("--timeout <duration>", "longest wait for each batch (default: 24h)", timeAboveZero);
}

/**
 * How long to wait, in milliseconds; `undefined` if nothing is waited for.
 *
 * @param flags Which options make it wait, for messages.
 */
export function waitTimeoutOf(
  waits: boolean,
  { timeout }: Flags,
  flags: string,
): number | undefined {
  if (waits) return timeout ?? longestWait;
  if (timeout === undefined) return undefined;
  throw new CommandError(
    `Cannot use --timeout without ${flags}; the time for one request is --request-timeout`,
  );
}

/** The longest wait, in milliseconds: the API ends every batch within it. */
export const longestWait = 86_400_000;

/** Adds the options that hold message batches. */
export function addHoldOptions(command: Command): Command {
  return command
    .option("--hold <id>", "keep this batch, whatever is said; may be given again", collect)
    .option("--holds <file>", "keep the batches of a file, an id per line; none: nothing is held");
}

/** Adds the option that reads holds from a policy, and nothing else of it. */
export function addPolicyHoldOption(command: Command): Command {
  return command.option("--policy <file>", "keep the batches that a retention policy holds");
}

/** Adds the options of every command that shows a plan before it applies it. */
export function addPlanOptions(command: Command): Command {
  addRunOptions(command, "deleted")
    .option("--yes", "delete without a question")
    .option("--plan-out <file>", "write the plan to a new file, and delete nothing")
    .option("--export <directory>", "save results first: a file per batch, in the directory")
    .option("--clock-skew <duration>", "how wrong this clock may be (default: 5m)", duration);
  return addHoldOptions(addArchivedOption(command));
}

/** Adds the option for batches whose results are gone. */
export function addArchivedOption(command: Command): Command {
  const what = "with --export, keep or delete batches without results (default: keep)";
  return command.option("--archived <keep|delete>", what, (text) => {
    if (text === "keep" || text === "delete") return text;
    throw new InvalidArgumentError("Give keep or delete");
  });
}

const filterGroup = "Which batches (every condition that is given has to hold):";

/** Adds the conditions on one batch, without those that choose among many. */
export function addConditionOptions(command: Command): Command {
  return command
    .optionsGroup(filterGroup)
    .option("--older-than <duration>", "created so long ago: 7d, 12h or 30m (m is minutes)")
    .option("--ended-for <duration>", "ended so long ago")
    .option("--created-before <date>", "2026-11-22 (midnight UTC) or 2026-11-22T14:30:00Z")
    .option("--created-after <date>", "in the same form, as are those below")
    .option("--ended-before <date>", "ended before it")
    .option("--ended-after <date>", "ended after it")
    .option("--status <status>", "in_progress, canceling or ended; several with commas", collect)
    .optionsGroup("Options:");
}

/** Adds all options of a filter. */
export function addFilterOptions(command: Command): Command {
  return addConditionOptions(command)
    .optionsGroup(filterGroup)
    .option("--max <number>", "at most so many: those created first")
    .option("--all", "all batches; not with another condition")
    .optionsGroup("Options:");
}

/** Lets a command that takes ids refuse the options of a filter, and name the command that has them. */
export function refuseFilterOptions(command: Command): Command {
  for (const option of addFilterOptions(command.createCommand()).options) {
    command.addOption(
      option.hideHelp().argParser(() => {
        throw new CommandError(
          `Cannot use ${option.long} with ${command.name()}, which takes ids: ` +
            "batchsweep purge deletes by a filter",
        );
      }),
    );
  }
  return command;
}

/** Collects the values of an option that may be given again. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Reads a duration. */
function duration(text: string): number {
  const value = parseDuration(text);
  if (value === undefined) throw new InvalidArgumentError("Give a unit: 500ms, 30s, 2m");
  return value;
}

/** Reads a time to wait. */
export function timeAboveZero(text: string): number {
  const value = duration(text);
  if (value === 0) throw new InvalidArgumentError("Give a time above 0");
  return value;
}

/** Reads the time for a request. Timers take at most 2,147,483,647 ms, which is nearly 25 days. */
function requestTimeout(text: string): number {
  const value = duration(text);
  if (value >= 1 && value < 2_147_483_648) return value;
  throw new InvalidArgumentError("Give a time from 1ms to 24d");
}

/** Reads a whole number. */
export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("Give a whole number");
  return Number(text);
}

function concurrency(text: string): number {
  const value = wholeNumber(text);
  if (value >= 1 && value <= 100) return value;
  throw new InvalidArgumentError("Give a number from 1 to 100");
}

/** Adds `help`. The one of commander shows the whole help for an unknown name. */
export function addHelpCommand(above: Command): void {
  above.helpCommand(false)
    .command("help")
    .description("Show the help of a command")
    .argument("[command...]", "its name, and those below it")
    .action((names: readonly string[]) => {
      let command: Command = above;
      for (const name of names) {
        const below = command.commands.find((one) => one.name() === name);
        if (below === undefined) {
          const close = nearest(name, command.commands.map((one) => one.name()));
          const hint = close === undefined ? "" : `\n(Did you mean ${close}?)`;
          command.error(`error: unknown command '${name}'${hint}`);
        }
        command = below;
      }
      command.help();
    });
}
