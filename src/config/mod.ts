/**
 * The configuration of the service and the command, read from environment variables: one schema a
 * section. An error names its variable, says what to do, and never quotes the value.
 *
 * @module
 */
import { hex } from "../core/bytes.ts";
import { cannotUse, isArgumentError, quoteKey, suggest } from "../core/check.ts";
import { checkClient, type Client } from "../core/client.ts";
import { InvalidPolicyError } from "../core/errors.ts";
import {
  array,
  check,
  config as withMessage,
  type GenericSchema,
  minLength,
  number,
  object,
  optional,
  parseJson,
  picklist,
  pipe,
  rawTransform,
  regex,
  safeParse,
  strictObject,
  string,
  transform,
} from "../deps.ts";
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
export const deleteScope = ({ name }: { readonly name: string }): Scope => `${name}s:delete`;

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

/** How retention runs behave. */
export interface RetentionLimits {
  /** How many requests a run may make, if that is set. */
  readonly requests: number | undefined;
  /** The largest share of all batches that a run may delete, from 0 to 1. */
  readonly maxShare: number;
  /** How long after the last good run the service is not healthy any more, in milliseconds. */
  readonly overdueAfter: number;
}

/**
 * The sections of the configuration. A section is read when it is first needed, and only once.
 *
 * Each throws an `ArgumentError` if one of its variables is invalid.
 */
export interface Config {
  /** Who calls the API, and how. */
  client(): Client;
  /** The administrator's key, which kinds of the organization take. */
  adminKey(): string;
  /** The secrets that webhooks may be signed with: one at least. */
  webhookSecrets(): readonly string[];
  /** The tokens of the gateway: one at least. */
  gatewayTokens(): readonly GatewayToken[];
  /** What is kept how long, and held; `undefined` if there is no policy. */
  policy(): RetentionPolicy | undefined;
  retention(): RetentionLimits;
  storage(): {
    /** Whether deletions must be recorded. */
    readonly audit: boolean;
    /** The path of the SQLite file. */
    readonly database: string;
  };
  /** How long a call of the webhook or the gateway may take in all, in milliseconds. */
  gracePeriod(): number;
  /** Where a process listens, and when it runs the policy. */
  process(): { readonly hostname: string; readonly port: number; readonly schedule: string };
  /** Whether a variable is set. */
  has(variable: string): boolean;
}

/** The schema of a whole number in a range, given in digits. */
const wholeNumber = (least: number, most: number, why: string) =>
  pipe(
    string(),
    regex(/^\d+$/, why),
    transform(Number),
    check((value) => value >= least && value <= most, why),
  );

const clientSection = pipe(
  object({
    ANTHROPIC_API_KEY: optional(keySchema()),
    ANTHROPIC_AUTH_TOKEN: optional(keySchema()),
    ANTHROPIC_BASE_URL: optional(string()),
    ANTHROPIC_WORKSPACE_ID: optional(string()),
  }),
  transform((variables): Client => ({
    apiKey: variables.ANTHROPIC_API_KEY,
    authToken: variables.ANTHROPIC_AUTH_TOKEN,
    baseUrl: variables.ANTHROPIC_BASE_URL,
    workspaceId: variables.ANTHROPIC_WORKSPACE_ID,
  })),
);

const adminSection = object({ ANTHROPIC_ADMIN_KEY: optional(keySchema()) });

function keySchema() {
  return pipe(string(), regex(/^(?!bearer\b)/i, 'it begins with "Bearer": set the key alone'));
}

const secretWhy = "a secret is not whsec_ and the base64 of 24 bytes or more";

const webhookSection = object({
  WEBHOOK_SECRETS: pipe(
    string(),
    transform((text) => text.split(/[\s,]+/).filter((secret) => secret !== "")),
    minLength(1, "it is not set"),
    array(pipe(string(), check(isWebhookSecret, secretWhy))),
  ),
}, "it is not set");

/** As the specification has it, a secret has at least 192 bits. */
function isWebhookSecret(secret: string): boolean {
  try {
    return secret.startsWith("whsec_") && atob(secret.slice(6)).length >= 24;
  } catch {
    return false; // it is not base64; the text of the error could quote it
  }
}

const tokensWhy = 'it is not a JSON list of {"name","sha256"}, the sha256 in hexadecimal';
const maxDeletesWhy = "maxDeletesPerDay is not a whole number of 1 or more";

/** What names of tokens look like. */
export const tokenName: RegExp = /^[\w.@ -]{1,64}$/;

/** The SHA-256 by which the service knows a token, in hexadecimal. */
export async function hashToken(token: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
  return hex(new Uint8Array(bytes));
}

/** The schema of one token. */
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
  const key = String(input);
  return `${quoteKey(key)} of a token: ${suggest(key, Object.keys(tokenSchema.entries))}`;
});

const gatewaySection = object({
  GATEWAY_TOKENS: withMessage(
    pipe(
      string(),
      parseJson(),
      array(tokenSchema),
      minLength(1),
    ),
    { message: tokensWhy },
  ),
}, "it is not set");

const policySection = object({
  RETENTION_POLICY: optional(pipe(
    string(),
    rawTransform(({ dataset, addIssue, NEVER }) => {
      try {
        return parsePolicyText(dataset.value);
      } catch (error) {
        // The text of another error could quote it.
        addIssue({ message: error instanceof InvalidPolicyError ? error.why : "it is not JSON" });
        return NEVER;
      }
    }),
  )),
});

/** The schema of a duration: in ISO 8601, or a number of a unit. */
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

const shareWhy = 'it is not a share such as "50%"';

const retentionSection = pipe(
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
  transform((variables): RetentionLimits => ({
    requests: variables.RETENTION_REQUESTS,
    maxShare: variables.RETENTION_MAX_SHARE,
    overdueAfter: variables.RETENTION_OVERDUE_AFTER,
  })),
);

const storageSection = pipe(
  object({
    AUDIT: optional(picklist(["on", "off"], 'it is neither "on" nor "off"'), "on"),
    DATABASE: optional(string()),
  }),
  transform(({ AUDIT, DATABASE }) => ({
    audit: AUDIT === "on",
    database: DATABASE ?? (AUDIT === "on" ? "batchsweep.sqlite" : ":memory:"),
  })),
);

const callSection = object({ GRACE_PERIOD: optional(duration("seconds", "PT25S"), "PT25S") });

const processSection = pipe(
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
);

/** The variables of the service. */
export const variableNames: readonly string[] = [
  clientSection,
  adminSection,
  webhookSection,
  gatewaySection,
  policySection,
  retentionSection,
  storageSection,
  callSection,
  processSection,
].flatMap(namesIn);

/**
 * Reads the configuration of the service. For another environment, make another.
 *
 * @param more Options of the client that are not in the environment.
 */
export function readConfig(environment: Environment, more: Client = {}): Config {
  const read = (name: string) => environment[name];
  return {
    client: once(() => checkVariables({ ...clientFrom(read), ...more })),
    adminKey: once(() => {
      const key = adminKeyFrom(read);
      if (key === undefined) throw cannotUse("ANTHROPIC_ADMIN_KEY", "it is not set");
      return key;
    }),
    webhookSecrets: once(() => parse(webhookSection, read).WEBHOOK_SECRETS),
    gatewayTokens: once(() => parse(gatewaySection, read).GATEWAY_TOKENS),
    policy: once(() => parse(policySection, read).RETENTION_POLICY),
    retention: once(() => parse(retentionSection, read)),
    storage: once(() => parse(storageSection, read)),
    gracePeriod: once(() => parse(callSection, read).GRACE_PERIOD),
    process: once(() => parse(processSection, read)),
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
  const denied = namesIn(clientSection).find((name) => !mayRead(name));
  if (denied !== undefined) throw unreadable(denied);
  return parse(clientSection, read);
}

/**
 * The administrator's key.
 *
 * @throws {ArgumentError} It is invalid.
 */
export function adminKeyFrom(read: (variable: string) => unknown): string | undefined {
  return parse(adminSection, read).ANTHROPIC_ADMIN_KEY;
}

/** The error for a variable that Deno does not permit to read. It may be set, so nothing goes on. */
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

type Entries = Readonly<Record<string, unknown>>;

/** A section: the schema of an object, or a pipe that begins with one. */
type Section<Output> = GenericSchema<unknown, Output> & { readonly entries: Entries };

function namesIn({ entries }: { readonly entries: Entries }): readonly string[] {
  return Object.keys(entries);
}

/** Reads the variables of a section. */
function parse<Output>(section: Section<Output>, read: (variable: string) => unknown): Output {
  const given: Record<string, string> = {};
  for (const name of namesIn(section)) {
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

/** Remembers the result of a function once there is one. */
function once<Value>(read: () => Value): () => Value {
  let known: { readonly value: Value } | undefined;
  return () => (known ??= { value: read() }).value;
}
