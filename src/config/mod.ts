/**
 * The configuration of the service and the command, read from environment variables: one schema a
 * section. An error names its variable, says what to do, and never quotes the value.
 *
 * @module
 */
import { hex } from "../core/bytes.ts";
import { cannotUse, isArgumentError, quoteKey, suggest } from "../core/check.ts";
import { checkClient, type Client } from "../core/client.ts";
import {
  array,
  check,
  config as withMessage,
  type GenericSchema,
  minLength,
  number,
  object,
  optional,
  picklist,
  pipe,
  rawTransform,
  regex,
  safeParse,
  strictObject,
  string,
  transform,
} from "../deps.ts";
import { parseJsonOnce } from "../purge/strict-json.ts";
import { parseIsoDuration, parseTimestamp } from "../purge/time.ts";
import { resourceKinds } from "../resources.ts";
import { parsePolicyText, type RetentionPolicy } from "../retention/mod.ts";

/** Environment variables. Those of a Worker may be numbers, lists and objects, too. */
export type Environment = Readonly<Record<string, unknown>>;

/** What a token may do. Kinds of objects are in the plural, such as `files:delete`. */
export type Scope =
  | `batches:${"delete" | "read" | "cancel" | "results"}`
  | `${string}s:delete`
  | "operations:read"
  | "audit:read";

/** The scope to delete a kind of object. */
export const deleteScope = ({ name }: { readonly name: string }): Scope =>
  `${name.replace(/y$/, "ie")}s:delete`;

/** All scopes. */
export const scopes: readonly Scope[] = [
  "batches:delete",
  "batches:read",
  "batches:cancel",
  "batches:results",
  ...resourceKinds.map(deleteScope),
  "operations:read",
  "audit:read",
];

/** A token that lets its holder use the service, as the service knows it: by its hash. */
export interface GatewayToken {
  /** Whose it is. It becomes the `actor` of the audit trail. */
  readonly name: string;
  /** The SHA-256 of the token, in hexadecimal. */
  readonly sha256: string;
  /** What it may do. @default ["batches:delete"] */
  readonly allow: readonly Scope[];
  /** Until when it is valid, as an RFC 3339 date-time. @default no end */
  readonly expiresAt?: string | undefined;
  /** How many days ago a batch must have ended before it may be deleted. @default 0 */
  readonly minDaysSinceEnded?: number | undefined;
  /** How many deletions may be begun in its name within 24 hours. @default no limit */
  readonly maxDeletesPerDay?: number | undefined;
}

/** The sections of the configuration. */
interface Sections {
  /** Who calls the API, and how. */
  readonly client: Client;
  /** The administrator's key, which kinds of the organization take. */
  readonly adminKey: string;
  /** The secrets that webhooks may be signed with: one at least. */
  readonly webhookSecrets: readonly string[];
  /** The tokens of the gateway: one at least. */
  readonly gatewayTokens: readonly GatewayToken[];
  /** What is kept how long, and held; `undefined` if there is no policy. */
  readonly policy: RetentionPolicy | undefined;
  /** How retention runs behave. */
  readonly retention: {
    /** How many requests a run may make, if that is set. */
    readonly requests: number | undefined;
    /** The largest share of all batches that a run may delete, from 0 to 1. */
    readonly maxShare: number;
    /** How long after the last good run the service is not healthy any more, in milliseconds. */
    readonly overdueAfter: number;
  };
  /** Whether deletions must be recorded, and the path of the SQLite file. */
  readonly storage: { readonly audit: boolean; readonly database: string };
  /** How long a call of the webhook or the gateway may take in all, in milliseconds. */
  readonly gracePeriod: number;
  /** Where a process listens, and when it runs the policy. */
  readonly process: { readonly hostname: string; readonly port: number; readonly schedule: string };
}

/**
 * Reads each section when it is first needed, and only once. An invalid variable throws an
 * `ArgumentError`.
 */
export type Config = { readonly [Name in keyof Sections]: () => Sections[Name] } & {
  /** Whether a variable is set. */
  has(variable: string): boolean;
};

/** The schema of a section: an object of its variables, or a pipe that begins with one. */
type Section<Output> = GenericSchema<unknown, Output> & {
  readonly entries: Readonly<Record<string, unknown>>;
};

const wholeNumber = (least: number, most: number, why: string) =>
  pipe(
    string(),
    regex(/^\d+$/, why),
    transform(Number),
    check((value) => value >= least && value <= most, why),
  );

/** A text that a function reads. Why it cannot is the `why` of its error: another text could quote it. */
const readBy = <Value>(read: (text: string) => Value, otherwise: string) =>
  pipe(
    string(),
    rawTransform<string, Value>(({ dataset, addIssue, NEVER }) => {
      try {
        return read(dataset.value);
      } catch (error) {
        const { why = otherwise }: { readonly why?: string } = Object(error);
        addIssue({ message: why });
        return NEVER;
      }
    }),
  );

/** A duration in ISO 8601, or a number of a unit. */
const duration = (unit: "hours" | "seconds", example: string) => {
  const factor = unit === "hours" ? 3_600_000 : 1_000;
  return pipe(
    string(),
    transform((text) =>
      parseIsoDuration(text) ?? (/^\d+(\.\d+)?$/.test(text) ? Number(text) * factor : NaN)
    ),
    check(
      (value) => value > 0 && Number.isFinite(value),
      `it is neither an ISO 8601 duration such as "${example}" nor a number of ${unit}`,
    ),
  );
};

const key = pipe(string(), regex(/^(?!bearer\b)/i, 'it begins with "Bearer": set the key alone'));

/** As the specification has it, a secret has at least 192 bits. */
function isWebhookSecret(secret: string): boolean {
  try {
    return secret.startsWith("whsec_") && atob(secret.slice(6)).length >= 24;
  } catch {
    return false; // it is not base64; the text of the error could quote it
  }
}

/** What names of tokens look like. */
export const tokenName: RegExp = /^[\w.@ -]{1,64}$/;

/** The SHA-256 by which the service knows a token, in hexadecimal. */
export async function hashToken(token: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
  return hex(new Uint8Array(bytes));
}

const tokensWhy = 'it is not a JSON list of {"name","sha256"}, the sha256 in hexadecimal';
const maxDeletesWhy = "maxDeletesPerDay is not a whole number of 1 or more";

const hashOf = ({ sha256 }: { readonly sha256: string }) => sha256.toLowerCase();

const tokenSchema = strictObject({
  name: pipe(string(), regex(tokenName)),
  sha256: pipe(string(), regex(/^[0-9a-f]{64}$/i)),
  allow: optional(
    pipe(
      array(picklist(scopes, `a scope is none of ${scopes.join(", ")}`)),
      minLength(1, "allow is empty"),
    ),
    ["batches:delete"],
  ),
  expiresAt: optional(pipe(
    string(),
    check((text) => parseTimestamp(text) !== undefined, "expiresAt is not an RFC 3339 date-time"),
  )),
  minDaysSinceEnded: optional(pipe(
    number(),
    check((days) => days >= 0, "minDaysSinceEnded is not a number of 0 or more"),
  )),
  maxDeletesPerDay: optional(pipe(
    number(),
    check((count) => Number.isSafeInteger(count) && count >= 1, maxDeletesWhy),
  )),
}, ({ expected, input }): string => {
  if (expected !== "never") return tokensWhy;
  const name = String(input);
  return `${quoteKey(name)} of a token: ${suggest(name, Object.keys(tokenSchema.entries))}`;
});

const unset = "it is not set";
const shareWhy = 'it is not a share such as "50%"';

const sections: { readonly [Name in keyof Sections]: Section<Sections[Name]> } = {
  client: pipe(
    object({
      ANTHROPIC_API_KEY: optional(key),
      ANTHROPIC_AUTH_TOKEN: optional(key),
      ANTHROPIC_BASE_URL: optional(string()),
      ANTHROPIC_WORKSPACE_ID: optional(string()),
    }),
    transform((variables) => ({
      apiKey: variables.ANTHROPIC_API_KEY,
      authToken: variables.ANTHROPIC_AUTH_TOKEN,
      baseUrl: variables.ANTHROPIC_BASE_URL,
      workspaceId: variables.ANTHROPIC_WORKSPACE_ID,
    })),
  ),
  adminKey: variable("ANTHROPIC_ADMIN_KEY", key),
  webhookSecrets: variable(
    "WEBHOOK_SECRETS",
    pipe(
      string(),
      transform((text) => text.split(/[\s,]+/).filter((secret) => secret !== "")),
      minLength(1, unset),
      array(pipe(
        string(),
        check(isWebhookSecret, "a secret is not whsec_ and the base64 of 24 bytes or more"),
      )),
    ),
  ),
  gatewayTokens: variable(
    "GATEWAY_TOKENS",
    withMessage(
      pipe(
        readBy(
          (text) =>
            parseJsonOnce(text, (member, why) => cannotUse("GATEWAY_TOKENS", `${member} ${why}`)),
          tokensWhy,
        ),
        array(tokenSchema),
        minLength(1),
        check((all) => new Set(all.map(hashOf)).size === all.length, "two have the same sha256"),
      ),
      { message: tokensWhy },
    ),
  ),
  policy: variable("RETENTION_POLICY", optional(readBy(parsePolicyText, "it is not JSON"))),
  retention: pipe(
    object({
      RETENTION_REQUESTS: optional(wholeNumber(1, 1e9, "it is not a whole number of 1 or more")),
      RETENTION_MAX_SHARE: optional(
        pipe(
          string(),
          regex(/^\d+(\.\d+)? *%$/, shareWhy),
          transform((text) => parseFloat(text) / 100),
          check((share) => share <= 1, shareWhy),
        ),
        "100%",
      ),
      RETENTION_OVERDUE_AFTER: optional(duration("hours", "PT26H"), "PT26H"),
    }),
    transform((variables) => ({
      requests: variables.RETENTION_REQUESTS,
      maxShare: variables.RETENTION_MAX_SHARE,
      overdueAfter: variables.RETENTION_OVERDUE_AFTER,
    })),
  ),
  storage: pipe(
    object({
      AUDIT: optional(picklist(["on", "off"], 'it is neither "on" nor "off"'), "on"),
      DATABASE: optional(string()),
    }),
    transform(({ AUDIT, DATABASE }) => ({
      audit: AUDIT === "on",
      database: DATABASE ?? (AUDIT === "on" ? "batchsweep.sqlite" : ":memory:"),
    })),
  ),
  gracePeriod: variable("GRACE_PERIOD", optional(duration("seconds", "PT25S"), "PT25S")),
  process: pipe(
    object({
      HOST: optional(string(), "127.0.0.1"),
      PORT: optional(wholeNumber(0, 65_535, "it is not a whole number from 0 to 65535"), "8787"),
      RETENTION_SCHEDULE: optional(string(), "17 3 * * *"),
    }),
    transform(({ HOST, PORT, RETENTION_SCHEDULE }) => ({
      hostname: HOST,
      port: PORT,
      schedule: RETENTION_SCHEDULE,
    })),
  ),
};

/** A section of one variable, whose value it is. */
function variable<Output>(name: string, schema: GenericSchema<unknown, Output>): Section<Output> {
  return pipe(object({ [name]: schema }, unset), transform((read) => read[name] as Output));
}

/** The variables of the service. */
export const variableNames: readonly string[] = Object.values(sections)
  .flatMap(({ entries }) => Object.keys(entries));

/**
 * Reads the configuration of the service. For another environment, make another.
 *
 * @param more Options of the client that are not in the environment.
 */
export function readConfig(environment: Environment, more: Client = {}): Config {
  const read = (name: string) => environment[name];
  const known = new Map<keyof Sections, unknown>();
  const section = <Name extends keyof Sections>(name: Name): Sections[Name] => {
    if (!known.has(name)) {
      const value = parse(sections[name], read);
      known.set(name, name === "client" ? checkVariables({ ...Object(value), ...more }) : value);
    }
    return known.get(name) as Sections[Name];
  };
  const names = Object.keys(sections) as (keyof Sections)[];
  return {
    ...Object.fromEntries(names.map((name) => [name, () => section(name)])) as unknown as Config,
    has: (variable) => textOf(read(variable)) !== undefined,
  };
}

/**
 * The client that the environment describes, by the names that the official SDKs use. A blank
 * variable counts as unset.
 *
 * @param read Reads a variable.
 * @param mayRead Whether a variable may be read, where a runtime asks for permission.
 * @throws {ArgumentError} A variable is invalid, or may not be read.
 */
export function clientFrom(
  read: (variable: string) => unknown,
  mayRead: (variable: string) => boolean = () => true,
): Client {
  const denied = Object.keys(sections.client.entries).find((name) => !mayRead(name));
  if (denied !== undefined) throw unreadable(denied);
  return parse(sections.client, read);
}

/** The administrator's key, if it is set. */
export function adminKeyFrom(read: (variable: string) => unknown): string | undefined {
  return parse(variable("ANTHROPIC_ADMIN_KEY", optional(key)), read);
}

/** The error for a variable that Deno does not permit to read. It may be set. */
export function unreadable(variable: string): Error {
  return cannotUse(variable, `this process may not read it: permit --allow-env=${variable}`);
}

/** Checks a client as the library does, and names the variable in the error. */
function checkVariables(client: Client): Client {
  try {
    checkClient(client);
    return client;
  } catch (error) {
    if (!isArgumentError(error)) throw error;
    if (error.subject === "client") {
      throw cannotUse("ANTHROPIC_API_KEY", "neither it nor ANTHROPIC_AUTH_TOKEN is set");
    }
    throw cannotUse(clientVariables[error.subject] ?? error.subject, error.why);
  }
}

/** Which variable an option of the client comes from. */
const clientVariables: Readonly<Record<string, string>> = {
  apiKey: "ANTHROPIC_API_KEY",
  authToken: "ANTHROPIC_AUTH_TOKEN",
  baseUrl: "ANTHROPIC_BASE_URL",
  workspaceId: "ANTHROPIC_WORKSPACE_ID",
};

/** Reads the variables of a section. */
function parse<Output>(section: Section<Output>, read: (variable: string) => unknown): Output {
  const given: Record<string, string> = {};
  for (const name of Object.keys(section.entries)) {
    const text = textOf(read(name));
    if (text === undefined) continue;
    if (/^["'`]|["'`]$/.test(text)) throw cannotUse(name, "it is in quotes: leave them out");
    given[name] = text;
  }
  const result = safeParse(section, given);
  if (result.success) return result.output;
  const [{ path, message }] = result.issues;
  throw cannotUse(String(path?.[0].key), message);
}

/** The text of a variable. In a Worker, a number is its digits, a list or an object its JSON. */
function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return text.trim() || undefined;
}
