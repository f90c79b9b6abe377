/** The options of all commands, as one table, and what they mean. */
import { isHead } from "../audit/head.ts";
import { type Scope, scopes } from "../config/mod.ts";
import type { MessageBatchFilter } from "../purge/filter.ts";
import { statuses } from "../purge/plan.ts";
import { dayMs, parseTimestamp } from "../purge/time.ts";
import type { RateLimit } from "../sandbox/mod.ts";
import { CommandError } from "./errors.ts";
import type { Context } from "./output.ts";
import { parseDuration } from "./text.ts";

/** What a command does. It gives the exit code; `undefined`: 0, even if it was interrupted. */
export type Action = (args: Args, flags: Flags, context: Context) => Promise<number | undefined>;

/** The arguments of a command. */
export type Args = readonly string[];

type Optional<Name extends string, Value> = { readonly [One in Name]?: Value | undefined };

/** The values of all options. Each command has some of them. */
export type Flags =
  & Optional<"json" | "verbose" | "insist" | "allowMissing" | "allowOtherKey", boolean>
  & Optional<"wait" | "cancel" | "dryRun" | "yes" | "all", boolean>
  & Optional<"requestTimeout" | "maxRetries" | "concurrency" | "limit" | "max" | "maxShare", number>
  & Optional<"timeout" | "cancelTimeout" | "clockSkew" | "port" | "latency", number>
  & Optional<"olderThan" | "endedFor" | "minDaysSinceEnded" | "maxDeletesPerDay", number>
  & Optional<"createdBefore" | "createdAfter" | "endedBefore" | "endedAfter", string>
  & Optional<"baseUrl" | "to" | "export" | "plan" | "planOut" | "holds" | "policy", string>
  & Optional<"audit" | "actor" | "reason" | "head" | "seed" | "expires", string>
  & Optional<"hold" | "fault", readonly string[]>
  & Optional<"allow", readonly Scope[]>
  & Optional<"rate", RateLimit>
  & Optional<"status", MessageBatchFilter["status"]>
  & Optional<"archived", "keep" | "delete">;

/** The name of an option. */
export type OptionName = keyof Flags;

/** How an option is written, its help, and what reads its argument. */
type Row = readonly [flags: string, help: string, ...Partial<Reader>];

/** Reads an argument; `undefined`: it cannot be used. And what to give. */
type Reader = readonly [(text: string, before?: readonly string[]) => unknown, what: string];

function within(value = NaN, least: number, most: number): number | undefined {
  return value >= least && value <= most ? value : undefined;
}

/** A whole number. */
const number = (least: number, most = Number.MAX_SAFE_INTEGER): Reader => [
  (text) => within(/^\d+$/.test(text) ? Number(text) : NaN, least, most),
  `give a whole number ${most > 1e9 ? `of ${least} or more` : `from ${least} to ${most}`}`,
];

/** A duration, in milliseconds. */
const time = (what = "above 0", least = Number.MIN_VALUE, most = Number.MAX_VALUE): Reader => [
  (text) => within(parseDuration(text), least, most),
  `give a time ${what} with its unit: 500ms, 30s, 2m`,
];

/** A duration, in days. */
const age: Reader = [
  (text) => within((parseDuration(text) ?? 0) / dayMs, Number.MIN_VALUE, Number.MAX_VALUE),
  "give a number above 0 with its unit: 7d, 12h or 30m",
];

/** A date-time. A day begins at midnight UTC. */
const date: Reader = [
  (text) => {
    const time = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text;
    return parseTimestamp(time) === undefined ? undefined : time;
  },
  "give a day, 2026-11-22, or a time with its zone, 2026-11-22T14:30:00Z",
];

const share: Reader = [
  (text) => {
    const [, percent] = /^(\d{1,3}(?:\.\d+)?)%$/.exec(text) ?? [];
    return within(Number(percent) / 100, 0, 1);
  },
  "give a share from 0% to 100%",
];

/** An option that may be given again. */
const texts: Reader = [(text, before = []) => [...before, text], "give a text"];

/** Some of the words that there are. */
const someOf = (words: readonly string[]): Reader => [
  (text, before = []) => {
    const given = text.split(",").map((one) => one.trim());
    return given.every((one) => words.includes(one))
      ? [...new Set([...before, ...given])]
      : undefined;
  },
  `give one of ${words.join(", ")}, or several with commas`,
];

const aHead: Reader = [
  (text) => {
    try {
      return isHead(text, "head");
    } catch {
      return undefined;
    }
  },
  "give what audit head printed, such as 1042:9f86d0…",
];

/** A rate limit: so many requests at once, and then so many in each second or minute. */
const rate: Reader = [
  (text): RateLimit | undefined => {
    const [, number, unit] = /^([1-9]\d{0,5})\/(s|m)$/.exec(text) ?? [];
    const burst = Number(number);
    return number === undefined
      ? undefined
      : { perMinute: unit === "s" ? burst * 60 : burst, burst, headers: true };
  },
  "give a rate: 50/s or 1000/m",
];

/** Node's own `fetch` waits at most five minutes. */
const requestTime = time("from 1ms to 5m", 1, 300_000);

const keepOrDelete: Reader = [(text) => /^(keep|delete)$/.exec(text)?.[0], "give keep or delete"];

/** Every option. */
export const options: Readonly<Record<OptionName, Row>> = {
  json: ["--json", "print JSON, one object a line"],
  verbose: ["--verbose", "print one line per request on stderr"],
  baseUrl: ["--base-url <url>", "where the API is, instead of ANTHROPIC_BASE_URL"],
  requestTimeout: [
    "--request-timeout <time>",
    "limit for one request (default: 60s)",
    ...requestTime,
  ],
  maxRetries: [
    "--max-retries <count>",
    "how often to repeat a request (default: 2)",
    ...number(0, 100),
  ],

  insist: ["--insist", "send ids that do not look like ids of their kind"],
  allowMissing: ["--allow-missing", "count what is already gone as a success"],
  wait: ["--wait", "wait for batches that have not ended"],
  timeout: ["--timeout <time>", "longest wait for each batch (default: 24h)", ...time()],

  dryRun: ["--dry-run", "show what would be done, and change nothing"],
  audit: ["--audit <file>", "record every deletion and cancellation in a file"],
  actor: ["--actor <name>", "who is responsible, for the audit trail"],
  reason: ["--reason <text>", "why it is done, for the audit trail"],
  concurrency: ["--concurrency <count>", "requests at a time (default: 32)", ...number(1, 100)],

  hold: ["--hold <id>", "never delete this batch; may be repeated", ...texts],
  holds: ["--holds <file>", "never delete those in a file, an id a line; none: no holds"],
  policy: ["--policy <file>", "never delete those that a retention policy holds"],
  cancel: ["--cancel", "cancel those that have not ended, wait, and delete them"],
  cancelTimeout: ["--cancel-timeout <time>", "longest wait for each (default: 24h)", ...time()],
  export: ["--export <directory>", "save the results there first, or keep the batch"],
  archived: [
    "--archived <keep|delete>",
    "batches without results, with --export (default: keep)",
    ...keepOrDelete,
  ],
  to: ["--to <directory>", "where results are saved (default: results)"],

  yes: ["--yes", "delete without a question"],
  planOut: ["--plan-out <file>", "write the plan to a new file, and delete nothing"],
  plan: ["--plan <file>", "apply the plan in this file, and nothing else"],
  allowOtherKey: ["--allow-other-key", "apply a plan that was made with another API key"],
  clockSkew: [
    "--clock-skew <time>",
    "how wrong this machine's clock may be (default: 5m)",
    ...time("of 0 or more", 0),
  ],
  maxShare: ["--max-share <percent>", "delete nothing if the share is larger: 50%", ...share],

  olderThan: [
    "--older-than <time>",
    "created at least so long ago: 7d, 12h, 30m (minutes)",
    ...age,
  ],
  endedFor: ["--ended-for <time>", "ended at least so long ago", ...age],
  createdBefore: [
    "--created-before <date>",
    "before 2026-11-22 (UTC) or 2026-11-22T14:30:00Z",
    ...date,
  ],
  createdAfter: ["--created-after <date>", "after it, in the same form", ...date],
  endedBefore: ["--ended-before <date>", "before it", ...date],
  endedAfter: ["--ended-after <date>", "after it", ...date],
  status: ["--status <status>", "one or more of in_progress,canceling,ended", ...someOf(statuses)],
  max: ["--max <number>", "delete at most so many, the oldest first", ...number(1)],
  all: ["--all", "all batches; not with another condition"],

  allow: ["--allow <scopes>", "what it may do (default: batches:delete)", ...someOf(scopes)],
  expires: ["--expires <date>", "until when it is valid", ...date],
  minDaysSinceEnded: [
    "--min-days-since-ended <days>",
    "delete only batches that ended at least so long ago",
    ...number(0),
  ],
  maxDeletesPerDay: [
    "--max-deletes-per-day <count>",
    "begin at most so many deletions within 24 hours",
    ...number(1),
  ],

  limit: ["--limit <count>", "stop after so many", ...number(1)],
  head: ["--head <head>", "a head that you kept", ...aHead],
  port: [
    "--port <number>",
    "where to listen; 0: any that is free (default: 4010)",
    ...number(0, 65_535),
  ],
  seed: ["--seed <number|file>", "message batches to begin with (default: 5)"],
  rate: ["--rate <rate>", "answer 429 above it: 50/s or 1000/m", ...rate],
  fault: ["--fault <fault>", "let something go wrong; may be repeated", ...texts],
  latency: ["--latency <time>", "time that every answer takes, such as 300ms", ...time()],
};

/** Reads the argument of an option. Only a list may be given again, and grows then. */
export function readOption(name: OptionName, text: string, before?: unknown): unknown {
  const [flags, , parse, what] = options[name];
  if (before !== undefined && !Array.isArray(before)) {
    throw new CommandError(`Cannot use ${flags.split(" ")[0]} twice: give it once`);
  }
  const value = parse === undefined ? text : parse(text, before);
  if (value !== undefined) return value;
  const quoted = JSON.stringify(text.slice(0, 80));
  throw new CommandError(`Cannot use ${flags.split(" ")[0]} ${quoted}: ${what}`);
}

/** The longest wait, in milliseconds: the API ends every batch within it. */
export const longestWait = 86_400_000;
