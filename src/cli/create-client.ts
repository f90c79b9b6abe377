import type { Client, RequestEvent } from "../core/client.ts";
import { checkClient } from "../core/settings.ts";
import { clientFrom } from "../service/environment.ts";
import { CommandError, exitCode } from "./exit-code.ts";
import { checkPermission } from "./check-permission.ts";
import type { Host } from "./host.ts";

/** What the command line says of the client. */
export interface ClientFlags {
  readonly baseUrl?: string | undefined;
  readonly timeout?: number | undefined;
  readonly maxRetries?: number | undefined;
}

/**
 * The client that the environment and the command line describe, checked. Secrets come from the
 * environment only: a command line is seen by every user of a machine.
 *
 * @throws {CommandError} No credentials, or something cannot be used.
 */
export function createClient(
  host: Pick<Host, "env" | "fetch" | "permits">,
  flags: ClientFlags,
  onRequest?: (event: RequestEvent) => void,
): Client & { readonly baseUrl: string } {
  const { apiKey, authToken, workspaceId, ...from } = clientFrom(host.env);
  if (apiKey === undefined && authToken === undefined) {
    throw new CommandError(
      "Cannot find credentials: neither ANTHROPIC_API_KEY nor ANTHROPIC_AUTH_TOKEN is set, or may be read",
      exitCode.credentials,
    );
  }
  check({ apiKey, authToken }, exitCode.credentials);
  const baseUrl = flags.baseUrl ?? String(from.baseUrl ?? "https://api.anthropic.com");
  const client = {
    ...flags,
    apiKey,
    authToken,
    baseUrl,
    workspaceId,
    fetch: host.fetch,
    onRequest,
  };
  check(client, exitCode.usage);
  checkPermission(host, baseUrl);
  return client;
}

const names: Readonly<Record<string, string>> = {
  apiKey: "ANTHROPIC_API_KEY",
  authToken: "ANTHROPIC_AUTH_TOKEN",
  baseUrl: "--base-url or ANTHROPIC_BASE_URL",
  timeout: "--timeout",
  maxRetries: "--max-retries",
  workspaceId: "ANTHROPIC_WORKSPACE_ID",
};

/** Checks as the library does, and says what is wrong in the words of the command line. */
function check(client: Client, code: number): void {
  try {
    checkClient(client);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    const message = error.message.replace(
      /^Cannot use (\w+)/,
      (all, name: string) => names[name] === undefined ? all : `Cannot use ${names[name]}`,
    );
    throw new CommandError(message, code);
  }
}
