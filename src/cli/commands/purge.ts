import { type Command, InvalidArgumentError } from "../deps.ts";
import { exitCode } from "../exit-code.ts";
import { addFilterOptions } from "./filter-options.ts";
import { readHolds } from "../purge/holds.ts";
import { modeOf } from "../purge/purge-mode.ts";
import { namedIds, type SourceFlags, sourceOf } from "../purge/purge-source.ts";
import { summaryOfNothing } from "../purge/summary-of-nothing.ts";
import { type PurgeFlags, runPurge } from "../purge/run-purge.ts";
import type { CommandContext } from "./command-context.ts";
import { addCommonOptions, clientFor, duration } from "./common-options.ts";
import { addHoldAndPolicyOptions } from "./hold-options.ts";
import { addModeOptions, addStoreOptions } from "./plan-options.ts";
import { purgeHelp } from "./purge-help.ts";

/** Adds `purge`: many message batches, by a plan that is shown before it is applied. */
export function addPurgeCommand(program: Command, context: CommandContext): void {
  const command = program.command("purge")
    .description("Delete many message batches, by ids or by a filter. This cannot be undone")
    .argument("[ids...]", "ids, in the place of a filter; for -, one per line on stdin");
  addModeOptions(command)
    .option("--plan <file>", "apply a plan that was written before")
    .option("--cancel", "cancel batches that have not ended, wait for them, and delete them too")
    .option("--cancel-timeout <duration>", "longest wait for each (default: 24h)", timeout);
  addStoreOptions(command);
  addHoldAndPolicyOptions(command)
    .option("--ignore-not-found", "count an id that is not in the workspace as a success")
    .option("--insist", "take ids that do not look like ids of a batch");
  addCommonOptions(command, "print one JSON object per batch, each on a line, then the totals");
  addFilterOptions(command)
    .addHelpText("after", purgeHelp)
    .action(async (ids: readonly string[], flags: PurgeFlags & SourceFlags) => {
      context.end(await purge(ids, flags, context));
    });
}

async function purge(
  args: readonly string[],
  flags: PurgeFlags & SourceFlags,
  context: CommandContext,
): Promise<number> {
  const { host, output } = context;
  const source = sourceOf(args, flags, host);
  const mode = modeOf(flags, source, host);
  const client = clientFor(flags, {}, context);
  const ids = await namedIds(source, flags, context);
  if ("args" in source && ids.length === 0) {
    await output.note("No ids on stdin: nothing to delete\n");
    if (flags.json) await output.result(summaryOfNothing(mode, client));
    return exitCode.done;
  }
  const holds = await readHolds(flags, host, output);
  return await runPurge({ source, mode, client, ids, holds }, flags, context);
}

function timeout(text: string): number {
  const value = duration(text);
  if (value === 0) throw new InvalidArgumentError("Give a time above 0");
  return value;
}
