/**
 * `purge`: deletes many message batches, by ids, by a filter, or by a plan.
 *
 * @module
 */
import { messageBatch } from "../core/delete.ts";
import { createClient } from "./client.ts";
import { canAsk } from "./consent.ts";
import type { Command } from "./deps.ts";
import { CommandError, exitCode } from "./errors.ts";
import { filterFrom } from "./filter.ts";
import { readHolds } from "./holds.ts";
import type { Host } from "./host.ts";
import { readIds } from "./ids.ts";
import {
  addCommonOptions,
  addFilterOptions,
  addIdOptions,
  addPlanOptions,
  addPolicyHoldOption,
  type CommandContext,
  type Flags,
  timeAboveZero,
} from "./options.ts";
import { type Purge, type PurgeSource, runPurge } from "./purge-run.ts";

const help = `
It shows what it is about to do and asks. What is shown is what is deleted: a
batch that arrives meanwhile stays. Without a terminal it deletes nothing
unless --yes is given.

Examples:
  $ batchsweep purge --older-than 30d --dry-run
  $ batchsweep purge --older-than 7d --export results --audit audit.jsonl
  $ batchsweep purge --status ended --max 100
  $ batchsweep purge --all --cancel --holds keep.txt --yes
  $ batchsweep purge --json --yes @ids.txt

  Let somebody look at a plan before it is applied; go on if it was stopped:
  $ batchsweep purge --older-than 30d --plan-out plan.json
  $ batchsweep purge --plan plan.json --audit audit.jsonl --yes

A batch that has not ended is kept. With --cancel it is canceled, waited for
and deleted, if it is named by its id, or meant by a filter without an age. Of
ids that are given, one that is not in the workspace is failed, and one that is
kept is skipped. --json prints the outcome of each batch as it happens, and
{"summary":{…}} at the end; with --dry-run, what would be done.

Under Deno, files need --allow-read and --allow-write for their folder.`;

/** Adds `purge`. */
export function addPurgeCommand(program: Command, context: CommandContext): void {
  const command = program.command("purge")
    .description("Delete many message batches, by ids or by a filter. This cannot be undone")
    .argument("[ids...]", "ids in the place of a filter, @FILE, or - for stdin");
  addPolicyHoldOption(addPlanOptions(command))
    .option("--plan <file>", "apply a plan that was written before")
    .option("--allow-other-key", "apply a plan that was made with another API key")
    .option("--cancel", "cancel batches that have not ended, wait for them, and delete them too")
    .option("--cancel-timeout <duration>", "longest wait for each (default: 24h)", timeAboveZero);
  addIdOptions(command, "message batch");
  addCommonOptions(command, "print one JSON object per batch, each on a line, then the totals");
  addFilterOptions(command)
    .addHelpText("after", help)
    .action(async (args: readonly string[], flags: Flags) => {
      context.end(await purge(args, flags, context));
    });
}

async function purge(
  args: readonly string[],
  flags: Flags,
  context: CommandContext,
): Promise<number> {
  const { host, output } = context;
  const given = sourceOf(args, flags, host);
  const mode = modeOf(flags, given, host);
  const client = createClient(context, flags);
  let source: PurgeSource;
  if ("args" in given) {
    const ids = await readIds(given.args, messageBatch, flags, context, "purge");
    if (ids.length === 0) {
      if (flags.json) await output.json({ summary: summaryOfNothing(mode, client.baseUrl) });
      return exitCode.done;
    }
    source = { ids };
  } else source = given;
  const holds = await readHolds(flags, host);
  return await runPurge({ source, mode, client, holds }, flags, context);
}

/** What the command line says of the batches, before anything is read. */
export type GivenSource =
  | Exclude<PurgeSource, { readonly ids: unknown }>
  | {
    /** The arguments that name them. */
    readonly args: readonly string[];
    /** Whether stdin has ids: then it has no answer to a question. */
    readonly onStdin: boolean;
  };

/** What the command line says of the batches. */
export function sourceOf(
  args: readonly string[],
  flags: Flags,
  { stdin }: Pick<Host, "stdin">,
): GivenSource {
  const { plan, cancel } = flags;
  const filter = filterFrom(flags);
  if (plan !== undefined) {
    const other = args.length > 0
      ? "ids"
      : filter !== undefined
      ? "a filter"
      : cancel && "--cancel";
    if (!other) return { plan };
    throw new CommandError(`Cannot use --plan with ${other}: the plan says what is deleted`);
  }
  if (filter !== undefined) {
    if (args.length === 0) return { filter };
    throw new CommandError("Cannot use ids with a filter: it is not clear which batches are meant");
  }
  const onStdin = args.includes("-") || (args.length === 0 && !stdin.isTerminal);
  if (args.length > 0 || onStdin) return { args, onStdin };
  throw new CommandError(
    "Cannot purge: give ids, a filter such as --older-than 30d, --all, or --plan",
  );
}

/** How far a purge goes. */
export function modeOf(
  { yes, dryRun, planOut }: Flags,
  source: GivenSource,
  host: Pick<Host, "stdin" | "stderr">,
): Purge["mode"] {
  if (planOut !== undefined && "plan" in source) {
    throw new CommandError("Cannot use --plan-out with --plan: the plan is there already");
  }
  if (dryRun) return "show";
  if (planOut !== undefined) {
    if (!yes) return "show";
    throw new CommandError(
      "Cannot use --plan-out with --yes: it deletes nothing; apply the plan with --plan",
    );
  }
  if (yes) return "apply";
  const isTaken = "onStdin" in source && source.onStdin;
  if (!isTaken && canAsk(host)) return "ask";
  throw new CommandError(
    `Cannot ask whether to delete: ${isTaken ? "stdin has the ids" : "there is no terminal"}\n` +
      "Use --yes to delete without a question, --dry-run or --plan-out to delete nothing",
  );
}

function summaryOfNothing(mode: Purge["mode"], baseUrl: string): object {
  if (mode === "show") return { dryRun: true, listed: 0, planned: 0, baseUrl };
  const counts = { deleted: 0, missing: 0, skipped: 0, failed: 0, unattempted: 0 };
  return { planned: 0, ...counts, hasMore: false };
}
