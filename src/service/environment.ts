import { isArgumentError } from "../core/check.ts";
import type { Client } from "../core/client.ts";
import type { ServiceOptions } from "./options.ts";

/** Reads one variable of a runtime's environment. */
export type Environment = (name: string) => string | undefined;

/** Which variable a member of the client comes from. */
const variables: Readonly<Record<string, string>> = {
  apiKey: "ANTHROPIC_API_KEY",
  authToken: "ANTHROPIC_AUTH_TOKEN",
  baseUrl: "ANTHROPIC_BASE_URL",
  workspaceId: "ANTHROPIC_WORKSPACE_ID",
};

/**
 * The client that the environment describes, by the names that the official SDKs use. A blank
 * variable counts as unset.
 */
export function clientFrom(environment: Environment): Client {
  const read = (name: string) => environment(name)?.trim() || undefined;
  return {
    apiKey: read("ANTHROPIC_API_KEY"),
    authToken: read("ANTHROPIC_AUTH_TOKEN"),
    baseUrl: read("ANTHROPIC_BASE_URL"),
    workspaceId: read("ANTHROPIC_WORKSPACE_ID"),
  };
}

const noCredentials = "Cannot use ANTHROPIC_API_KEY: neither it nor ANTHROPIC_AUTH_TOKEN is set";

/** The words for an error of `checkClient()`, with the variable in the place of the option. */
export function inVariables(error: unknown): string {
  if (!isArgumentError(error)) return "Cannot use the client";
  if (error.subject === "client") return noCredentials;
  return `Cannot use ${variables[error.subject] ?? error.subject}: ${error.why}`;
}

/** The options of the service that the environment describes. */
export function serviceOptionsFrom(environment: Environment): ServiceOptions {
  const read = (name: string) => environment(name)?.trim() || undefined;
  return {
    client: clientFrom(environment),
    gatewayTokens: read("GATEWAY_TOKENS"),
    retention: {
      policy: read("RETENTION_POLICY"),
      maxShare: read("RETENTION_MAX_SHARE"),
      requests: read("RETENTION_REQUESTS"),
      overdueAfter: read("RETENTION_OVERDUE_AFTER"),
    },
    webhookSecrets: environment("WEBHOOK_SECRETS")?.split(/[\s,]+/).filter((secret) =>
      secret !== ""
    ),
  };
}
