import type { Client } from "../../core/client.ts";
import { planPurge } from "../../purge/plan-purge.ts";
import type { PurgePlan } from "../../purge/plan.ts";
import type { CommandContext } from "../commands/command-context.ts";
import { readPlan } from "./plan-file.ts";
import { planningError } from "./planning-error.ts";
import type { PurgeSource, SourceFlags } from "./purge-source.ts";

/**
 * The plan that is to be applied: made now, or read from a file.
 *
 * @param source What it is about.
 * @param ids The batches that are named, where they are.
 * @throws {CommandError} It cannot be had; nothing was deleted.
 */
export async function makePlan(
  source: PurgeSource,
  ids: readonly string[],
  { cancel }: SourceFlags,
  client: Client & { readonly baseUrl: string },
  { host: { files, signal }, output }: Pick<CommandContext, "host" | "output">,
): Promise<PurgePlan> {
  if ("plan" in source) return await readPlan(files, source.plan, client, signal);
  await output.status("Listing the message batches");
  try {
    if ("policy" in source) return await planPurge(client, { policy: source.policy, signal });
    const filter = "filter" in source ? source.filter : { ids };
    return await planPurge(client, { filter, cancelInProgress: cancel, signal });
  } catch (error) {
    throw planningError(error, client);
  } finally {
    await output.status(undefined);
  }
}
