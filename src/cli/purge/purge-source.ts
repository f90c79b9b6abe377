/**
 * What a purge is about: a plan that is there, or what one is made from: a filter, ids or a policy.
 *
 * @module
 */
import type { MessageBatchFilter } from "../../purge/filter.ts";
import type { RetentionPolicy } from "../../purge/policy.ts";
import type { CommandContext } from "../commands/command-context.ts";
import { checkIds } from "../input/check-ids.ts";
import { collectIds } from "../input/collect-ids.ts";
import { CommandError } from "../exit-code.ts";
import { type FilterFlags, filterFrom } from "../input/filter-flags.ts";
import type { Host } from "../host.ts";
import { messageBatches } from "../kinds.ts";

/** What the command line says of it. */
export interface SourceFlags extends FilterFlags {
  readonly plan?: string | undefined;
  readonly cancel?: true | undefined;
  readonly insist?: true | undefined;
}

/** Where the batches come from. */
export type PurgeSource =
  | { readonly plan: string }
  | { readonly policy: RetentionPolicy }
  | { readonly filter: MessageBatchFilter | "*" }
  | {
    /** The arguments that name them. */
    readonly args: readonly string[];
    /** Whether some come on stdin: then it has no answers to give. */
    readonly onStdin: boolean;
  };

/**
 * What the command line says, without anything being read.
 *
 * @throws {CommandError} It says nothing, or two things at once.
 */
export function sourceOf(
  args: readonly string[],
  flags: SourceFlags,
  { stdin }: Pick<Host, "stdin">,
): PurgeSource {
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

/**
 * The ids that are named; none where a plan or a filter says which batches.
 *
 * @throws {CommandError} Some cannot be ids of message batches.
 */
export async function namedIds(
  source: PurgeSource,
  { insist }: Pick<SourceFlags, "insist">,
  context: Pick<CommandContext, "host" | "output">,
): Promise<readonly string[]> {
  if (!("args" in source)) return [];
  const ids = await collectIds(source.args, context, "purge");
  checkIds(ids, messageBatches, { insist, verb: "purge" });
  return ids;
}
