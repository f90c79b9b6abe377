import { checkClient, type Client } from "../../core/client.ts";

/** How many requests a run may still make, and for how long. */
export interface Budget {
  /** A client that makes no more than these. Others fail as a lost connection does. */
  readonly client: Client;
  /** Aborted with the last request that is allowed, or with the first one after the time is over. */
  readonly spent: AbortSignal;
  /** How many requests were made. */
  used(): number;
  /** How many are left. */
  left(): number;
  /** Sets some aside that are made elsewhere. */
  charge(requests: number): void;
  /** Whether a request was turned down. */
  overdrawn(): boolean;
  /** Whether the deletion of an id was sent. */
  tried(id: string): boolean;
}

/** How long a run may last. Cloudflare ends one after 15 minutes, and what is under way takes its time. */
const longest = 720_000;

/**
 * Counts the requests of a run, every attempt of them.
 *
 * @param requests How many there may be.
 */
export function createBudget(client: Client, requests: number): Budget {
  const { clock, fetch } = checkClient(client);
  const end = clock.now() + longest;
  const over = new AbortController();
  let used = 0;
  let charged = 0;
  let overdrawn = false;
  const tried = new Set<string>();
  const left = () => clock.now() < end ? Math.max(0, requests - used - charged) : 0;
  return {
    client: {
      ...client,
      async fetch(url, init) {
        const allowed = left() > 0;
        used += allowed ? 1 : 0;
        if (left() === 0) over.abort(new Error("The budget of the run is spent"));
        if (allowed) {
          if (init.method === "DELETE") tried.add(url.slice(url.lastIndexOf("/") + 1));
          return await fetch(url, init);
        }
        overdrawn = true;
        throw new Error("The budget of the run is spent");
      },
    },
    spent: over.signal,
    used: () => used,
    left,
    charge: (more) => {
      charged += more;
    },
    overdrawn: () => overdrawn,
    tried: (id) => tried.has(encodeURIComponent(id)),
  };
}
