/** Reports what became of objects: one table from the outcome to its words and its exit code. */
import { linkSignals } from "../core/abort.ts";
import { messageBatch } from "../core/delete.ts";
import type { KeepCode } from "../purge/decision.ts";
import type { RunOutcome } from "../purge/engine.ts";
import type { OutcomeError, StopReason } from "../purge/outcome.ts";
import {
  CommandError,
  exitCode,
  exitCodeFor,
  exitCodeOf,
  firstOf,
  isUnreached,
  lookedFor,
} from "./errors.ts";
import { type Context, createProgress, isClosedOutput } from "./output.ts";
import { countOf, describeDuration, describeRequests, details, words } from "./text.ts";

/** What can become of an object. A plan knows more reasons to keep one. */
export type Outcome =
  | RunOutcome
  | { readonly outcome: "skipped"; readonly id: string; readonly reason: KeepCode };

type Name = Outcome["outcome"];

/** The members that only some outcomes have. */
interface OutcomeDetails extends Pick<Outcome, "id" | "outcome"> {
  readonly error?: OutcomeError;
  readonly requestId?: string | undefined;
  readonly auditError?: string | undefined;
  readonly canceled?: true | "unknown" | undefined;
  readonly recorded?: true | undefined;
}

/** What the report says of an outcome. It goes to stdout if the exit code is 0, else to stderr. */
interface Line {
  readonly code: number;
  /** What follows the id in parentheses. */
  readonly notes: readonly (string | undefined)[];
  /** Why it failed, as the end of the line. */
  readonly cause?: string | undefined;
}

const done = (...notes: Line["notes"]): Line => ({ code: exitCode.done, notes });
const undone = (code: number, ...notes: Line["notes"]): Line => ({ code, notes });
const toneOf = (name: Name) => name === "failed" ? "bad" : undefined;

const rows: {
  readonly [One in Name]: (
    outcome: Extract<Outcome, { readonly outcome: One }>,
    waitTimeout: number | undefined,
  ) => Line;
} = {
  exported: ({ export: saved }) => done(countOf(saved.lines, "result")),
  deleted: ({ evidence, recorded, export: saved }) =>
    done(
      words(evidence),
      saved && `${countOf(saved.lines, "result")} saved`,
      recorded && "by the audit trail",
    ),
  missing: () => done(),
  canceling({ batch, waitEnded }, waitTimeout = 0) {
    if (waitEnded === undefined) return done(describeRequests(batch));
    return waitEnded === "timed_out"
      ? undone(exitCode.waitTimedOut, `not ended after ${describeDuration(waitTimeout)}`)
      : undone(exitCode.interrupted, "not waited for any longer");
  },
  ended: ({ batch }) =>
    done((batch.cancel_initiated_at === null ? "already; " : "") + describeRequests(batch)),
  skipped(outcome, waitTimeout) {
    const { reason } = outcome;
    const { error, canceled }: OutcomeDetails = outcome;
    const word = canceled === "unknown" ? "perhaps canceled" : canceled && "canceled";
    if (reason === "canceled") return undone(exitCode.interrupted, `${word}, and still there`);
    const isOver = reason === "not_ended" && waitTimeout !== undefined;
    const after = isOver ? ` after ${describeDuration(waitTimeout)}` : "";
    const note = `${words(reason)}${after}${word === undefined ? "" : `; ${word}`}`;
    if (error) return { ...undone(exitCodeOf(error), note), cause: error.why };
    return undone(isOver ? exitCode.waitTimedOut : exitCode.failed, note);
  },
  failed({ error }) {
    // Where no answer came, the cause says so.
    const isDoubt = error.outcomeKnown === false && error.status !== undefined;
    const note = isDoubt ? "it may have been done" : undefined;
    return { ...undone(exitCodeOf(error), note), cause: error.why };
  },
  unattempted: ({ reason }) => undone(exitCodeFor(reason)),
};

/** Looks an outcome up in the table. */
function lineOf<One extends Name>(
  outcome: Extract<Outcome, { readonly outcome: One }>,
  waitTimeout?: number,
): Line {
  return rows[outcome.outcome as One](outcome, waitTimeout);
}

/** The line of an outcome. The request id is left out if the line has no room for it. */
export function describeOutcome(
  outcome: Outcome,
  { notes: [first, ...others], cause }: Line = lineOf(outcome),
  columns: number = Infinity,
): string {
  const { error, requestId = error?.requestId, auditError }: OutcomeDetails = outcome;
  const end = auditError === undefined ? "" : `, but not recorded: ${auditError}`;
  const head = `${outcome.outcome} ${outcome.id}`;
  if (cause !== undefined) return `${head}${details(first)}: ${cause}${details(requestId)}${end}`;
  const whole = `${head}${details(first, requestId, ...others)}${end}`;
  return whole.length <= columns ? whole : `${head}${details(first, ...others)}${end}`;
}

const again = "run the same command again";

/** Why a run stopped, and what to do next. */
const stops: { readonly [Reason in StopReason]: readonly [why: string, next: string] } = {
  interrupted: ["interrupted", `To go on, ${again}`],
  credentials_refused: ["the API refused the credentials", `Check the key, then ${again}`],
  blocked: [
    "requests are blocked before they reach the API",
    "Check the network, the proxy and ANTHROPIC_BASE_URL",
  ],
  billing: ["the API reports a billing problem", "See the Console of the account"],
  rate_limited: ["the rate limit cannot be waited out", `Wait, then ${again}`],
  caller_failed: [
    "the audit trail or the credentials cannot be used",
    `Correct that, then ${again}`,
  ],
  other_workspace: ["answers come from another workspace", "Use the key of the plan's workspace"],
  unreachable: ["too many failures in a row, of the connection or of the API", `Later, ${again}`],
};

/** How outcomes are reported. */
export interface ReportOptions {
  readonly json?: boolean | undefined;
  /** What the objects are. Default: message batches. */
  readonly kind?: string;
  /** Whether the totals are always told, with `--json` on stdout, too. Else only those of several. */
  readonly totals?: boolean;
  readonly baseUrl: string;
  /** How long the end of batches is waited for, in milliseconds; absent if it is not. */
  readonly waitTimeout?: number | undefined;
  /** How many outcomes there will be. */
  readonly total: number;
  /** How many more are meant, and left by `--max`. */
  readonly beyond?: number | undefined;
  /** What to do if an object is not found. */
  readonly notFound?: string | undefined;
  /** What to do about these. Default: run the same command again. */
  readonly again?: string | undefined;
  /** The ids of the batches whose end is waited for. */
  readonly waited?: ReadonlySet<string> | undefined;
}

/**
 * Runs something, and reports its outcomes as they come, its progress, and the totals at its end. Its
 * signal is aborted if the user interrupts or stdout fails.
 */
export async function reportRun(
  context: Context,
  options: ReportOptions,
  begin: (signal: AbortSignal) => AsyncIterable<Outcome>,
): Promise<number> {
  const { host, output } = context;
  const report = createReport(context, options);
  const progress = createProgress(context, options.total, options.waited);
  host.signal.addEventListener("abort", () => {
    void output.note(
      "Interrupted: requests in flight are finished, and nothing new begins\n" +
        "Interrupt again to stop at once\n",
    );
  }, { once: true });
  const linked = linkSignals(host.signal, report.outputFailed);
  let thrown: { readonly error: unknown } | undefined;
  try {
    for await (const outcome of begin(linked.signal)) {
      const { recorded }: OutcomeDetails = outcome;
      if (!recorded) progress.add(outcome); // nothing is attempted for those
      await report.add(outcome);
    }
  } catch (error) {
    thrown = { error };
  } finally {
    linked.unlink();
  }
  await progress.end();
  const failure = trailError(thrown?.error);
  const code = await report.end(failure);
  if (thrown !== undefined && failure === undefined) throw thrown.error;
  return code;
}

/** An error of the audit trail. The outcomes tell which objects it was about. */
function trailError(error: unknown): CommandError | undefined {
  if (error instanceof CommandError) return error;
  const isLate = error instanceof DOMException && error.name === "TimeoutError";
  return isLate ? new CommandError(error.message, exitCode.failed) : undefined;
}

/** How many objects with the same cause are named. The others share one line with their number. */
const namedPerCause = 3;

function createReport(
  { host: { signal, stdout, env }, output }: Context,
  { json = false, totals = false, baseUrl, waitTimeout, ...options }: ReportOptions,
) {
  const { kind = messageBatch.name, beyond = 0, again: next = again } = options;
  const members = kind === messageBatch.name ? {} : { resource: kind };
  const counts = new Map<Name, number>(Object.keys(rows).map((name) => [name as Name, 0]));
  const numberOf = (name: Name) => counts.get(name) ?? 0;
  const codes = new Set<number>();
  const causes = new Map<string, { name: Name; text: string; count: number }>();
  const outputFailed = new AbortController();
  let total = 0;
  let isClosed = false;
  let isUntold = false;
  let unrecorded = 0;
  let stillThere = 0;
  let unreached: OutcomeError | undefined;
  let isMissed = false;
  let stopped: StopReason | undefined;

  const count = (outcome: Outcome, { code }: Line): void => {
    total += 1;
    counts.set(outcome.outcome, numberOf(outcome.outcome) + 1);
    const { auditError, canceled, error }: OutcomeDetails = outcome;
    if (auditError !== undefined) {
      unrecorded += 1;
      codes.add(exitCode.failed);
    }
    if (canceled && code !== exitCode.done) stillThere += 1;
    if (error && isUnreached(error)) unreached ??= error;
    if (error?.code === "ERR_NOT_FOUND") isMissed = !json;
    if (outcome.outcome === "unattempted") stopped ??= outcome.reason;
    // A failure of stdout interrupts a run, too. The user has not interrupted it then.
    codes.add(code === exitCode.interrupted && !signal.aborted ? exitCode.failed : code);
  };

  const writeText = async (outcome: Outcome, line: Line, result: typeof output.result) => {
    const { code, notes, cause } = line;
    const { outcome: name } = outcome;
    const text = `${describeOutcome(outcome, line, stdout.columns)}\n`;
    if (code === exitCode.done) return await result(text);
    if (name === "unattempted") return; // the totals tell it
    const shared = details(...notes) + (cause === undefined ? "" : `: ${cause}`);
    const same = causes.get(name + shared) ?? { name, text: shared, count: 0 };
    causes.set(name + shared, same);
    same.count += 1;
    if (same.count <= namedPerCause) await output.note(text, toneOf(name));
  };

  /** Writes an outcome to stdout; to stderr once stdout has failed, since the user must learn it. */
  const write = async (outcome: Outcome, line: Line): Promise<void> => {
    try {
      if (!outputFailed.signal.aborted) {
        if (json) return await output.json({ ...members, ...outcome });
        return await writeText(outcome, line, output.result);
      }
    } catch (error) {
      isClosed = isClosedOutput(error);
      outputFailed.abort();
    }
    // A reader that has closed stdout gets the totals alone, unless an interruption has ended it.
    if (isClosed && !signal.aborted) isUntold = true;
    else await writeText(outcome, line, output.note);
  };

  /** Says why the run stopped, and what to do next. */
  const writeStop = async (): Promise<void> => {
    if (stopped !== undefined && (stopped !== "interrupted" || signal.aborted)) {
      const [why, next] = stops[stopped];
      await output.note(`Stopped: ${why}. ${are(numberOf("unattempted"))} left\n`, "bad");
      await output.note(`${next}\n`);
    } else if (beyond > 0) {
      await output.note(`${are(beyond, " more")} left, beyond --max: ${next}\n`);
    }
  };

  const summary = () => {
    const parts = [...counts].flatMap(([name, count]) => count > 0 ? [`${count} ${name}`] : []);
    if (unrecorded > 0) parts.push(`${unrecorded} not recorded`);
    const canceled = stillThere > 0 ? `; ${stillThere} canceled and still there` : "";
    return `${countOf(total, words(kind))}: ${parts.join(", ")}${canceled}`;
  };

  return {
    /** Aborted when stdout is closed. */
    outputFailed: outputFailed.signal,
    /** Writes an outcome. It never rejects. */
    async add(outcome: Outcome): Promise<void> {
      const line = lineOf(outcome, waitTimeout);
      count(outcome, line);
      await write(outcome, line);
    },
    /** Writes the totals, and gives the exit code. */
    async end(failure: CommandError | undefined): Promise<number> {
      for (const { name, text, count } of causes.values()) {
        const more = count - namedPerCause;
        if (more > 0) await output.note(`${name} ${more} more${text}\n`, toneOf(name));
      }
      if (json && totals && !outputFailed.signal.aborted) {
        const names = ["deleted", "missing", "skipped", "failed", "unattempted"] as const;
        const numbers = Object.fromEntries(names.map((name) => [name, numberOf(name)]));
        const hasMore = stopped !== undefined || beyond > 0;
        await output.json({ summary: { planned: total, ...numbers, hasMore } }).catch(() => {});
      }
      if (unreached) await output.note(`${lookedFor(baseUrl, unreached, { env })}\n`);
      if (isMissed && options.notFound) await output.note(`${options.notFound}\n`);
      await writeStop();
      if (failure !== undefined) await output.note(`${failure.message}\n`, "bad");
      const code = firstOf(...codes, failure?.exitCode ?? exitCode.done);
      if (total > 1 || isUntold || (totals && total > 0)) {
        await output.note(`${summary()}\n`, code === exitCode.done ? "good" : "strong");
      }
      return code;
    },
  };
}

const are = (count: number, more = "") => `${count}${more} ${count === 1 ? "is" : "are"}`;
