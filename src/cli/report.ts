/**
 * Reports what became of objects: one table for every command, from the outcome to its stream, its
 * words and its exit code.
 *
 * @module
 */
import type { KeepCode } from "../purge/decision.ts";
import type { RunOutcome } from "../purge/engine.ts";
import type { StopReason } from "../purge/outcome.ts";
import {
  type CommandError,
  exitCode,
  exitCodeOf,
  firstOf,
  isUnreached,
  lookedFor,
} from "./errors.ts";
import { type CommandOutput, type Context, isClosedOutput } from "./output.ts";
import { countOf, describeDuration, describeRequests, details, words } from "./text.ts";

/** What can become of an object. The plan of a purge knows more reasons to keep one. */
export type Outcome =
  | RunOutcome
  | { readonly outcome: "skipped"; readonly id: string; readonly reason: KeepCode };

type Of<Name extends Outcome["outcome"]> = Extract<Outcome, { readonly outcome: Name }>;

/** What an outcome depends on besides. */
interface Run {
  /** How long the end of batches was waited for, in milliseconds; absent if it was not. */
  readonly waitTimeout?: number | undefined;
}

/** How one kind of outcome is reported. */
interface Row<One> {
  /** `"stderr"` for what the user has to look at. Nothing is written for `undefined`. */
  stream(outcome: One): "stdout" | "stderr" | undefined;
  readonly tone?: "bad" | undefined;
  exitCode(outcome: One, run: Run): number;
  /** What follows the outcome in parentheses. */
  notes(outcome: One, run: Run): readonly (string | undefined)[];
  /** Why it is no success, as the end of the line. Objects with the same cause share a line. */
  cause?(outcome: One): string | undefined;
}

const byTrail = (recorded: true | undefined) => recorded && "by the record";

const rows: { readonly [Name in Outcome["outcome"]]: Row<Of<Name>> } = {
  exported: {
    stream: () => "stdout",
    exitCode: () => exitCode.done,
    notes: ({ export: saved }) => [countOf(saved.lines, "result")],
  },
  deleted: {
    stream: () => "stdout",
    exitCode: () => exitCode.done,
    notes: ({ evidence, recorded, export: saved }) => [
      words(evidence),
      saved && `${countOf(saved.lines, "result")} saved`,
      byTrail(recorded),
    ],
  },
  missing: {
    stream: () => "stdout",
    exitCode: () => exitCode.done,
    notes: ({ recorded }) => [byTrail(recorded)],
  },
  ended: {
    stream: () => "stdout",
    exitCode: () => exitCode.done,
    notes: ({ batch }) => [
      (batch.cancel_initiated_at === null ? "already; " : "") + describeRequests(batch),
    ],
  },
  canceling: {
    stream: ({ waitEnded }) => waitEnded === undefined ? "stdout" : "stderr",
    exitCode({ waitEnded }) {
      if (waitEnded === undefined) return exitCode.done;
      return waitEnded === "timed_out" ? exitCode.waitTimedOut : exitCode.interrupted;
    },
    notes({ waitEnded, batch }, { waitTimeout = 0 }) {
      if (waitEnded === undefined) return [describeRequests(batch)];
      const isOver = waitEnded === "timed_out";
      return [
        isOver ? `not ended after ${describeDuration(waitTimeout)}` : "not waited for any longer",
      ];
    },
  },
  skipped: {
    stream: () => "stderr",
    exitCode(outcome, { waitTimeout }) {
      const { reason } = outcome;
      if ("error" in outcome) return exitCodeOf(outcome.error);
      if (reason === "canceled") return exitCode.interrupted;
      const isOver = reason === "not_ended" && waitTimeout !== undefined;
      return isOver ? exitCode.waitTimedOut : exitCode.failed;
    },
    notes(outcome, { waitTimeout }) {
      const { reason } = outcome;
      const canceled = "canceled" in outcome ? outcome.canceled : undefined;
      if (reason === "canceled") {
        return [`${canceled === "unknown" ? "perhaps " : ""}canceled, and still there`];
      }
      const isOver = reason === "not_ended" && waitTimeout !== undefined;
      const after = isOver ? ` after ${describeDuration(waitTimeout)}` : "";
      const was = canceled === "unknown" ? "; perhaps canceled" : canceled && "; canceled";
      return [`${words(reason)}${after}${was ?? ""}`];
    },
    cause: (outcome) => "error" in outcome ? outcome.error.why : undefined,
  },
  failed: {
    stream: () => "stderr",
    tone: "bad",
    exitCode: ({ error }) => exitCodeOf(error),
    notes: () => [],
    cause: ({ error }) => error.why,
  },
  unattempted: {
    stream: () => undefined, // the report says at its end how many are left
    exitCode: ({ reason }) => reason === "interrupted" ? exitCode.interrupted : exitCode.failed,
    notes: () => [],
  },
};

const names = [
  "exported",
  "deleted",
  "missing",
  "canceling",
  "ended",
  "skipped",
  "failed",
  "unattempted",
] as const satisfies readonly Outcome["outcome"][];

/** What an outcome says, in parts. */
interface Line {
  readonly stream: "stdout" | "stderr" | undefined;
  readonly tone: "bad" | undefined;
  readonly code: number;
  readonly notes: readonly (string | undefined)[];
  readonly cause: string | undefined;
}

/** Looks an outcome up in the table. */
function lineOf<Name extends Outcome["outcome"]>(outcome: Of<Name>, run: Run): Line {
  const row: Row<Of<Name>> = rows[outcome.outcome as Name];
  return {
    stream: row.stream(outcome),
    tone: row.tone,
    code: row.exitCode(outcome, run),
    notes: row.notes(outcome, run),
    cause: row.cause?.(outcome),
  };
}

/** The line of one outcome. The request id is left out if the line has no room for it. */
export function describeOutcome(
  outcome: Outcome,
  run: Run = {},
  columns: number = Infinity,
): string {
  const { notes, cause } = lineOf(outcome, run);
  const { requestId }: { readonly requestId?: string | undefined } = "error" in outcome
    ? outcome.error
    : outcome.outcome === "deleted"
    ? outcome
    : {};
  const auditError = "auditError" in outcome ? outcome.auditError : undefined;
  const lost = auditError === undefined ? "" : `, but not recorded: ${auditError}`;
  const line = (request: string | undefined) => {
    const [first, ...others] = notes;
    const head = `${outcome.outcome} ${outcome.id}`;
    return cause === undefined
      ? `${head}${details(first, request, ...others)}${lost}`
      : `${head}${details(...notes)}: ${cause}${details(request)}${lost}`;
  };
  const whole = line(requestId);
  return cause !== undefined || whole.length <= columns ? whole : line(undefined);
}

/** Why a run stopped, and what to do next. */
const stops: Readonly<Record<StopReason, readonly [why: string, next: string]>> = {
  interrupted: ["interrupted", "Run the same command again to go on"],
  credentials_refused: [
    "the API refused the credentials",
    "Check the key and its permissions, then run the same command again",
  ],
  blocked: [
    "requests are blocked before they reach the API",
    "Check the network, the proxy and ANTHROPIC_BASE_URL",
  ],
  billing: ["the API asks to look at the billing of the account", "See the Console of the account"],
  rate_limited: ["the rate limit cannot be waited out", "Run the same command again later"],
  caller_failed: [
    "the record or the credentials cannot be had",
    "Mend what failed above, then run the same command again",
  ],
  other_workspace: [
    "the answers come from another workspace",
    "Use the key of the workspace that the plan names",
  ],
  unreachable: [
    "too many failures in a row, of the connection or of the API",
    "Run the same command again later",
  ],
};

/** How outcomes are reported. */
export interface ReportOptions extends Run {
  /** Whether stdout gets a line of JSON for each outcome. */
  readonly json?: boolean | undefined;
  /** What the objects are: `message batch`. */
  readonly noun: string;
  /** Members of each line of JSON besides the outcome. */
  readonly members?: object | undefined;
  /** Whether the totals are always told, with `--json` on stdout, too. Else only those of several. */
  readonly totals?: boolean | undefined;
  /** Where the API is. */
  readonly baseUrl: string;
}

/** The outcomes of a run on their way to the user. */
export interface Report {
  /** Writes an outcome. It never rejects. */
  add(outcome: Outcome): Promise<void>;
  /** Aborted when stdout cannot be written any more. Then nothing more should begin. */
  readonly outputFailed: AbortSignal;
  /**
   * Writes the totals.
   *
   * @param failure Why the run ended early, if no outcome says that.
   * @returns The exit code.
   */
  end(failure?: CommandError): Promise<number>;
}

/** How many objects with the same cause are named. The others share one line with their number. */
const namedPerCause = 3;

/** The line of the objects with one cause. */
interface SharedLine {
  readonly name: Outcome["outcome"];
  readonly text: string;
  readonly tone: "bad" | undefined;
  count: number;
}

/** Begins a report. */
export function createReport(
  { host: { signal, stdout }, output }: {
    readonly host: Pick<Context["host"], "signal" | "stdout">;
    readonly output: CommandOutput;
  },
  { json = false, noun, members, totals = false, baseUrl, ...run }: ReportOptions,
): Report {
  const counts = new Map<Outcome["outcome"], number>();
  const codes = new Set<number>();
  const causes = new Map<string, SharedLine>();
  const outputFailed = new AbortController();
  let isClosed = false;
  let isUntold = false;
  let unrecorded = 0;
  let stillThere = 0;
  let unreached = false;
  let stopped: StopReason | undefined;

  const count = (outcome: Outcome): Line => {
    const line = lineOf(outcome, run);
    counts.set(outcome.outcome, (counts.get(outcome.outcome) ?? 0) + 1);
    if ("auditError" in outcome && outcome.auditError !== undefined) {
      unrecorded += 1;
      codes.add(exitCode.failed);
    }
    if ("canceled" in outcome && line.stream === "stderr") stillThere += 1;
    if ("error" in outcome) unreached ||= isUnreached(outcome.error);
    if (outcome.outcome === "unattempted") stopped ??= outcome.reason;
    // A failure of stdout interrupts a run, too. That is no interruption by the user.
    const isUsers = line.code !== exitCode.interrupted || signal.aborted;
    codes.add(isUsers ? line.code : exitCode.failed);
    return line;
  };

  const writeText = async (outcome: Outcome, line: Line, toStdout: boolean): Promise<void> => {
    const { stream, tone, notes, cause } = line;
    if (stream === undefined) return;
    const text = `${describeOutcome(outcome, run, stdout.columns)}\n`;
    if (stream === "stdout") return await (toStdout ? output.result(text) : output.note(text));
    const why = cause === undefined ? "" : `: ${cause}`;
    const shared = `${details(...notes)}${why}`;
    const key = `${outcome.outcome}${shared}`;
    const same = causes.get(key) ?? { name: outcome.outcome, text: shared, tone, count: 0 };
    causes.set(key, same);
    same.count += 1;
    if (same.count <= namedPerCause) await output.note(text, tone);
  };

  /** Writes an outcome to stdout, or to stderr once stdout has failed: the user must get to know it. */
  const write = async (outcome: Outcome, line: Line): Promise<void> => {
    try {
      if (!outputFailed.signal.aborted) {
        if (json) return await output.json({ ...members, ...outcome });
        return await writeText(outcome, line, true);
      }
    } catch (error) {
      isClosed = isClosedOutput(error);
      outputFailed.abort();
    }
    // A reader that has closed stdout gets the totals alone, unless an interruption has ended it.
    if (isClosed && !signal.aborted) isUntold = true;
    else await writeText(outcome, line, false);
  };

  const total = () => [...counts.values()].reduce((sum, count) => sum + count, 0);
  const summary = () => {
    const parts = names.flatMap((name) => counts.has(name) ? [`${counts.get(name)} ${name}`] : []);
    if (unrecorded > 0) parts.push(`${unrecorded} not recorded`);
    const canceled = stillThere > 0 ? `; ${stillThere} canceled and still there` : "";
    return `${countOf(total(), noun)}: ${parts.join(", ")}${canceled}`;
  };
  const writeSummary = async (): Promise<void> => {
    const numberOf = (name: Outcome["outcome"]) => counts.get(name) ?? 0;
    const unattempted = numberOf("unattempted");
    const summary = {
      planned: total(),
      deleted: numberOf("deleted"),
      missing: numberOf("missing"),
      skipped: numberOf("skipped"),
      failed: numberOf("failed"),
      unattempted,
      hasMore: unattempted > 0 || stopped !== undefined,
    };
    await output.json({ summary }).catch(() => {}); // flush() tells that
  };

  return {
    outputFailed: outputFailed.signal,
    async add(outcome) {
      await write(outcome, count(outcome));
    },
    async end(failure) {
      for (const { name, text, tone, count } of causes.values()) {
        const more = count - namedPerCause;
        if (more > 0) await output.note(`${name} ${more} more${text}\n`, tone);
      }
      if (json && totals && !outputFailed.signal.aborted) await writeSummary();
      if (unreached) await output.note(`${lookedFor(baseUrl)}\n`);
      const left = counts.get("unattempted") ?? 0;
      if (stopped !== undefined && (stopped !== "interrupted" || signal.aborted)) {
        const [why, next] = stops[stopped];
        const are = left === 1 ? "is" : "are";
        await output.note(`Stopped: ${why}. ${left} ${are} left\n${next}\n`, "bad");
      }
      if (failure !== undefined) await output.note(`${failure.message}\n`, "bad");
      const code = firstOf(...codes, failure?.exitCode ?? exitCode.done);
      if (total() > 1 || isUntold || (totals && total() > 0)) {
        await output.note(`${summary()}\n`, code === exitCode.done ? "good" : "strong");
      }
      return code;
    },
  };
}

/**
 * Reports the outcomes of a run as they come, and the totals at its end, even if the run throws.
 *
 * @param outcomes The run.
 * @param onOutcome Gets each outcome.
 * @param explain Makes an error of the run one that the report tells; any other is thrown.
 * @returns The exit code.
 */
export async function reportRun(
  report: Report,
  outcomes: AsyncIterable<Outcome>,
  onOutcome: (outcome: Outcome) => Promise<void> | void = () => {},
  explain: (error: unknown) => CommandError | undefined = () => undefined,
): Promise<number> {
  let thrown: { readonly error: unknown } | undefined;
  let failure: CommandError | undefined;
  try {
    for await (const outcome of outcomes) {
      await onOutcome(outcome);
      await report.add(outcome);
    }
  } catch (error) {
    failure = explain(error);
    if (failure === undefined) thrown = { error };
  }
  const code = await report.end(failure);
  if (thrown !== undefined) throw thrown.error;
  return code;
}

/** Tells the user, when they interrupt, what happens now. */
export function noteInterruption({ host, output }: Context): void {
  host.signal.addEventListener("abort", () => {
    output.note(
      "Interrupted: requests in flight come to their end, and nothing new begins\n" +
        "Interrupt again to end at once\n",
    );
  }, { once: true });
}
