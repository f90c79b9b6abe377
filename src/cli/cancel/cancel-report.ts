import { stopReason } from "../../purge/stop-reason.ts";
import type { CancelOutcome } from "./cancel-one.ts";
import { describeDuration } from "../terminal/describe-duration.ts";
import { describeRequests } from "../terminal/describe-requests.ts";
import { exitCode } from "../exit-code.ts";
import { createResultWriter, type ResultTarget } from "../run/result-writer.ts";
import type { CommandOutput } from "../terminal/output.ts";

/** How outcomes are reported. */
export interface CancelReportOptions {
  readonly json: boolean;
  /** Where the API is. */
  readonly baseUrl: string;
  /** How long the end of each was waited for, in milliseconds. */
  readonly waitFor?: number | undefined;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
}

/** What became of message batches that were to be canceled, on its way to the user. */
export interface CancelReport {
  /** Writes an outcome. It does not reject. */
  add(outcome: CancelOutcome): Promise<void>;
  /** Aborted when stdout cannot be written any more. */
  readonly outputFailed: AbortSignal;
  /**
   * Writes what became of all, whether or not anybody reads stdout.
   *
   * @returns The exit code.
   */
  end(): Promise<number>;
}

const kinds = ["canceling", "ended", "missing", "failed", "unattempted"] as const;

/** Begins a report. */
export function createCancelReport(
  output: CommandOutput,
  { json, baseUrl, waitFor = 0, signal }: CancelReportOptions,
): CancelReport {
  const writer = createResultWriter(output, { json, signal });
  const counts = { canceling: 0, ended: 0, missing: 0, failed: 0, unattempted: 0 };
  let interrupted = false;
  let refused = false;
  let timedOut = false;
  let unreached = false;

  const count = (outcome: CancelOutcome): void => {
    counts[outcome.outcome] += 1;
    if (outcome.outcome === "canceling") {
      timedOut ||= outcome.waitEnded === "timed_out";
      interrupted ||= outcome.waitEnded === "interrupted";
    }
    if (outcome.outcome === "unattempted") interrupted ||= outcome.reason === "interrupted";
    if (outcome.outcome === "failed") {
      const reason = stopReason(outcome.error, 0);
      interrupted ||= reason === "interrupted";
      refused ||= reason === "credentials_refused";
      unreached ||= ["ERR_CONNECTION", "ERR_TIMEOUT"].includes(outcome.error.code);
    }
  };

  const write = async (
    outcome: CancelOutcome,
    { result, note, json }: ResultTarget,
  ): Promise<void> => {
    if (json) return await result(`${JSON.stringify(outcome)}\n`);
    if (outcome.outcome === "unattempted") {
      return await writer.noteStop(outcome.reason, `Unattempted from ${outcome.id} on`);
    }
    const line = `${describe(outcome, waitFor)}\n`;
    if (outcome.outcome === "failed") return await note(line, "bad");
    const inVain = outcome.outcome === "canceling" && outcome.waitEnded !== undefined;
    return await (inVain ? note(line) : result(line));
  };

  return {
    outputFailed: writer.outputFailed,
    async add(outcome) {
      count(outcome);
      await writer.write((target) => write(outcome, target));
    },
    async end() {
      if (unreached) await output.note(`The API was looked for at ${baseUrl}\n`);
      const named = kinds.filter((kind) => counts[kind] > 0);
      const total = named.reduce((sum, kind) => sum + counts[kind], 0);
      if (total > 1 || writer.leftUntold()) {
        const parts = named.map((kind) => `${counts[kind]} ${kind}`);
        await output.note(
          `${total} message ${total === 1 ? "batch" : "batches"}: ${parts.join(", ")}\n`,
        );
      }
      if (interrupted && signal.aborted) return exitCode.interrupted;
      if (refused) return exitCode.credentials;
      if (counts.failed + counts.unattempted > 0) return exitCode.failed;
      return timedOut ? exitCode.waitTimedOut : exitCode.done;
    },
  };
}

/** One outcome on one line. */
function describe(
  outcome: Exclude<CancelOutcome, { readonly outcome: "unattempted" }>,
  waitFor: number,
): string {
  const { id } = outcome;
  switch (outcome.outcome) {
    case "canceling": {
      const { waitEnded } = outcome;
      const after = `not ended after ${describeDuration(waitFor)}`;
      const over = waitEnded === "timed_out" ? after : "not waited for any longer";
      return `canceling ${id} (${waitEnded ? over : describeRequests(outcome.batch)})`;
    }
    case "ended": {
      const before = outcome.batch.cancel_initiated_at === null ? "already; " : "";
      return `ended ${id} (${before}${describeRequests(outcome.batch)})`;
    }
    case "missing":
      return `missing ${id}`;
    case "failed": {
      const { message, requestId } = outcome.error;
      const why = message.replace(/^Cannot \w+ message batch "[^"]*": /, "");
      return `failed ${id}: ${why}${requestId === undefined ? "" : ` (${requestId})`}`;
    }
  }
}
