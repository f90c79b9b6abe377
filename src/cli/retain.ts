/**
 * `retain`: deletes the message batches that a retention policy does not keep.
 *
 * @module
 */
import { createClient } from "./client.ts";
import type { Command } from "./deps.ts";
import { cannotUseFlag } from "./errors.ts";
import { readHolds, readPolicy } from "./holds.ts";
import { addCommonOptions, addPlanOptions, type CommandContext, type Flags } from "./options.ts";
import { modeOf } from "./purge.ts";
import { runPurge } from "./purge-run.ts";

const help = `
A policy is JSON. A batch is deleted only if it has ended, is not held, has
reached the minimum age (an hour, if none is given), and has expired by every
rule:
  {
    "version": 1,
    "rules": [
      { "type": "delete_after", "days": 30, "since": "ended" },
      { "type": "keep_last", "count": 100 }
    ],
    "holds": ["msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d"],
    "minimumAge": "PT12H"
  }
delete_after counts days of 24 hours, since a batch "ended" or was "created";
keep_last keeps the newest, whatever their age.

Examples:
  $ batchsweep retain --policy policy.json
  $ batchsweep retain --policy policy.json --plan-out plan.json
  $ batchsweep retain --policy policy.json --max-share 50% --audit a.jsonl --yes

It shows what it is about to do and asks. Without a terminal it deletes nothing
unless --yes is given. A plan says for every batch why it is kept or deleted;
batchsweep purge --plan applies it.

Under Deno, files need --allow-read and --allow-write for their folder.`;

/** Adds `retain`. */
export function addRetainCommand(program: Command, context: CommandContext): void {
  const command = program.command("retain")
    .description("Delete the message batches that a policy does not keep. This cannot be undone")
    .requiredOption("--policy <file>", "what is kept how long, as JSON");
  addPlanOptions(command)
    .option("--max-share <percent>", "stop if it would delete a larger share: 50%", readShare);
  addCommonOptions(command, "print one JSON object per batch, each on a line, then the totals")
    .addHelpText("after", help)
    .action(async (flags: Flags & { readonly policy: string }) =>
      context.end(await retain(flags, context))
    );
}

async function retain(
  flags: Flags & { readonly policy: string },
  context: CommandContext,
): Promise<number> {
  const { host } = context;
  const policy = await readPolicy(host.files, flags.policy);
  const source = { policy };
  const mode = modeOf(flags, source, host);
  const client = createClient(context, flags);
  const others = await readHolds({ ...flags, policy: undefined }, host);
  const holds = new Set([...policy.holds, ...others]);
  return await runPurge({ source, mode, client, holds }, flags, context);
}

/** Reads a share such as `50%`, as a number from 0 to 1. */
export function readShare(text: string): number {
  const [, percent] = /^(\d{1,3}(?:\.\d+)?)%$/.exec(text) ?? [];
  const share = Number(percent) / 100;
  if (share <= 1) return share;
  throw cannotUseFlag("--max-share", text, "give a share from 0% to 100%");
}
