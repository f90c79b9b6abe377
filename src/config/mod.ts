/**
 * The configuration of the service and the command, read from environment variables: one schema a
 * variable. An error names its variable, says what to do, and never quotes the value.
 *
 * @module
 */
import { hex } from "../core/bytes.ts";
import { cannotUse, isArgumentError, quoteKey, suggest } from "../core/check.ts";
import { checkClient, type Client } from "../core/client.ts";
import * as v from "../deps.ts";
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

/** What the variables say. */
interface Values {
  readonly apiKey: string | undefined;
  readonly authToken: string | undefined;
  readonly baseUrl: string | undefined;
  readonly workspaceId: string | undefined;
  /** The administrator's key, which kinds of the organization take. */
  readonly adminKey: string;
  /** The secrets that webhooks may be signed with: one at least. */
  readonly webhookSecrets: readonly string[];
  /** The tokens of the gateway: one at least. */
  readonly gatewayTokens: readonly GatewayToken[];
  /** What is kept how long, and held; `undefined` if there is no policy. */
  readonly policy: RetentionPolicy | undefined;
  /** How many requests a retention run may make, if that is set. */
  readonly requests: number | undefined;
  /** The largest share of all batches that a run may delete, from 0 to 1. */
  readonly maxShare: number;
  /** How long after the last good run the service stops being healthy, in milliseconds. */
  readonly overdueAfter: number;
  /** When a process runs the policy, as a cron expression. */
  readonly schedule: string;
  /** Whether deletions must be recorded. */
  readonly audit: boolean;
  /** The path of the SQLite file, if that is set. */
  readonly database: string | undefined;
  /** How long a call of the webhook or the gateway may take in all, in milliseconds. */
  readonly gracePeriod: number;
  /** Where a process listens. */
  readonly hostname: string;
  readonly port: number;
}

/**
 * Reads each variable when it is first needed, and only once. An invalid one throws an
 * `ArgumentError`.
 */
export type Config = { readonly [Name in keyof Values]: () => Values[Name] } & {
  /** Who calls the API, and how. */
  client(): Client;
  /** Whether a variable is set. */
  has(variable: string): boolean;
};

const wholeNumber = (least: number, most: number, why: string) =>
  v.pipe(
    v.string(),
    v.regex(/^\d+$/, why),
    v.transform(Number),
    v.check((value) => value >= least && value <= most, why),
  );

/** A text that a function reads. Why it cannot is the `why` of its error: another text could quote it. */
const readBy = <Value>(read: (text: string) => Value, otherwise: string) =>
  v.pipe(
    v.string(),
    v.rawTransform<string, Value>(({ dataset, addIssue, NEVER }) => {
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
  return v.pipe(
    v.string(),
    v.transform((text) =>
      parseIsoDuration(text) ?? (/^\d+(\.\d+)?$/.test(text) ? Number(text) * factor : NaN)
    ),
    v.check(
      (value) => value > 0 && Number.isFinite(value),
      `it is neither an ISO 8601 duration such as "${example}" nor a number of ${unit}`,
    ),
  );
};

const key = v.pipe(
  v.string(),
  v.regex(/^(?!bearer\b)/i, 'it begins with "Bearer": set the key alone'),
);

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

const tokenSchema = v.strictObject({
  name: v.pipe(v.string(), v.regex(tokenName)),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/i)),
  allow: v.optional(
    v.pipe(
      v.array(v.picklist(scopes, `a scope is none of ${scopes.join(", ")}`)),
      v.minLength(1, "allow is empty"),
    ),
    ["batches:delete"],
  ),
  expiresAt: v.optional(v.pipe(
    v.string(),
    v.check((text) => parseTimestamp(text) !== undefined, "expiresAt is not an RFC 3339 date-time"),
  )),
  minDaysSinceEnded: v.optional(v.pipe(
    v.number(),
    v.check((days) => days >= 0, "minDaysSinceEnded is not a number of 0 or more"),
  )),
  maxDeletesPerDay: v.optional(v.pipe(
    v.number(),
    v.check((count) => Number.isSafeInteger(count) && count >= 1, maxDeletesWhy),
  )),
}, ({ expected, input }): string => {
  if (expected !== "never") return tokensWhy;
  const name = String(input);
  return `${quoteKey(name)} of a token: ${suggest(name, Object.keys(tokenSchema.entries))}`;
});

const unset = "it is not set";
const shareWhy = 'it is not a share such as "50%"';

/** Every value: its variable, and the schema of the text. */
const table: {
  readonly [Name in keyof Values]: readonly [
    variable: string,
    schema: v.GenericSchema<unknown, Values[Name]>,
  ];
} = {
  apiKey: ["ANTHROPIC_API_KEY", v.optional(key)],
  authToken: ["ANTHROPIC_AUTH_TOKEN", v.optional(key)],
  baseUrl: ["ANTHROPIC_BASE_URL", v.optional(v.string())],
  workspaceId: ["ANTHROPIC_WORKSPACE_ID", v.optional(v.string())],
  adminKey: ["ANTHROPIC_ADMIN_KEY", key],
  webhookSecrets: [
    "WEBHOOK_SECRETS",
    v.pipe(
      v.string(),
      v.transform((text) => text.split(/[\s,]+/).filter((secret) => secret !== "")),
      v.minLength(1, unset),
      v.array(v.pipe(
        v.string(),
        v.check(isWebhookSecret, "a secret is not whsec_ and the base64 of 24 bytes or more"),
      )),
    ),
  ],
  gatewayTokens: [
    "GATEWAY_TOKENS",
    v.config(
      v.pipe(
        readBy(
          (text) =>
            parseJsonOnce(text, (member, why) => cannotUse("GATEWAY_TOKENS", `${member} ${why}`)),
          tokensWhy,
        ),
        v.array(tokenSchema),
        v.minLength(1),
        v.check((all) => new Set(all.map(hashOf)).size === all.length, "two have the same sha256"),
      ),
      { message: tokensWhy },
    ),
  ],
  policy: ["RETENTION_POLICY", v.optional(readBy(parsePolicyText, "it is not JSON"))],
  requests: [
    "RETENTION_REQUESTS",
    v.optional(wholeNumber(1, 1e9, "it is not a whole number of 1 or more")),
  ],
  maxShare: [
    "RETENTION_MAX_SHARE",
    v.optional(
      v.pipe(
        v.string(),
        v.regex(/^\d+(\.\d+)? *%$/, shareWhy),
        v.transform((text) => parseFloat(text) / 100),
        v.check((share) => share <= 1, shareWhy),
      ),
      "100%",
    ),
  ],
  overdueAfter: ["RETENTION_OVERDUE_AFTER", v.optional(duration("hours", "PT26H"), "PT26H")],
  schedule: ["RETENTION_SCHEDULE", v.optional(v.string(), "17 3 * * *")],
  audit: [
    "AUDIT",
    v.pipe(
      v.optional(v.picklist(["on", "off"], 'it is neither "on" nor "off"'), "on"),
      v.transform((text) => text === "on"),
    ),
  ],
  database: ["DATABASE", v.optional(v.string())],
  gracePeriod: ["GRACE_PERIOD", v.optional(duration("seconds", "PT25S"), "PT25S")],
  hostname: ["HOST", v.optional(v.string(), "127.0.0.1")],
  port: [
    "PORT",
    v.optional(wholeNumber(0, 65_535, "it is not a whole number from 0 to 65535"), "8787"),
  ],
};

const names = Object.keys(table) as (keyof Values)[];

/** The variables of the service. */
export const variableNames: readonly string[] = names.map((name) => table[name][0]);

/**
 * Reads the configuration of the service. For another environment, make another.
 *
 * @param more Options of the client that are not in the environment.
 */
export function readConfig(environment: Environment, more: Client = {}): Config {
  const read = (variable: string) => environment[variable];
  const known = new Map<string, unknown>();
  const once = <Value>(name: string, get: () => Value) => (): Value => {
    if (!known.has(name)) known.set(name, get());
    return known.get(name) as Value;
  };
  const values = names.map((name) => [name, once(name, () => valueOf(name, read))] as const);
  return {
    ...Object.fromEntries(values) as unknown as Config,
    client: once("client", () => checkVariables({ ...clientFrom(read), ...more })),
    has: (variable) => textOf(read(variable)) !== undefined,
  };
}

/**
 * The client that the environment describes, by the names that the official SDKs use. A blank
 * variable counts as unset.
 *
 * @param read Reads a variable.
 * @throws {ArgumentError} A variable is invalid.
 */
export function clientFrom(read: (variable: string) => unknown): Client {
  const options = ["apiKey", "authToken", "baseUrl", "workspaceId"] as const;
  return Object.fromEntries(options.map((name) => [name, valueOf(name, read)]));
}

/** The administrator's key, if it is set. */
export function adminKeyFrom(read: (variable: string) => unknown): string | undefined {
  const isSet = textOf(read("ANTHROPIC_ADMIN_KEY")) !== undefined;
  return isSet ? valueOf("adminKey", read) : undefined;
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
    const { [error.subject]: [variable] = [error.subject] }: Readonly<
      Record<string, readonly [string, ...unknown[]]>
    > = table;
    throw cannotUse(variable, error.why);
  }
}

function valueOf<Name extends keyof Values>(
  name: Name,
  read: (variable: string) => unknown,
): Values[Name] {
  const [variable, schema] = table[name];
  const text = textOf(read(variable));
  if (text && /^["'`]|["'`]$/.test(text)) {
    throw cannotUse(variable, "it is in quotes: leave them out");
  }
  const result = v.safeParse(schema, text);
  if (result.success) return result.output;
  throw cannotUse(variable, text === undefined ? unset : result.issues[0].message);
}

/** The text of a variable. In a Worker, a number is its digits, a list or an object its JSON. */
function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return text.trim() || undefined;
}
