import type { Client } from "../../core/client.ts";
import { PurgeRefusedError } from "../../core/errors.ts";
import { CommandError } from "../exit-code.ts";
import { explainError } from "../terminal/explain-error.ts";

/** What an error means that came before anything was deleted. */
export function planningError(
  error: unknown,
  client: Client & { readonly baseUrl: string },
): unknown {
  if (error instanceof PurgeRefusedError) return new CommandError(error.message);
  return explainError(error, client);
}
