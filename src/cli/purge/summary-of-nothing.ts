import type { PurgeSummary } from "../../purge/apply-purge.ts";
import type { modeOf } from "./purge-mode.ts";

/** The totals where no id was given, as a line of JSON: of a dry run, or of a run. */
export function summaryOfNothing(
  mode: ReturnType<typeof modeOf>,
  { baseUrl }: { readonly baseUrl: string },
): string {
  const counts = { deleted: 0, missing: 0, skipped: 0, failed: 0, unattempted: 0 };
  const run: PurgeSummary = { planned: 0, ...counts, hasMore: false };
  const summary = mode === "show" ? { dryRun: true, listed: 0, planned: 0, baseUrl } : run;
  return `${JSON.stringify({ summary })}\n`;
}
