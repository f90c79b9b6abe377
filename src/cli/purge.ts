/**
 * `purge` and `retain`: what is deleted, and how far it goes.
 *
 * @module
 */
import { messageBatch } from "../core/delete.ts";
import { createClient } from "./client.ts";
import { canAsk, type Context } from "./output.ts";
import { CommandError, exitCode } from "./errors.ts";
import { filterFrom } from "./filter.ts";
import { readHolds, readPolicy } from "./holds.ts";
import type { Host } from "./host.ts";
import { readIds } from "./ids.ts";
import type { Args, Flags } from "./options.ts";
import { type Purge, type PurgeSource, runPurge } from "./purge-run.ts";

/** Runs `purge`. */
export async function runPurgeCommand(args: Args, flags: Flags, context: Context): Promise<number> {
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

/** Runs `retain`. */
export async function runRetain(_: Args, flags: Flags, context: Context): Promise<number> {
  const { host } = context;
  const policy = await readPolicy(host.files, flags.policy ?? "");
  const source = { policy };
  const mode = modeOf(flags, source, host);
  const client = createClient(context, flags);
  const others = await readHolds({ ...flags, policy: undefined }, host);
  const holds = new Set([...policy.holds, ...others]);
  return await runPurge({ source, mode, client, holds }, flags, context);
}
