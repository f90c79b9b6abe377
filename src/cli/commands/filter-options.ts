import { Command } from "../deps.ts";
import { CommandError } from "../exit-code.ts";

const group = "Which batches (every condition that is given has to hold):";

/** Adds the conditions on one batch, without those that choose among many. */
export function addConditionOptions(command: Command): Command {
  const collect = (value: string, before: readonly string[] = []) => [...before, value];
  return command
    .optionsGroup(group)
    .option("--older-than <duration>", "created so long ago: 7d, 12h or 30m (m is minutes)")
    .option("--ended-for <duration>", "ended so long ago")
    .option("--created-before <date>", "2026-11-22 (midnight UTC) or 2026-11-22T14:30:00Z")
    .option("--created-after <date>", "in the same form, as are those below")
    .option("--ended-before <date>", "ended before it")
    .option("--ended-after <date>", "ended after it")
    .option("--status <status>", "in_progress, canceling or ended; several with commas", collect)
    .optionsGroup("Options:");
}

/** Adds every flag that `filterFrom()` reads. */
export function addFilterOptions(command: Command): Command {
  return addConditionOptions(command)
    .optionsGroup(group)
    .option("--max <number>", "at most so many: those created first")
    .option("--all", "all batches; not with another condition")
    .optionsGroup("Options:");
}

/** Makes a command that takes ids say of every flag of a filter which command has it. */
export function refuseFilterOptions(command: Command): Command {
  for (const option of addFilterOptions(new Command()).options) {
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
