import type { Client } from "../../core/client.ts";
import { PurgeRefusedError } from "../../core/errors.ts";
import { listPage } from "../../core/list.ts";
import { observe } from "../../purge/observe.ts";
import type { PurgePlan } from "../../purge/plan.ts";
import { planningError } from "./planning-error.ts";

/**
 * Looks once at who answers, before a plan that was stored is shown and applied: a key of another
 * workspace, or a plan that was changed, would delete what nobody agreed to.
 *
 * @throws {CommandError} It is another workspace than the plan's, or the look failed; nothing was
 *   deleted.
 */
export async function checkWorkspace(
  client: Client & { readonly baseUrl: string },
  { workspaceId }: PurgePlan,
  signal: AbortSignal,
): Promise<void> {
  if (workspaceId === undefined) return;
  const seen = observe(client, signal);
  try {
    await listPage(seen.client, { pageSize: 1, signal });
    const other = [...seen.workspaces].find((workspace) => workspace !== workspaceId);
    if (other === undefined) return;
    throw new PurgeRefusedError(
      `Cannot apply the purge plan: it was made for workspace ${workspaceId}, ` +
        `and the answers come from ${other}`,
    );
  } catch (error) {
    throw planningError(error, client);
  }
}
