import { runRetention } from "../retention/mod.ts";
import { clientOf } from "./configuration.ts";
import type { ServiceOptions } from "./options.ts";
import { report } from "./report.ts";
import { retentionOf } from "./retention-settings.ts";
import { readStatus, writeStatus } from "./retention-status.ts";

/**
 * A scheduled event: runs the retention policy once. It never rejects, since a runtime might end the
 * process or try again at once: `/healthz` says what became of it, and `onError` is told.
 */
export async function runSchedule(options: ServiceOptions): Promise<void> {
  try {
    const settings = retentionOf(options);
    if (settings === undefined) return;
    const { policy, store, requests, costOfDeletion, maxShare } = settings;
    const client = { ...clientOf(options), actor: "retention" };
    const run = await runRetention(client, policy, { requests, costOfDeletion, maxShare });
    if (run.error !== undefined) report(options, run.error);
    const { status, version } = await readStatus(store);
    const isGood = run.error === undefined;
    await writeStatus(store, {
      version: 1,
      since: status?.since ?? run.startedAt,
      lastGoodAt: isGood ? run.endedAt : status?.lastGoodAt,
      last: run,
    }, version);
  } catch (error) {
    report(options, error);
  }
}
