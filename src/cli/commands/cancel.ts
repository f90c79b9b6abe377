import { cancelBatches } from "../cancel/cancel-batches.ts";
import { checkIds } from "../input/check-ids.ts";
import { collectIds } from "../input/collect-ids.ts";
import type { Command } from "../deps.ts";
import { exitCode } from "../exit-code.ts";
import { messageBatches } from "../kinds.ts";
import { noteInterruption } from "../run/note-interruption.ts";
import type { CommandContext } from "./command-context.ts";
import { addCommonOptions, clientFor, type CommonFlags } from "./common-options.ts";
import { addWaitOptions, checkWait, longestWait, type WaitFlags } from "./wait-options.ts";

interface CancelFlags extends CommonFlags, WaitFlags {
  readonly ignoreNotFound?: true;
  readonly insist?: true;
}

const help = `
Examples:
  $ batchsweep cancel msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d
  $ batchsweep cancel --wait --timeout 30m --json < ids.txt
  $ batchsweep list --status in_progress --json | jq -r .id | batchsweep cancel

A canceled batch ends soon, not at once, and keeps the results it has until
then. One that has ended already stays as it is, and that is no failure. With
--wait, the exit code is 3 where a batch has not ended in time; its
cancellation is not taken back. To delete it too: batchsweep delete --cancel.`;

/** Adds `cancel`: ends message batches by their ids. */
export function addCancelCommand(program: Command, context: CommandContext): void {
  const command = program.command("cancel")
    .description("Cancel message batches that are in progress")
    .argument("[ids...]", "ids; without any, or for -, one per line on stdin");
  addWaitOptions(command, "wait until they have ended")
    .option("--ignore-not-found", "count a message batch that is gone as a success")
    .option("--insist", "send ids that do not look like ids of a batch");
  addCommonOptions(command, "print one JSON object per id, each on a line, failures too")
    .addHelpText("after", help)
    .action(async (ids: readonly string[], flags: CancelFlags) => {
      context.end(await runCancel(ids, flags, context));
    });
}

async function runCancel(
  args: readonly string[],
  flags: CancelFlags,
  context: CommandContext,
): Promise<number> {
  const { output } = context;
  const { wait = false, timeout = longestWait, insist } = flags;
  checkWait(wait, flags, "--wait");
  const client = clientFor(flags, messageBatches.resource, context);
  const ids = await collectIds(args, context, "cancel");
  checkIds(ids, messageBatches, { insist, verb: "cancel" });
  if (ids.length === 0) {
    await output.note("No ids on stdin: nothing to cancel\n");
    return exitCode.done;
  }
  noteInterruption(context);
  const waitFor = wait ? timeout : undefined;
  return await cancelBatches(client, ids, { ...flags, waitFor }, context);
}
