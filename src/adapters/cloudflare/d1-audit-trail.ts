import type { AuditEntry, AuditTrail } from "../../core/ports.ts";
import { runStatements } from "./d1-tables.ts";

/** An audit trail in a D1 database: a table that is only ever added to, an entry a row and a query. */
export function createD1AuditTrail(db: D1Database): AuditTrail {
  return {
    async append(entry: AuditEntry) {
      const insert = db.prepare("INSERT INTO audit_entries (entry) VALUES (?1)");
      await runStatements(db, [insert.bind(JSON.stringify(entry))]);
    },
  };
}
