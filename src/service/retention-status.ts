import {
  boolean,
  check,
  type GenericSchema,
  literal,
  number,
  object,
  optional,
  pipe,
  safeParse,
  string,
} from "../deps.ts";
import { parseTimestamp } from "../purge/time.ts";
import type { RetentionRun } from "../retention/mod.ts";

/** What a {@link StateStore} has under a name. */
export interface StoredState {
  readonly value: string;
  /** Which writing of the name this is. */
  readonly version: number;
}

/** Stores texts that outlive the process, each under a name and as a whole. */
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

/** What is known of the runs of a policy, as it is stored. */
export interface RetentionStatus {
  readonly version: 1;
  /** Since when runs have been waited for. */
  readonly since: string;
  /** The last run that ended. */
  readonly last?: RetentionRun | undefined;
  /** When the last run ended that did not fail, and came to the end of its work or settled some. */
  readonly lastGoodAt?: string | undefined;
}

const name = "retention";

/** What is stored of the runs, with the version that it is written over. */
export interface StoredStatus {
  /** Undefined where there is none, or none that can be read. */
  readonly status: RetentionStatus | undefined;
  readonly version: number | undefined;
}

/** Reads what is stored of the runs. */
export async function readStatus(store: StateStore): Promise<StoredStatus> {
  const stored = await store.read(name);
  let input: unknown;
  try {
    input = JSON.parse(stored?.value ?? "null");
  } catch {
    // As good as nothing.
  }
  const result = safeParse(statusSchema(), input);
  return { status: result.success ? result.output : undefined, version: stored?.version };
}

/**
 * Writes what is known of the runs.
 *
 * @param version What was read.
 * @returns Whether it was written: nobody else has since.
 */
export async function writeStatus(
  store: StateStore,
  status: RetentionStatus,
  version: number | undefined,
): Promise<boolean> {
  return await store.write(name, JSON.stringify(status), version);
}

function statusSchema(): GenericSchema<unknown, RetentionStatus> {
  const time = pipe(string(), check((text) => parseTimestamp(text) !== undefined));
  const run = object({
    startedAt: time,
    endedAt: time,
    requests: number(),
    listed: number(),
    due: number(),
    deleted: number(),
    missing: number(),
    skipped: number(),
    failed: number(),
    settled: number(),
    hasMore: boolean(),
    oldestDue: optional(string()),
    error: optional(object({ code: string(), message: string() })),
  });
  return object({
    version: literal(1),
    since: time,
    last: optional(run),
    lastGoodAt: optional(time),
  });
}
