/// <reference path="./worker-configuration.d.ts" />
/**
 * The audit trail and the state of retention runs in Cloudflare D1.
 *
 * @module
 */
import type { AuditEntry, AuditTrail } from "../../core/audit.ts";
import type { StateStore } from "../../service/mod.ts";
import tables from "./migrations/0001_state_and_audit.sql";

declare global {
  /** The part of Cloudflare's D1 that this file uses. */
  interface D1Database {
    prepare(query: string): D1PreparedStatement;
    /** Runs statements in order, all of them or none. */
    batch(statements: readonly D1PreparedStatement[]): Promise<readonly D1Result[]>;
  }
}

interface D1PreparedStatement {
  bind(...values: readonly (string | number)[]): D1PreparedStatement;
}

interface D1Result {
  readonly results: readonly Readonly<Record<string, unknown>>[];
  readonly meta: { readonly changes: number };
}

/** An audit trail in a D1 database. Each entry is a row, and a request to the database. */
export function createD1AuditTrail(db: D1Database): AuditTrail {
  return {
    async append(entry: AuditEntry) {
      const insert = db.prepare("INSERT INTO audit_entries (entry) VALUES (?1)");
      await runStatements(db, [insert.bind(JSON.stringify(entry))]);
    },
  };
}

/** A row of D1 holds 2 MB, and a character may take four bytes. */
const maxPartLength = 400_000;

/** A state store in a D1 database. */
export function createD1StateStore(db: D1Database): StateStore {
  return {
    async read(name) {
      // One statement, so that no writing comes between.
      const read = db.prepare(
        `SELECT version, 0 AS part, value FROM state WHERE name = ?1
         UNION ALL
         SELECT state.version, part, state_parts.value FROM state
         JOIN state_parts ON state_parts.name = state.name AND state_parts.token = state.token
         WHERE state.name = ?1 ORDER BY part`,
      ).bind(name);
      const [found] = await runStatements(db, [read]);
      const rows = found?.results ?? [];
      if (rows.length === 0) return undefined;
      const value = rows.map((row) => String(row["value"])).join("");
      return { value, version: Number(rows[0]?.["version"]) };
    },

    async write(name, value, version) {
      const token = crypto.randomUUID();
      const [first = "", ...others] = split(value);
      const head = version === undefined
        ? db.prepare(
          "INSERT INTO state (name, version, token, value) VALUES (?1, 1, ?2, ?3) ON CONFLICT DO NOTHING",
        ).bind(name, token, first)
        : db.prepare(
          "UPDATE state SET version = version + 1, token = ?2, value = ?3 WHERE name = ?1 AND version = ?4",
        ).bind(name, token, first, version);
      // The parts are written only where the head was: it has this writing's token then.
      const parts = others.map((part, index) =>
        db.prepare(
          `INSERT INTO state_parts (name, part, token, value) SELECT ?1, ?2, ?3, ?4
           WHERE EXISTS (SELECT 1 FROM state WHERE name = ?1 AND token = ?3)
           ON CONFLICT (name, part) DO UPDATE SET token = excluded.token, value = excluded.value`,
        ).bind(name, index + 1, token, part)
      );
      const [written] = await runStatements(db, [head, ...parts]);
      return written?.meta.changes === 1;
    },
  };
}

/** Cuts a text into parts, never in the middle of a character. */
function split(value: string): string[] {
  const parts: string[] = [];
  for (let begin = 0; begin < value.length;) {
    const last = value.charCodeAt(begin + maxPartLength - 1);
    const end = begin + maxPartLength - (last >= 0xd800 && last <= 0xdbff ? 1 : 0);
    parts.push(value.slice(begin, end));
    begin = end;
  }
  return parts;
}

/**
 * Runs statements, all of them or none. If the tables do not exist yet, it creates them: a Worker that
 * was deployed without its migrations must still be able to delete.
 */
async function runStatements(
  db: D1Database,
  statements: readonly D1PreparedStatement[],
): Promise<readonly D1Result[]> {
  try {
    return await db.batch(statements);
  } catch (error) {
    if (!(error instanceof Error && error.message.includes("no such table"))) throw error;
    await db.batch(statementsOf(tables).map((statement) => db.prepare(statement)));
    return await db.batch(statements);
  }
}

/** Each statement of the file. One ends with a semicolon at the end of a line. */
function statementsOf(text: string): string[] {
  return text.replace(/^--.*$/gm, "").split(/;\s*\n/).filter((statement) =>
    statement.trim() !== ""
  );
}
