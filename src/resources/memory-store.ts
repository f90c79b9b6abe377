import { defineResource, type DeleteFunction } from "../core/resource.ts";

const memoryStore = {
  name: "memory_store",
  path: "/v1/memory_stores/{memory_store_id}",
  type: "memory_store_deleted",
  echoes: { id: "memory_store_id" },
  prefixes: { memory_store_id: "memstore_" },
  betas: ["agent-memory-2026-07-22", "managed-agents-2026-04-01"],
} as const;

/**
 * Deletes a memory store, and its memories with it. This cannot be undone.
 *
 * @see [Delete a memory store](https://platform.claude.com/docs/en/api/beta/memory_stores/delete)
 */
export const deleteMemoryStore: DeleteFunction<typeof memoryStore> = /* @__PURE__ */ defineResource(
  memoryStore,
);
