/// <reference path="./worker-configuration.d.ts" />
/**
 * Cloudflare D1 as the database of the service.
 *
 * @module
 */
import type { Database, Rows } from "../../storage/mod.ts";

declare global {
  /** The part of Cloudflare's D1 that this file uses. */
  interface D1Database {
    prepare(query: string): D1PreparedStatement;
    /** Runs statements in order, all of them or none. */
    batch(
      statements: readonly D1PreparedStatement[],
    ): Promise<readonly { readonly results: Rows }[]>;
  }
}

interface D1PreparedStatement {
  bind(...values: readonly (string | number | null)[]): D1PreparedStatement;
}

/** Makes the database of the service. Each run of statements is one request to D1. */
export function createD1Database(db: D1Database): Database {
  return {
    async run(statements) {
      const found = await db.batch(
        statements.map(({ sql, values }) => db.prepare(sql).bind(...values)),
      );
      return found.map(({ results }) => results);
    },
  };
}
