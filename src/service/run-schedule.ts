import { runRetention } from "../retention/run/run-retention.ts";
import { clientOf } from "./configuration.ts";
import type { ServiceOptions } from "./options.ts";
import { report } from "./report.ts";
import { retentionOf } from "./retention-settings.ts";

/**
 * A scheduled event: runs the retention policy once. It never rejects, since a runtime might end the
 * process or try again at once: `/healthz` says what became of it, and `onError` is told.
 */
export async function runSchedule(options: ServiceOptions): Promise<void> {
  try {
    const settings = retentionOf(options);
    if (settings === undefined) return;
    const { policy, store, requests, costOfDeletion, maxShare } = settings;
    await runRetention({ ...clientOf(options), actor: "retention" }, policy, {
      store,
      requests,
      costOfDeletion,
      maxShare,
      onError: (error) => report(options, error),
    });
  } catch (error) {
    report(options, error);
  }
}
