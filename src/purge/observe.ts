import type { Client, Fetch, RequestEvent } from "../core/client.ts";
import { redactor } from "../core/redact.ts";
import { idIn } from "../core/response.ts";
import { settingsOf } from "../core/settings.ts";
import { unlessAborted } from "../core/unless-aborted.ts";

/** A client whose traffic is looked at, and what was seen. */
export interface Observed {
  readonly client: Client;
  /** How many deletions were sent. */
  deletions(): number;
  /** The workspaces that answers of the base URL's origin named, by `anthropic-workspace-id`. */
  readonly workspaces: ReadonlySet<string>;
  /** Whether it is certain that no deletion that was sent took place. */
  nothingDone(): boolean;
}

/**
 * Looks at what a client sends, and at who answers.
 *
 * @param signal Ends the waits between attempts. An attempt under way is left to come to its end, so
 *   that what it did is known.
 * @param early Ends them too, as long as it is certain that nothing was deleted.
 */
export function observe(
  client: Client,
  signal?: AbortSignal,
  early: AbortSignal | undefined = signal,
): Observed {
  const { baseUrl, clock, fetch, pace } = settingsOf(client);
  const { origin } = new URL(baseUrl);
  const workspaces = new Set<string>();
  let deletions = 0;
  let nothingDone = true;
  const onRequest = (event: RequestEvent) => {
    if (event.method === "DELETE") {
      deletions += 1;
      nothingDone &&= event.outcomeKnown && (event.status ?? 0) >= 400;
    }
    return client.onRequest?.(event);
  };
  const looking: Fetch = async (url, init) => {
    const response = await fetch(url, init);
    // Results may be elsewhere, and nobody there knows whose key it is.
    const own = new URL(url).origin === origin;
    const workspace = own ? workspaceOf(response.headers, init) : undefined;
    if (workspace !== undefined) workspaces.add(workspace);
    return response;
  };
  const endOf = (own?: AbortSignal) => {
    const ours = nothingDone ? early : signal;
    return own && ours ? AbortSignal.any([own, ours]) : own ?? ours;
  };
  const sleep = (duration: number, own?: AbortSignal) => {
    const end = endOf(own);
    if (end === undefined) return clock.sleep(duration);
    end.throwIfAborted();
    return unlessAborted(clock.sleep(duration, end), end); // a clock need not heed a signal
  };
  return {
    client: {
      ...client,
      onRequest,
      fetch: looking,
      clock: {
        now: () => clock.now(),
        random: () => clock.random(),
        sleep: async (...args) => await sleep(...args),
      },
      pace: pace && { permit: (own) => pace.permit(endOf(own)) },
    },
    deletions: () => deletions,
    workspaces,
    nothingDone: () => nothingDone,
  };
}

/** The workspace that an answer names; never a secret that a server echoes there. */
function workspaceOf(headers: Headers, init: RequestInit): string | undefined {
  const secrets = [...new Headers(init.headers)]
    .filter(([name]) => name !== "anthropic-workspace-id")
    .flatMap(([, value]) => [value, ...value.split(/[\s,;=]+/)]);
  return idIn({ headers, redact: redactor(secrets) }, "anthropic-workspace-id");
}
