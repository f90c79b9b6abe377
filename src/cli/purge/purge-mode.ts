import { canAsk } from "./consent.ts";
import { CommandError } from "../exit-code.ts";
import type { Host } from "../host.ts";
import type { PurgeSource } from "./purge-source.ts";

/** What the command line says of how far a purge goes. */
export interface ModeFlags {
  readonly yes?: true | undefined;
  readonly dryRun?: true | undefined;
  readonly planOut?: string | undefined;
}

/**
 * How far a purge goes: it only shows what it would do, it asks, or it was told before.
 *
 * @throws {CommandError} Nobody said yes, and nobody can be asked. A variable such as `CI` says
 *   nothing.
 */
export function modeOf(
  { yes, dryRun, planOut }: ModeFlags,
  source: PurgeSource,
  host: Pick<Host, "stdin" | "stderr">,
): "show" | "ask" | "apply" {
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
  const taken = "onStdin" in source && source.onStdin;
  if (!taken && canAsk(host)) return "ask";
  throw new CommandError(
    `Cannot ask whether to delete: ${taken ? "stdin has the ids" : "there is no terminal"}; ` +
      "use --yes to delete without a question, or --dry-run or --plan-out to delete nothing",
  );
}
