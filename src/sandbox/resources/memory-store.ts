import type { Resource } from "../resource.ts";

/**
 * A memory store, with all its memories. It is in beta: a request must say so.
 *
 * @see [Delete a memory store](https://platform.claude.com/docs/en/api/beta/memory_stores/delete)
 */
export const memoryStore: Resource<"memory_store", "memory_store_id"> = {
  type: "memory_store",
  path: "/v1/memory_stores/{memory_store_id}",
  prefixes: { memory_store_id: "memstore" },
  answer: { id: "{memory_store_id}", type: "memory_store_deleted" },
  betas: ["agent-memory-2026-07-22", "managed-agents-2026-04-01"],
};
