import type { AuditEntry, AuditTrail } from "../core/ports.ts";

/** An audit trail in memory, for tests and for short scripts that write it elsewhere at their end. */
export interface MemoryAuditTrail extends AuditTrail {
  /** The entries, in order. */
  readonly entries: readonly AuditEntry[];
}

/**
 * Makes an audit trail in memory.
 *
 * @example See what was recorded
 * ```ts
 * import { createMemoryAuditTrail, deleteMessageBatch } from "batchsweep";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * const { id } = sandbox.seed({ processing_status: "ended" });
 * const auditTrail = createMemoryAuditTrail();
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch, auditTrail };
 *
 * await deleteMessageBatch(client, id);
 * console.log(auditTrail.entries.map(({ phase }) => phase)); // ["intent", "outcome"]
 * ```
 */
export function createMemoryAuditTrail(): MemoryAuditTrail {
  const entries: AuditEntry[] = [];
  return {
    entries,
    append: (entry) => {
      entries.push(structuredClone(entry));
      return Promise.resolve();
    },
  };
}
