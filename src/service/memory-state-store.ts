import type { StateStore, StoredState } from "./retention-status.ts";

/**
 * A state store in memory: for one process, as long as it lives. What it forgets with the process
 * costs a retention run that begins anew, and nothing else.
 *
 * @returns The store, empty.
 */
export function createMemoryStateStore(): StateStore {
  const states = new Map<string, StoredState>();
  return {
    read: (name) => Promise.resolve(states.get(name)),
    write(name, value, version) {
      const found = states.get(name)?.version;
      if (found !== version) return Promise.resolve(false);
      states.set(name, { value, version: (found ?? 0) + 1 });
      return Promise.resolve(true);
    },
  };
}
