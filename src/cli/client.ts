/** The client that the environment and the command line describe. */
import { isArgumentError } from "../core/check.ts";
import { checkClient, type Client, type RequestEvent, type Settings } from "../core/client.ts";
import { type DeletableResource, messageBatch } from "../core/delete.ts";
import { adminKeyFrom, clientFrom, unreadable } from "../config/mod.ts";
import { CommandError, exitCode } from "./errors.ts";
import type { Host, Paths } from "./host.ts";
import type { Flags } from "./options.ts";
import { adminKeyVariable, type Context } from "./output.ts";
import { describeRequest } from "./text.ts";

/** A client whose API is known. */
export type CommandClient = Client & { readonly baseUrl: string };

/**
 * Makes the client for a kind of object, and checks it. Secrets come from the environment only, since
 * every user of a machine can see its command lines. Objects of the organization take the
 * administrator's key and are in no workspace; all others take the API key or the token.
 */
export function createClient(
  { host, output }: {
    readonly host: Omit<Host, "stdin" | "stdout" | "stderr" | "signal" | "serve" | "files">;
    readonly output: Pick<Context["output"], "note">;
  },
  { requestTimeout, maxRetries, verbose, actor, reason, ...flags }: Flags = {},
  { administrative }: DeletableResource = messageBatch,
): CommandClient {
  const { baseUrl, ...own } = explained(() => clientFrom(host.env));
  const { apiKey, authToken, workspaceId }: Client = administrative
    ? { apiKey: explained(() => adminKeyFrom(host.env)) }
    : own;
  if (apiKey === undefined && authToken === undefined) {
    const variables = ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"];
    throw noCredentials(host, ...administrative ? [adminKeyVariable] : variables);
  }
  // Deno does not tell whether a variable is set that may not be read, so nothing goes on.
  const others = administrative ? [] : ["ANTHROPIC_BASE_URL", "ANTHROPIC_WORKSPACE_ID"];
  const denied = others.slice(flags.baseUrl === undefined ? 0 : 1)
    .find((variable) => host.mayRead?.(variable) === false);
  if (denied !== undefined) throw new CommandError(unreadable(denied).message);
  const client = {
    apiKey,
    authToken,
    workspaceId,
    baseUrl: String(flags.baseUrl ?? baseUrl ?? "https://api.anthropic.com"),
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
  check(client, administrative ? { ...names, apiKey: adminKeyVariable } : names);
  checkConnection(host, client.baseUrl);
  return client;
}

/** The error if none of these variables is set, or Deno does not permit to read them. */
export function noCredentials(
  { mayRead = () => true }: Pick<Host, "mayRead">,
  ...names: readonly string[]
): CommandError {
  const denied = names.every(mayRead) ? "" : `; Deno needs --allow-env=${names.join()}`;
  const message = `Cannot find credentials: set ${names.join(" or ")}${denied}`;
  return new CommandError(message, exitCode.credentials);
}

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

/** Checks a client as the library does. An error has the name of the command line. */
export function check(client: Client, named: Readonly<Record<string, string>>): Settings {
  return explained(() => checkClient(client), named);
}

/** Calls something, and puts an error of an argument into the words of the command. */
export function explained<Value>(
  call: () => Value,
  named: Readonly<Record<string, string>> = {},
): Value {
  try {
    return call();
  } catch (error) {
    if (!isArgumentError(error)) throw error;
    const { [error.subject]: name = error.subject } = named;
    const code = /_KEY$|_TOKEN$/.test(name) ? exitCode.credentials : exitCode.usage;
    throw new CommandError(`Cannot use ${name}: ${error.why}`, code);
  }
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

/** Checks that a URL may be requested or served, before the runtime refuses it in its own words. */
export function checkPermission(host: Pick<Host, "permits">, url: string): void {
  if (host.permits?.(new URL(url)) !== false) return;
  throw new CommandError(
    `Cannot use ${new URL(url).host}: this process has no permission for it (--allow-net)`,
  );
}

/** The words that start this command again, able to call a URL, and to read and write paths. */
export function commandOf(
  host: Pick<Host, "commandLine">,
  url: string,
  paths?: Paths,
): readonly string[] {
  return host.commandLine?.(new URL(url), paths) ?? ["batchsweep"];
}
