/**
 * How a sandbox behaves: its options, and the one check of all that a caller gives.
 *
 * @module
 */
import type { BatchSeed } from "./batches.ts";
import type { Fault } from "./faults.ts";

/** A limit of requests a minute. */
export interface RateLimit {
  /** Requests a minute: what the bucket is refilled with, continuously. */
  readonly perMinute: number;
  /** Requests that a full bucket holds. @default perMinute */
  readonly burst?: number | undefined;
  /** Whether every answer carries `anthropic-ratelimit-requests-*`. @default false */
  readonly headers?: boolean | undefined;
}

/** One batch to begin with, or several of a kind. */
export interface SeedRow extends BatchSeed {
  /** How many batches are like this. @default 1 */
  readonly count?: number | undefined;
}

/** How a sandbox behaves. */
export interface SandboxOptions {
  /**
   * The batches to begin with. A number gives so many over the last 60 days: of 25, one is in
   * progress, one is canceling, and the others have ended. @default none
   */
  readonly seed?: number | readonly SeedRow[] | undefined;
  /** What goes wrong from the beginning, as {@link Sandbox.fail} takes it. @default nothing */
  readonly faults?: readonly (Fault | string)[] | undefined;
  /** How long every answer takes, ms. @default 0 */
  readonly latency?: number | undefined;
  /** The time, ms since the epoch. A fraction gives the microseconds. @default Date.now */
  readonly now?: (() => number) | undefined;
  /** Waits, for `latency` and for a fault with a `delay`; milliseconds. @default setTimeout */
  readonly sleep?: ((ms: number) => Promise<void>) | undefined;
  /** A number from 0 up to 1, for ids and for faults with a `probability`. @default Math.random */
  readonly random?: (() => number) | undefined;
  /** How long a batch is in progress, ms; 24 hours are the API's limit. @default 60_000 */
  readonly processingTime?: number | undefined;
  /** How long a batch is canceling, ms. @default 10_000 */
  readonly cancelingTime?: number | undefined;
  /** The workspace of every credential. @default "wrkspc_011CZkZaBF1tNoB5wlCeusgy" */
  readonly workspaceId?: string | undefined;
  /**
   * Accepted keys and tokens, in either header. One that begins with `sk-ant-admin` is an
   * administrator's: the organization's endpoints take no other, and no other endpoint takes it.
   * @default any that is not empty
   */
  readonly apiKeys?: readonly string[] | undefined;
  /**
   * How the API refuses to delete a batch that has not ended: 400 `invalid_request_error`, or 409
   * `conflict_error`, which clients retry. The API's own way is published nowhere. @default 400
   */
  readonly unendedStatus?: 400 | 409 | undefined;
  /** The rate limit of all endpoints together. @default none */
  readonly rateLimit?: RateLimit | undefined;
  /** Path that the API is mounted under, such as `/anthropic`. @default "" */
  readonly basePath?: string | undefined;
  /** How many requests `requests` keeps. @default 10_000 */
  readonly requestLogSize?: number | undefined;
}

/** The options of a sandbox, all of them. */
export type Settings =
  & { readonly [Name in keyof SandboxOptions]-?: NonNullable<SandboxOptions[Name]> }
  & Pick<SandboxOptions, "apiKeys" | "rateLimit">;

const checks: Checks<Settings> = {
  seed: ["number | list", 0],
  faults: ["list", []],
  latency: ["number", 0],
  now: ["function", () => Date.now()],
  sleep: ["function", (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))],
  random: ["function", () => Math.random()],
  processingTime: ["number", 60_000],
  cancelingTime: ["number", 10_000],
  workspaceId: ["string", "wrkspc_011CZkZaBF1tNoB5wlCeusgy"],
  apiKeys: ["list"],
  unendedStatus: ["400 | 409", 400],
  rateLimit: ["object"],
  basePath: ["string", ""],
  requestLogSize: ["number", 10_000],
};

const limitChecks: Checks<RateLimit> = {
  perMinute: ["number"],
  burst: ["number"],
  headers: ["boolean"],
};

/** Checks options, and adds what was left out. */
export function settingsFrom(options: SandboxOptions): Settings {
  const settings = check(options, checks, "the options");
  if (settings.rateLimit) check(settings.rateLimit, limitChecks, "the rate limit");
  return settings;
}

/**
 * For each member, what it may be and what stands for one that is left out. Types are written as in
 * TypeScript: `"number | list"`, `"400 | 409"`. A number is never below 0.
 */
export type Checks<Members> = {
  readonly [Name in keyof Members]-?: readonly [types: string, byDefault?: Members[Name]];
};

/** Makes the error for something that cannot be used. It says so as data, too. */
export function cannotUse(subject: string, why: string): TypeError {
  return Object.assign(new TypeError(`Cannot use ${subject}: ${why}`), { subject, why });
}

/**
 * Checks that an object has only members that there are, each of its type.
 *
 * @returns The members, with the defaults of those that are left out.
 */
export function check<Members extends object>(
  given: { readonly [Name in keyof Members]?: Members[Name] | undefined },
  checks: Checks<Members>,
  subject: string,
): Members {
  if (typeOf(given) !== "object") throw cannotUse(subject, "it is not an object");
  const rows = new Map<string, readonly [types: string, byDefault?: unknown]>(
    Object.entries(checks),
  );
  const members = Object.fromEntries([...rows].map(([name, [, byDefault]]) => [name, byDefault]));
  for (const [name, value] of Object.entries(given)) {
    const member = `${JSON.stringify(name.slice(0, 64))} of ${subject}`;
    const [types] = rows.get(name) ?? [];
    if (types === undefined) throw cannotUse(member, `there are ${[...rows.keys()].join(", ")}`);
    if (value === undefined) continue;
    const allowed = types.split(" | ");
    const isOfType = allowed.includes(typeOf(value)) || allowed.includes(JSON.stringify(value));
    if (!isOfType && types !== "unknown") throw cannotUse(member, `it is not of type ${types}`);
    if (typeof value === "number" && !(value >= 0)) throw cannotUse(member, "it is not 0 or more");
    members[name] = value;
  }
  return members as Members;
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "list" : typeof value;
}
