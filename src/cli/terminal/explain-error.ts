import { BatchsweepError } from "../../core/errors.ts";
import { outcomeError } from "../../purge/outcome.ts";
import { stopReason } from "../../purge/stop-reason.ts";
import { CommandError, exitCode } from "../exit-code.ts";

/**
 * What an error of the library means for a command that cannot go on without the call.
 *
 * @param error What was caught.
 * @param client Where it called.
 * @returns A {@link CommandError}; what is no error of the library comes back as it is.
 */
export function explainError(error: unknown, client: { readonly baseUrl: string }): unknown {
  if (!(error instanceof BatchsweepError)) return error;
  const { code, message, requestId, ...refusal } = outcomeError(error);
  const refused = stopReason({ code, message, ...refusal }, 0) === "credentials_refused";
  const request = requestId === undefined ? "" : ` (${requestId})`;
  const { status, type } = refusal;
  // What answers without an error of the API's shape, or has no such route, may be something else.
  const strange = code === "ERR_INVALID_RESPONSE" || status === 404 ||
    (status !== undefined && type === undefined);
  const unreached = code === "ERR_CONNECTION" || code === "ERR_TIMEOUT";
  const place = unreached || strange ? `\nThe API was looked for at ${client.baseUrl}` : "";
  return new CommandError(
    `${message}${request}${place}`,
    refused ? exitCode.credentials : exitCode.failed,
  );
}
