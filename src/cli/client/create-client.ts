import type { Client, RequestEvent } from "../../core/client.ts";
import type { DeletableResource } from "../../core/resource.ts";
import { checkClient } from "../../core/settings.ts";
import { clientFrom } from "../../service/environment.ts";
import { checkPermission } from "./check-permission.ts";
import { adminKeyVariable, credentialsFor } from "./credentials.ts";
import { CommandError, exitCode } from "../exit-code.ts";
import type { Host } from "../host.ts";

/** What the command line says of the client. */
export interface ClientFlags {
  readonly baseUrl?: string | undefined;
  readonly requestTimeout?: number | undefined;
  readonly maxRetries?: number | undefined;
}

/**
 * The client that the environment and the command line describe for a kind of object, checked. Secrets
 * come from the environment only: a command line is seen by every user of a machine.
 *
 * @throws {CommandError} No credentials, or something cannot be used.
 */
export function createClient(
  host: Pick<Host, "env" | "fetch" | "permits" | "clock">,
  resource: Pick<DeletableResource, "administrative">,
  { requestTimeout, maxRetries, ...flags }: ClientFlags,
  onRequest?: (event: RequestEvent) => void,
): Client & { readonly baseUrl: string } {
  const credentials = credentialsFor(resource, host);
  const { apiKey, authToken } = credentials;
  const named = resource.administrative ? { ...names, apiKey: adminKeyVariable } : names;
  check({ apiKey, authToken }, named, exitCode.credentials);
  const baseUrl = flags.baseUrl ?? String(clientFrom(host.env).baseUrl ?? defaultBaseUrl);
  const { fetch, clock } = host;
  const settings = { timeout: requestTimeout, maxRetries, baseUrl, fetch, clock, onRequest };
  const client = { ...credentials, ...settings };
  check(client, named, exitCode.usage);
  checkPermission(host, baseUrl);
  return client;
}

const defaultBaseUrl = "https://api.anthropic.com";

type Names = Readonly<Record<string, string>>;

const names: Names = {
  apiKey: "ANTHROPIC_API_KEY",
  authToken: "ANTHROPIC_AUTH_TOKEN",
  baseUrl: "--base-url or ANTHROPIC_BASE_URL",
  timeout: "--request-timeout",
  maxRetries: "--max-retries",
  workspaceId: "ANTHROPIC_WORKSPACE_ID",
};

/** Checks as the library does, and says what is wrong in the words of the command line. */
function check(client: Client, named: Names, code: number): void {
  try {
    checkClient(client);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    const message = error.message.replace(
      /^Cannot use (\w+)/,
      (all, name: string) => named[name] === undefined ? all : `Cannot use ${named[name]}`,
    );
    throw new CommandError(message, code);
  }
}
