/** As much of Cloudflare's D1 as is used here. */
interface D1Database {
  prepare(query: string): D1PreparedStatement;
  /** Runs statements in order, all of them or none. */
  batch(statements: readonly D1PreparedStatement[]): Promise<readonly D1Result[]>;
}

interface D1PreparedStatement {
  bind(...values: readonly (string | number)[]): D1PreparedStatement;
  all(): Promise<D1Result>;
}

interface D1Result {
  readonly results: readonly Readonly<Record<string, unknown>>[];
  readonly meta: { readonly changes: number };
}
