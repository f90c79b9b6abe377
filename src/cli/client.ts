/**
 * The client that the environment and the command line describe.
 *
 * @module
 */
import { isArgumentError } from "../core/check.ts";
import { checkClient, type Client, type RequestEvent, type Settings } from "../core/client.ts";
import { type DeletableResource, messageBatch } from "../core/delete.ts";
import { adminKeyFrom, clientFrom, unreadable } from "../config/mod.ts";
import { CommandError, exitCode } from "./errors.ts";
import type { Host } from "./host.ts";
import type { Flags } from "./options.ts";
import { adminKeyVariable, type Context } from "./output.ts";
import { describeRequest } from "./text.ts";

/** A client whose API is known. */
export type CommandClient = Client & { readonly baseUrl: string };

/**
 * Makes the client for a kind of object, and checks it. Secrets come from the environment only, since
 * every user of a machine can see its command lines.
 */
export function createClient(
  { host, output }: {
    readonly host: Omit<Host, "stdin" | "stdout" | "stderr" | "signal" | "serve" | "files">;
    readonly output: Pick<Context["output"], "note">;
  },
  { requestTimeout, maxRetries, verbose, actor, reason, ...flags }: Flags = {},
  { administrative }: DeletableResource = messageBatch,
): CommandClient {
  // Deno does not tell whether a variable is set that may not be read, so nothing goes on.
  const denied = administrative
    ? []
    : [...flags.baseUrl === undefined ? ["ANTHROPIC_BASE_URL"] : [], "ANTHROPIC_WORKSPACE_ID"]
      .filter((variable) => host.mayRead?.(variable) === false);
  const credentials = credentialsFor(administrative, host);
  const { apiKey, authToken } = credentials;
  const named = administrative ? { ...names, apiKey: adminKeyVariable } : names;
  check({ apiKey, authToken }, named, exitCode.credentials);
  for (const variable of denied) throw new CommandError(unreadable(variable).message);
  const baseUrl = flags.baseUrl ?? String(read(clientFrom, host).baseUrl ?? defaultBaseUrl);
  const client = {
    ...credentials,
    baseUrl,
    timeout: requestTimeout,
    maxRetries,
    actor,
    reason,
    fetch: host.fetch,
    clock: host.clock,
    onRequest: verbose
      ? (event: RequestEvent) => void output.note(`${describeRequest(event)}\n`)
      : undefined,
  };
  check(client, named, exitCode.usage);
  checkConnection(host, baseUrl);
  return client;
}

/** Checks that a URL may be requested. Plain HTTP is for loopback: a proxy would see the key. */
export function checkConnection(host: Pick<Host, "permits" | "bypassProxy">, url: string): void {
  checkPermission(host, url);
  const { protocol, hostname, origin } = new URL(url);
  if (protocol !== "http:" || host.bypassProxy?.(hostname) !== false) return;
  throw new CommandError(
    `Cannot use ${origin}: a proxy could see the key; permit --allow-env=NO_PROXY`,
  );
}

const defaultBaseUrl = "https://api.anthropic.com";

/** The names of the client's options on the command line and in the environment. */
const names: Readonly<Record<string, string>> = {
  apiKey: "ANTHROPIC_API_KEY",
  authToken: "ANTHROPIC_AUTH_TOKEN",
  baseUrl: "--base-url or ANTHROPIC_BASE_URL",
  timeout: "--request-timeout",
  maxRetries: "--max-retries",
  workspaceId: "ANTHROPIC_WORKSPACE_ID",
  actor: "--actor",
  reason: "--reason",
};

/**
 * Finds the credentials for a kind of object. Objects of the organization take the administrator's
 * key and are in no workspace. All others take the API key or the token. None replaces another.
 */
function credentialsFor(
  administrative: boolean | undefined,
  host: Pick<Host, "env">,
): Pick<Client, "apiKey" | "authToken" | "workspaceId"> {
  const missing = (why: string) =>
    new CommandError(`Cannot find credentials: ${why}`, exitCode.credentials);
  if (administrative) {
    const apiKey = read(adminKeyFrom, host);
    if (apiKey !== undefined) return { apiKey };
    throw missing(`${adminKeyVariable} is not set, or may not be read`);
  }
  const { apiKey, authToken, workspaceId } = read(clientFrom, host);
  if (apiKey !== undefined || authToken !== undefined) return { apiKey, authToken, workspaceId };
  throw missing("neither ANTHROPIC_API_KEY nor ANTHROPIC_AUTH_TOKEN is set, or may be read");
}

/** Reads a part of the environment. */
function read<Part>(from: (env: Host["env"]) => Part, { env }: Pick<Host, "env">): Part {
  try {
    return from(env);
  } catch (error) {
    if (!isArgumentError(error)) throw error;
    const isSecret = /_KEY$|_TOKEN$/.test(error.subject);
    throw new CommandError(error.message, isSecret ? exitCode.credentials : exitCode.usage);
  }
}

/** Checks a client as the library does. A message has the name of the command line. */
export function check(
  client: Client,
  named: Readonly<Record<string, string>>,
  code: number,
): Settings {
  try {
    return checkClient(client);
  } catch (error) {
    if (!isArgumentError(error)) throw error;
    const { subject, why } = error;
    throw new CommandError(`Cannot use ${named[subject] ?? subject}: ${why}`, code);
  }
}

/** Checks that a URL may be requested or served, before the runtime refuses it in its own words. */
export function checkPermission(host: Pick<Host, "permits">, url: string): void {
  if (host.permits?.(new URL(url)) !== false) return;
  throw new CommandError(
    `Cannot use ${new URL(url).host}: this process has no permission for it (--allow-net)`,
  );
}
