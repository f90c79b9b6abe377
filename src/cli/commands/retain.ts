import type { Command } from "../deps.ts";
import { readHolds } from "../purge/holds.ts";
import { maxShare } from "../purge/max-share.ts";
import { readPolicy } from "../purge/policy-file.ts";
import { modeOf } from "../purge/purge-mode.ts";
import { type PurgeFlags, runPurge } from "../purge/run-purge.ts";
import type { CommandContext } from "./command-context.ts";
import { addCommonOptions, clientFor } from "./common-options.ts";
import { addHoldOptions } from "./hold-options.ts";
import { addModeOptions, addStoreOptions } from "./plan-options.ts";
import { retainHelp } from "./retain-help.ts";

interface RetainFlags extends PurgeFlags {
  readonly policy: string;
}

/** Adds `retain`: what a retention policy does not keep, by a plan that is shown before it is applied. */
export function addRetainCommand(program: Command, context: CommandContext): void {
  const command = program.command("retain")
    .description("Delete the message batches that a policy does not keep. This cannot be undone")
    .requiredOption("--policy <file>", "what is kept how long, as JSON");
  addModeOptions(command)
    .option("--max-share <percent>", "stop where it would delete a larger share: 50%", maxShare);
  addStoreOptions(command);
  addHoldOptions(command);
  addCommonOptions(command, "print one JSON object per batch, each on a line, then the totals")
    .addHelpText("after", retainHelp)
    .action(async (flags: RetainFlags) => context.end(await retain(flags, context)));
}

async function retain(flags: RetainFlags, context: CommandContext): Promise<number> {
  const { host } = context;
  const policy = await readPolicy(host.files, flags.policy);
  const source = { policy };
  const mode = modeOf(flags, source, host);
  const client = clientFor(flags, {}, context);
  const others = await readHolds({ ...flags, policy: undefined }, host, context.output);
  const holds = new Set([...policy.holds, ...others]);
  return await runPurge({ source, mode, client, ids: [], holds }, flags, context);
}
