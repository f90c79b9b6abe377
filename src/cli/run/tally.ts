import type { DeletionOutcome } from "../../purge/outcome.ts";
import { stopReason } from "../../purge/stop-reason.ts";
import { exitCode } from "../exit-code.ts";

const kinds = ["deleted", "missing", "skipped", "failed", "unattempted"] as const;

/** Counts outcomes; the totals add up. */
export interface Tally {
  /**
   * Counts an outcome.
   *
   * @param outcome What became of an object.
   * @param waited Whether its end was waited for: then `skipped (not ended)` is a wait in vain.
   */
  add(outcome: DeletionOutcome, waited?: boolean): void;
  readonly counts: Readonly<Record<DeletionOutcome["outcome"], number>>;
  /** Whether an answer failed to come. */
  unreached(): boolean;
  /** `3 ids: 2 deleted, 1 failed`, with another word for what is counted if it is given. */
  summary(noun?: string): string;
  /** The exit code that the outcomes add up to. */
  exitCode(): number;
}

/**
 * A tally of nothing yet.
 *
 * @param user Aborted when the user interrupts: what is interrupted by something else is left undone.
 *   @default every interruption is the user's
 */
export function createTally(user?: Pick<AbortSignal, "aborted">): Tally {
  const counts = { deleted: 0, missing: 0, skipped: 0, failed: 0, unattempted: 0 };
  let unrecorded = 0;
  let waitedInVain = 0;
  let interrupted = false;
  let refused = false;
  let unreached = false;
  return {
    counts,
    add(entry, waited = false) {
      counts[entry.outcome] += 1;
      if ("auditError" in entry && entry.auditError !== undefined) unrecorded += 1;
      if (entry.outcome === "unattempted") interrupted ||= entry.reason === "interrupted";
      if (entry.outcome === "skipped" && entry.reason === "not_ended" && waited) waitedInVain += 1;
      if ("error" in entry) {
        const reason = stopReason(entry.error, 0);
        interrupted ||= reason === "interrupted";
        refused ||= reason === "credentials_refused";
        unreached ||= ["ERR_CONNECTION", "ERR_TIMEOUT"].includes(entry.error.code);
      }
    },
    unreached: () => unreached,
    summary(noun = "ids") {
      const total = kinds.reduce((sum, kind) => sum + counts[kind], 0);
      const named = kinds.filter((kind) => counts[kind] > 0).map((kind) =>
        `${counts[kind]} ${kind}`
      );
      if (unrecorded > 0) named.push(`${unrecorded} not recorded`);
      return `${total} ${noun}: ${named.join(", ")}`;
    },
    exitCode() {
      if (interrupted && user?.aborted !== false) return exitCode.interrupted;
      if (refused) return exitCode.credentials;
      const undone = counts.skipped - waitedInVain + counts.failed + counts.unattempted;
      if (undone + unrecorded > 0) return exitCode.failed;
      return waitedInVain > 0 ? exitCode.waitTimedOut : exitCode.done;
    },
  };
}
