import type { Client } from "../../core/client.ts";

/** A client that is watched until the API has taken a request. */
export interface Watched {
  readonly client: Client;
  /** Resolves with the first answer that is no refusal: the address and the key are good. */
  readonly answered: Promise<void>;
}

/** Watches a client for its first answer that is no refusal. */
export function watchFirstAnswer(client: Client): Watched {
  let open = () => {};
  const answered = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {
    answered,
    client: {
      ...client,
      onRequest(event) {
        if (event.status !== undefined && event.status < 400) open();
        return client.onRequest?.(event);
      },
    },
  };
}
