import type { Client } from "../core/client.ts";
import type { StateStore } from "./retention-status.ts";
import type { RetentionOptions } from "./retention-options.ts";

/** A token that lets its holder delete through the gateway, as the service knows it: by its hash. */
export interface GatewayToken {
  /** Whose it is. It becomes the `actor` of the audit trail. */
  readonly name: string;
  /** The SHA-256 of the token, in hexadecimal. */
  readonly sha256: string;
}

/** What the service works with. What is missing is asked for by the name of its variable. */
export interface ServiceOptions {
  /** Who calls the API, and how. Without it every deletion is answered 500. */
  readonly client?: Client | undefined;
  /**
   * The secrets that webhooks may be signed with, each `whsec_` and base64: several, so that they
   * can be rotated. Without one every webhook is answered 500.
   */
  readonly webhookSecrets?: readonly string[] | undefined;
  /** The tokens of the gateway, as a list or as its JSON. Without one every deletion is answered 500. */
  readonly gatewayTokens?: readonly GatewayToken[] | string | undefined;
  /** What is kept how long: by `scheduled()`, and by holds on every road. */
  readonly retention?: RetentionOptions | undefined;
  /** Where the retention runs keep their state. Without one they fail. */
  readonly stateStore?: StateStore | undefined;
  /** Is told of errors that no route foresees; without it they leave no trace but the 500. */
  readonly onError?: ((error: unknown) => void) | undefined;
}
