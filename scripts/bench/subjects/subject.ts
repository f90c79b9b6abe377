/** Where a contender deletes, and with what. */
export interface Target {
  readonly baseUrl: string;
  readonly apiKey: string;
  /** What makes the requests, where it is not the runtime's own `fetch`. */
  readonly fetch?: typeof fetch | undefined;
}

/** Deletes a batch, and gives the id that the receipt confirms. */
export type Remove = (id: string) => Promise<string>;

/** A contender: what it can prepare once is prepared once, and each call is then one deletion. */
export type CreateRemove = (target: Target) => Remove;
