import type { DeletionOutcome } from "../operations/outcome.ts";
import { stopReason } from "../operations/stop-reason.ts";
import { exitCode } from "./exit-code.ts";

const kinds = ["deleted", "missing", "skipped", "failed", "unattempted"] as const;

/** Counts outcomes; the totals add up. */
export interface Tally {
  add(outcome: DeletionOutcome): void;
  /** Whether an answer failed to come. */
  unreached(): boolean;
  /** `3 ids: 2 deleted, 1 failed`. */
  summary(): string;
  /** The exit code that the outcomes add up to. */
  exitCode(): number;
}

/** A tally of nothing yet. */
export function createTally(): Tally {
  const counts = { deleted: 0, missing: 0, skipped: 0, failed: 0, unattempted: 0 };
  const reasons = new Set<string>();
  let refused = false;
  let unreached = false;
  return {
    add(entry) {
      counts[entry.outcome] += 1;
      if (entry.outcome === "unattempted") reasons.add(entry.reason);
      if (entry.outcome === "failed") {
        unreached ||= ["ERR_CONNECTION", "ERR_TIMEOUT"].includes(entry.error.code);
        refused ||= stopReason(entry.error, 0) === "credentials_refused";
      }
    },
    unreached: () => unreached,
    summary() {
      const total = kinds.reduce((sum, kind) => sum + counts[kind], 0);
      const named = kinds.filter((kind) => counts[kind] > 0).map((kind) =>
        `${counts[kind]} ${kind}`
      );
      return `${total} ids: ${named.join(", ")}`;
    },
    exitCode() {
      if (reasons.has("interrupted")) return exitCode.interrupted;
      if (refused) return exitCode.credentials;
      return counts.skipped + counts.failed + counts.unattempted > 0
        ? exitCode.failed
        : exitCode.done;
    },
  };
}
