/** The exit codes of the command. */
export const exitCode = {
  /** All was done. */
  done: 0,
  /** Something failed, or was left undone. */
  failed: 1,
  /**
   * The command line, the configuration, an id, a plan or a file cannot be used, or nobody could be
   * asked; nothing was deleted.
   */
  usage: 2,
  /** A batch had not ended when the time to wait for it was over; nothing else failed. */
  waitTimedOut: 3,
  /** There is no key or token, or the API refused it. */
  credentials: 4,
  /** Interrupted by SIGINT or SIGTERM; as shells have it, 128 and the number of SIGINT. */
  interrupted: 130,
  /** Nobody reads stdout any more, as shells have it: 128 and the number of SIGPIPE. */
  closedOutput: 141,
} as const;

/** The exit codes in their order: where several are true, the first of them is it. */
const order: readonly number[] = [
  exitCode.interrupted,
  exitCode.closedOutput,
  exitCode.credentials,
  exitCode.failed,
  exitCode.waitTimedOut,
  exitCode.usage,
];

/** The exit code where all of these are true. */
export function firstOf(...codes: readonly number[]): number {
  return order.find((code) => codes.includes(code)) ?? exitCode.done;
}

/** Why the command ends without its work: a line for the user, and the exit code. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: number;

  constructor(message: string, code: number = exitCode.usage) {
    super(message);
    this.exitCode = code;
  }
}
