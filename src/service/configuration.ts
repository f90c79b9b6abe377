/**
 * The parts of the service's options, checked when a request needs them, or all at once: what is
 * missing or broken is a 500 that names the variable, and never an open door.
 *
 * @module
 */
import { checkClient, type Client } from "../core/client.ts";
import { array, object, pipe, regex, safeParse, string } from "../deps.ts";
import { Webhook } from "./deps.ts";
import { inVariables } from "./environment.ts";
import type { GatewayToken, ServiceOptions } from "./options.ts";
import { Problem } from "./problem.ts";
import { retentionOf, type RetentionSettings } from "./retention-settings.ts";

/**
 * Checks all of the options, and nothing else: no request is made, no store is asked.
 *
 * @returns The retention options; undefined: there is no policy.
 * @throws {Problem} What cannot be used. 503: no retention run can do without it; deletions on demand
 *   may.
 */
export function checkOptions(options: ServiceOptions): RetentionSettings | undefined {
  const { gatewayTokens, webhookSecrets, retention } = options;
  // A way in is enough, and so is a policy, which needs none.
  const hasPurpose = gatewayTokens !== undefined || retention?.policy !== undefined;
  if (gatewayTokens !== undefined) tokensOf(options);
  if (!hasPurpose || webhookSecrets?.length) verifiersOf(options);
  clientOf(options);
  try {
    return retentionOf(options);
  } catch (error) {
    throw error instanceof Problem ? new Problem(503, error.message) : error;
  }
}

/** The client, ready for a call. */
export function clientOf({ client }: ServiceOptions): Client {
  try {
    checkClient(client ?? {});
  } catch (error) {
    throw new Problem(500, inVariables(error));
  }
  return client ?? {};
}

/** What verifies webhooks: one for each secret. */
export function verifiersOf({ webhookSecrets = [] }: ServiceOptions): readonly Webhook[] {
  if (webhookSecrets.length === 0) {
    throw new Problem(500, "Cannot use WEBHOOK_SECRETS: it is not set");
  }
  return webhookSecrets.map((secret) => {
    try {
      // As the specification has it, a secret has at least 192 bits.
      if (secret.startsWith("whsec_") && atob(secret.slice(6)).length >= 24) {
        return new Webhook(secret);
      }
    } catch {
      // It is not base64. The text of the error could quote it.
    }
    throw new Problem(
      500,
      "Cannot use WEBHOOK_SECRETS: a secret is not whsec_ and the base64 of 24 bytes or more",
    );
  });
}

const tokensSchema = array(object({
  name: pipe(string(), regex(/^[\w.@ -]{1,64}$/)),
  sha256: pipe(string(), regex(/^[0-9a-f]{64}$/i)),
}));

/** The tokens of the gateway. */
export function tokensOf({ gatewayTokens }: ServiceOptions): readonly GatewayToken[] {
  if (gatewayTokens === undefined) {
    throw new Problem(500, "Cannot use GATEWAY_TOKENS: it is not set");
  }
  let value: unknown = gatewayTokens;
  try {
    if (typeof gatewayTokens === "string") value = JSON.parse(gatewayTokens);
  } catch {
    // Not a list, then.
  }
  const tokens = safeParse(tokensSchema, value);
  if (tokens.success && tokens.output.length > 0) return tokens.output;
  throw new Problem(
    500,
    'Cannot use GATEWAY_TOKENS: it is not a JSON list of {"name","sha256"}, the sha256 in hexadecimal',
  );
}
