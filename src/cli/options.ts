/**
 * The options of all commands, as one table, and what they mean.
 *
 * @module
 */
import { isHead } from "../audit/head.ts";
import { cannotUseFlag, CommandError, InvalidArgumentError } from "./errors.ts";
import type { Context } from "./output.ts";
import { parseDuration } from "./text.ts";

/** What a command does. It gives the exit code; `undefined`: 0, even if it was interrupted. */
export type Action = (args: Args, flags: Flags, context: Context) => Promise<number | undefined>;

/** The arguments of a command. */
export type Args = readonly string[];

type Optional<Name extends string, Value> = { readonly [One in Name]?: Value | undefined };

/** The values of all options. Each command has some of them. Conditions are as they were typed. */
export type Flags =
  & Optional<"json" | "verbose" | "insist" | "allowMissing" | "allowOtherKey", boolean>
  & Optional<"wait" | "cancel" | "dryRun" | "yes" | "all", boolean>
  & Optional<"requestTimeout" | "maxRetries" | "concurrency" | "limit" | "maxShare", number>
  & Optional<"timeout" | "cancelTimeout" | "clockSkew" | "port", number>
  & Optional<"baseUrl" | "to" | "export" | "plan" | "planOut" | "holds" | "policy", string>
  & Optional<"audit" | "actor" | "reason" | "head", string>
  & Optional<"olderThan" | "endedFor" | "createdBefore" | "createdAfter", string>
  & Optional<"endedBefore" | "endedAfter" | "max", string>
  & Optional<"hold" | "status", readonly string[]>
  & Optional<"archived", "keep" | "delete">;

/** What reads the argument of an option. */
type Parse = (text: string, before?: readonly string[]) => unknown;

const table = {
  json: ["--json", "print JSON, one object a line"],
  verbose: ["--verbose", "print one line per request on stderr"],
  baseUrl: ["--base-url <url>", "where the API is, instead of ANTHROPIC_BASE_URL"],
  requestTimeout: [
    "--request-timeout <duration>",
    "time for one request, such as 30s (default: 60s)",
    requestTimeout,
  ],
  maxRetries: [
    "--max-retries <count>",
    "repetitions of a failed request (default: 2)",
    wholeNumber,
  ],

  insist: ["--insist", "send ids that do not look like ids of their kind"],
  allowMissing: ["--allow-missing", "count what is already gone as a success"],
  wait: ["--wait", "wait until batches have ended that have not"],
  timeout: ["--timeout <duration>", "longest wait for each batch (default: 24h)", timeAboveZero],

  dryRun: ["--dry-run", "show what would be done, and change nothing"],
  audit: ["--audit <file>", "record every deletion and cancellation in a file"],
  actor: ["--actor <name>", "who is responsible, for the record"],
  reason: ["--reason <text>", "why it is done, for the record"],
  concurrency: [
    "--concurrency <count>",
    "requests at a time, 1 to 100 (default: 32)",
    (text) => isWithin(wholeNumber(text), 1, 100, "Give a number from 1 to 100"),
  ],

  hold: ["--hold <id>", "keep this batch, whatever is said; may be given again", collect],
  holds: ["--holds <file>", "keep the batches of a file, an id per line; none: nothing is held"],
  policy: ["--policy <file>", "keep the batches that a retention policy holds"],
  cancel: ["--cancel", "cancel batches that have not ended, wait for them, and delete them too"],
  cancelTimeout: [
    "--cancel-timeout <duration>",
    "longest wait for each (default: 24h)",
    timeAboveZero,
  ],
  export: ["--export <directory>", "save the results there first, or keep the batch"],
  archived: [
    "--archived <keep|delete>",
    "with --export, keep or delete batches without results (default: keep)",
    (text) => {
      if (text === "keep" || text === "delete") return text;
      throw new InvalidArgumentError("Give keep or delete");
    },
  ],
  to: ["--to <directory>", "where results are saved (default: results)"],

  yes: ["--yes", "delete without a question"],
  planOut: ["--plan-out <file>", "write the plan to a new file, and delete nothing"],
  plan: ["--plan <file>", "apply a plan that was written before"],
  allowOtherKey: ["--allow-other-key", "apply a plan that was made with another API key"],
  clockSkew: ["--clock-skew <duration>", "how wrong this clock may be (default: 5m)", duration],
  maxShare: ["--max-share <percent>", "stop if it would delete a larger share: 50%", readShare],

  olderThan: ["--older-than <duration>", "created so long ago: 7d, 12h or 30m (m is minutes)"],
  endedFor: ["--ended-for <duration>", "ended so long ago"],
  createdBefore: [
    "--created-before <date>",
    "2026-11-22 (midnight UTC) or 2026-11-22T14:30:00Z",
  ],
  createdAfter: ["--created-after <date>", "in the same form, as are those below"],
  endedBefore: ["--ended-before <date>", "ended before it"],
  endedAfter: ["--ended-after <date>", "ended after it"],
  status: [
    "--status <status>",
    "in_progress, canceling or ended; several with commas",
    collect,
  ],
  max: ["--max <number>", "at most so many: those created first"],
  all: ["--all", "all batches; not with another condition"],

  limit: [
    "--limit <count>",
    "stop after so many",
    (text) => isWithin(wholeNumber(text), 1, Infinity, "Give a whole number above 0"),
  ],
  head: ["--head <head>", "a head that was written down", (text) => {
    try {
      return isHead(text, "head");
    } catch {
      throw new InvalidArgumentError("Give what audit head printed, such as 1042:9f86d0…");
    }
  }],
  port: [
    "--port <number>",
    "port to listen on; 0 takes any that is free (default: 4010)",
    (text) => isWithin(wholeNumber(text), 0, 65_535, "Give a number from 0 to 65535"),
  ],
} as const satisfies Readonly<
  Record<keyof Flags, readonly [flags: string, help: string, parse?: Parse]>
>;

/** The name of an option. */
export type OptionName = keyof Flags;

/** Every option: how it is written, its help, and what reads its argument. */
export const options: Readonly<
  Record<OptionName, readonly [flags: string, help: string, parse?: Parse]>
> = table;

/** How long to wait, in milliseconds; `undefined` if nothing is waited for. */
export function waitTimeoutOf(
  waits: boolean | undefined,
  { timeout }: Flags,
  flags: string,
): number | undefined {
  if (waits) return timeout ?? longestWait;
  if (timeout === undefined) return undefined;
  throw new CommandError(
    `Cannot use --timeout without ${flags}; the time for one request is --request-timeout`,
  );
}

/** The longest wait, in milliseconds: the API ends every batch within it. */
export const longestWait = 86_400_000;

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function duration(text: string): number {
  const value = parseDuration(text);
  if (value === undefined) throw new InvalidArgumentError("Give a unit: 500ms, 30s, 2m");
  return value;
}

function timeAboveZero(text: string): number {
  return isWithin(duration(text), Number.MIN_VALUE, Infinity, "Give a time above 0");
}

/** Node's own `fetch` waits at most five minutes. */
function requestTimeout(text: string): number {
  return isWithin(duration(text), 1, 300_000, "Give a time from 1ms to 5m");
}

function wholeNumber(text: string): number {
  return isWithin(/^\d+$/.test(text) ? Number(text) : NaN, 0, Infinity, "Give a whole number");
}

function isWithin(value: number, least: number, most: number, why: string): number {
  if (value >= least && value <= most) return value;
  throw new InvalidArgumentError(why);
}

/** Reads a share such as `50%`, as a number from 0 to 1. */
export function readShare(text: string): number {
  const [, percent] = /^(\d{1,3}(?:\.\d+)?)%$/.exec(text) ?? [];
  const share = Number(percent) / 100;
  if (share <= 1) return share;
  throw cannotUseFlag("--max-share", text, "give a share from 0% to 100%");
}
