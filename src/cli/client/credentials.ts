import type { Client } from "../../core/client.ts";
import type { DeletableResource } from "../../core/resource.ts";
import { clientFrom } from "../../service/environment.ts";
import { CommandError, exitCode } from "../exit-code.ts";
import type { Host } from "../host.ts";

/** The variable of the administrator's key. */
export const adminKeyVariable = "ANTHROPIC_ADMIN_KEY";

/** What of a client comes from the environment, and says who calls. */
export type Credentials = Pick<Client, "apiKey" | "authToken" | "workspaceId">;

/**
 * Who deletes objects of a kind. What belongs to the organization takes the administrator's key and
 * is in no workspace; everything else takes the key or the token. Neither stands in for the other.
 *
 * @throws {CommandError} The environment does not say.
 */
export function credentialsFor(
  { administrative }: Pick<DeletableResource, "administrative">,
  { env }: Pick<Host, "env">,
): Credentials {
  if (administrative) {
    const apiKey = env(adminKeyVariable)?.trim();
    if (apiKey) return { apiKey };
    throw missing(`${adminKeyVariable} is not set, or may not be read`);
  }
  const { apiKey, authToken, workspaceId } = clientFrom(env);
  if (apiKey !== undefined || authToken !== undefined) return { apiKey, authToken, workspaceId };
  throw missing(
    "neither ANTHROPIC_API_KEY nor ANTHROPIC_AUTH_TOKEN is set, or may be read",
  );
}

function missing(why: string): CommandError {
  return new CommandError(`Cannot find credentials: ${why}`, exitCode.credentials);
}
