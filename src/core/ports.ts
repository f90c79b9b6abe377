/**
 * What the library needs from outside, as interfaces only.
 *
 * @module
 */

/** Time, randomness and waiting, as one parameter: so that tests are quick and exact. */
export interface Clock {
  /** The current time, in milliseconds since the epoch. */
  now(): number;
  /** A random number, from 0 up to but not including 1. */
  random(): number;
  /**
   * Waits.
   *
   * @param duration How long, in milliseconds.
   * @param signal Ends the wait at once; the promise then rejects with its reason.
   */
  sleep(duration: number, signal?: AbortSignal): Promise<void>;
}

/** What the requests of a client ask for leave, so that all of them together keep to the limits. */
export interface Pace {
  /**
   * Waits until a request may be sent.
   *
   * @param signal Ends the wait at once; the promise then rejects with its reason.
   */
  permit(signal?: AbortSignal): Promise<Permit>;
}

/**
 * Leave to send one request. It is given back by telling what the request came to, or nothing where
 * none was sent; only the first telling counts.
 *
 * @param answer What came back, as far as anything did.
 * @returns Whether the request was refused for its pace alone. Then it may be sent again, with a
 *   permit of its own, and that is not one of its retries.
 */
export type Permit = (answer?: {
  readonly status?: number | undefined;
  readonly headers?: Headers | undefined;
}) => boolean;

/**
 * One line of an audit trail. Every deletion has two: what is about to be done, and what became of
 * it. An intent without an outcome is a deletion whose outcome nobody saw.
 */
export interface AuditEntry {
  readonly version: 1;
  /** When, as an RFC 3339 date-time. */
  readonly time: string;
  readonly operation: "delete";
  readonly phase: "intent" | "outcome";
  /** What kind of object: `"message_batch"`. */
  readonly resource: string;
  readonly id: string;
  /** On whose behalf: `actor` of the client. */
  readonly actor?: string | undefined;
  /** Of an outcome. */
  readonly outcome?: "deleted" | "missing" | "failed" | undefined;
  /** How a deletion is known. */
  readonly evidence?: string | undefined;
  readonly requestId?: string | undefined;
  /** How many requests were made. */
  readonly attempts?: number | undefined;
  /** The workspace that the API says was hit. */
  readonly workspaceId?: string | undefined;
  /** Why it failed. Where `outcomeKnown` is false, it may have been done all the same. */
  readonly error?: AuditError | undefined;
}

/** Why a recorded deletion failed. */
export interface AuditError {
  readonly code: string;
  readonly message: string;
  readonly outcomeKnown: boolean;
  readonly status?: number | undefined;
  readonly type?: string | undefined;
}

/** Where deletions are recorded: ids, times and request ids, never contents or secrets. */
export interface AuditTrail {
  /**
   * Adds an entry at the end. It resolves when the entry is safe; a deletion whose intent cannot be
   * written is not made.
   */
  append(entry: AuditEntry): Promise<void>;
}

/** A text file that is only ever added to. */
export interface AppendFile {
  /**
   * Adds lines at the end, as one piece whoever else writes. It resolves when they are safe, also
   * from a crash of the machine. They are never joined to a piece of a line that a crash left there:
   * that is ended first.
   */
  append(text: string): Promise<void>;
}

/** Where the results of batches are kept before the batches go. */
export interface ResultStore {
  /**
   * Opens a place for the results of a batch. They are kept once the stream has closed, and only
   * then: closing it resolves when they are safe. A stream that is aborted leaves nothing.
   *
   * @param id ID of the batch.
   */
  open(id: string): Promise<WritableStream<Uint8Array>>;
}

/** How an engine repeats a step that throws. */
export interface StepConfig {
  /** How many times at most, and the wait before, in milliseconds. */
  readonly retries: { readonly limit: number; readonly delay: number };
}

/**
 * What makes a long operation in steps, each made once however often the process that makes them
 * dies. The `WorkflowStep` of Cloudflare Workflows fits by shape.
 *
 * Errors do not survive a step, so a step returns what became of it, as data that JSON can hold, and
 * throws only what should be run again.
 */
export interface Steps {
  /**
   * Makes a step, or gives what it returned when it was made before.
   *
   * @param name Unlike that of any other step of the operation.
   * @param config How it is repeated.
   * @param run Makes it. `attempt` is above 1 when an earlier run of this step did not come to its
   *   end; an engine that does not say so cannot tell a deletion of its own from another's.
   */
  do<Result>(
    name: string,
    config: StepConfig,
    run: (context?: { readonly attempt?: number }) => Promise<Result>,
  ): Promise<Result>;
  /** Waits, in milliseconds. */
  sleep(name: string, duration: number): Promise<void>;
}

/** What a {@link StateStore} has under a name. */
export interface StoredState {
  readonly value: string;
  /** Which writing of the name this is. */
  readonly version: number;
}

/**
 * Where what has to outlive a process is kept: one text a name, always written as a whole.
 *
 * It has what a retention run is still to delete, and is believed: who can write to it decides what
 * goes, but for what the policy holds.
 */
export interface StateStore {
  /** Reads what a name has; undefined: nothing was ever written. */
  read(name: string): Promise<StoredState | undefined>;
  /**
   * Writes, if nobody else has written since.
   *
   * @param value The text, as a whole. It may be some megabytes long.
   * @param version What was read; undefined: nothing was there.
   * @returns Whether it was written. The version is one higher then, and 1 the first time.
   */
  write(name: string, value: string, version: number | undefined): Promise<boolean>;
}
