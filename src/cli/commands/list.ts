import { type Command, InvalidArgumentError } from "../deps.ts";
import { type FilterFlags, filterFrom } from "../input/filter-flags.ts";
import { listBatches } from "../list/list-batches.ts";
import { messageBatches } from "../kinds.ts";
import type { CommandContext } from "./command-context.ts";
import { addCommonOptions, clientFor, type CommonFlags, count } from "./common-options.ts";
import { addConditionOptions } from "./filter-options.ts";

interface ListFlags extends CommonFlags, Omit<FilterFlags, "max" | "all"> {
  readonly limit?: number;
}

const help = `
Examples:
  $ batchsweep list
  $ batchsweep list --status in_progress,canceling
  $ batchsweep list --older-than 7d --json | jq -r .id

The newest batch comes first. A condition means what it says: --older-than 1h
lists a batch in progress too. What a purge would delete is shown by
batchsweep purge --dry-run.

A terminal that is too narrow for the table gets fewer columns; a file or a
pipe gets them all. --json prints the batches as the API gives them, while
they come.`;

/** Adds `list`: the message batches of the workspace. */
export function addListCommand(program: Command, context: CommandContext): void {
  const command = program.command("list")
    .description("List message batches, the newest first. It changes nothing")
    .option("--limit <count>", "stop after so many", limit);
  addCommonOptions(command, "print one JSON object per batch, each on a line (NDJSON)");
  addConditionOptions(command)
    .addHelpText("after", help)
    .action(async (flags: ListFlags) => context.end(await runList(flags, context)));
}

async function runList(flags: ListFlags, context: CommandContext): Promise<number> {
  const filter = filterFrom({ ...flags, all: undefined });
  const client = clientFor(flags, messageBatches.resource, context);
  return await listBatches(client, { ...flags, filter }, context.host, context.output);
}

function limit(text: string): number {
  const value = count(text);
  if (value === 0) throw new InvalidArgumentError("Give a whole number above 0");
  return value;
}
