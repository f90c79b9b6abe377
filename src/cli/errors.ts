/** Exit codes, and errors in the words of the command. */
import { connectionHints, fileProblem, isDenied } from "../config/system-errors.ts";
import { BatchsweepError } from "../core/errors.ts";
import type { Host } from "./host.ts";
import { type OutcomeError, outcomeError, type StopReason, stopReason } from "../purge/outcome.ts";

/** The exit codes of the command. */
export const exitCode = {
  done: 0,
  failed: 1, // something failed, or remains
  usage: 2, // an argument, the configuration, an id, a plan or a file; nothing was deleted
  waitTimedOut: 3, // a batch had not ended in time; nothing else failed
  credentials: 4, // there are none, or they were refused
  interrupted: 130, // by SIGINT, SIGTERM or SIGHUP; shells have this for SIGINT
  closedOutput: 141, // the reader of stdout is gone; shells have this for SIGPIPE
} as const;

/** If several exit codes apply, the command ends with the first of these. */
const order: readonly number[] = [130, 141, 4, 1, 3, 2];

/** The exit code if all of these apply. */
export function firstOf(...codes: readonly number[]): number {
  return order.find((code) => codes.includes(code)) ?? exitCode.done;
}

/** Why the command ends early: a message for the user, and the exit code. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: number;

  constructor(message: string, code: number = exitCode.usage) {
    super(message);
    this.exitCode = code;
  }
}

/** The exit code for the failure of one object or call. */
export function exitCodeOf(error: OutcomeError, refusals: number = 1): number {
  return exitCodeFor(stopReason(error, { outages: 0, refusals }));
}

/** The exit code for the reason that stops a run. */
export function exitCodeFor(reason: StopReason | undefined): number {
  if (reason === "interrupted") return exitCode.interrupted;
  return reason === "credentials_refused" ? exitCode.credentials : exitCode.failed;
}

/** Whether no answer came. */
export function isUnreached({ code }: Pick<OutcomeError, "code">): boolean {
  return code === "ERR_CONNECTION" || code === "ERR_TIMEOUT";
}

/** What an error of the library means for a command that cannot go on without the call. */
export function explainError(error: unknown, baseUrl: string, host: Pick<Host, "env">): unknown {
  if (!(error instanceof BatchsweepError)) return error;
  const failure = outcomeError(error);
  const { code, message, requestId, status, type } = failure;
  if (code === "ERR_PURGE_REFUSED") return new CommandError(message);
  const request = requestId === undefined ? "" : ` (${requestId})`;
  // The sender of an answer without the API's form, or without such a route, may be another server.
  const isStrange = code === "ERR_INVALID_RESPONSE" || status === 404 ||
    (status !== undefined && type === undefined);
  const place = isUnreached(failure) || isStrange ? `\n${lookedFor(baseUrl, failure, host)}` : "";
  return new CommandError(`${message}${request}${place}`, exitCodeOf(failure, Infinity));
}

/** Where the command looked for the API, and what to look at if there was no connection. */
export function lookedFor(
  baseUrl: string,
  failure: OutcomeError | undefined,
  { env }: Pick<Host, "env">,
): string {
  const hints = failure && isUnreached(failure)
    ? connectionHints(failure.reason, baseUrl, env)
    : [];
  return [`The base URL is ${baseUrl}`, ...hints].join("\n");
}

/** What an error of the file system means, as a line for the user. */
export function fileError(
  verb: "open" | "read" | "write" | "close",
  path: string,
  error: unknown,
  code?: number,
): CommandError {
  const folder = verb === "write" && isDenied(error) ? "; its folder needs it, too" : "";
  const named = path === "" ? '""' : path;
  return new CommandError(`Cannot ${verb} ${named}: ${fileProblem(error)}${folder}`, code);
}
