import type { BatchRecord } from "./message-batch.ts";

/** One page of batches, newest first. */
export interface BatchPage {
  readonly records: readonly BatchRecord[];
  readonly hasMore: boolean;
}

/** Keeps batches by id and by age. */
export interface BatchStore {
  readonly size: number;
  find(id: string): BatchRecord | undefined;
  /** Puts a batch in, instead of one with the same id if there is one. */
  put(record: BatchRecord): void;
  remove(id: string): void;
  /** Up to `limit` batches next to a cursor, or the newest; undefined: no batch has that id. */
  page(limit: number, cursor?: { after: string } | { before: string }): BatchPage | undefined;
}

interface Entry {
  readonly record: BatchRecord;
  readonly order: number;
  removed: boolean;
}

/**
 * A store for hundreds of thousands of batches: a page costs a binary search and its own length.
 * Entries stand oldest first, so that a new batch is an append; one that is put out of order causes
 * one sort before the next page, and removed ones are left standing until they are an eighth.
 */
export function createBatchStore(): BatchStore {
  const byId = new Map<string, Entry>();
  let byAge: Entry[] = [];
  let removed = 0;
  let sorted = true;
  let order = 0;

  function remove(id: string): void {
    const entry = byId.get(id);
    if (!entry) return;
    entry.removed = true;
    removed++;
    byId.delete(id);
  }

  function tidy(): void {
    if (removed > 32 + byAge.length / 8) {
      byAge = byAge.filter((entry) => !entry.removed);
      removed = 0;
    }
    if (!sorted) byAge.sort(compare);
    sorted = true;
  }

  /** Where an entry stands. */
  function indexOf(entry: Entry): number {
    let low = 0;
    let high = byAge.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const candidate = byAge[middle];
      if (candidate && compare(candidate, entry) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Up to `limit + 1` records that are left, walking from an index by a step. */
  function walk(index: number, step: 1 | -1, limit: number): BatchRecord[] {
    const found: BatchRecord[] = [];
    for (let i = index; found.length <= limit; i += step) {
      const entry = byAge[i];
      if (!entry) break;
      if (!entry.removed) found.push(entry.record);
    }
    return found;
  }

  return {
    get size() {
      return byId.size;
    },
    find: (id) => byId.get(id)?.record,
    remove,
    put(record) {
      remove(record.id);
      const entry = { record, order: order++, removed: false };
      const newest = byAge.at(-1);
      if (newest && compare(newest, entry) > 0) sorted = false;
      byId.set(record.id, entry);
      byAge.push(entry);
    },
    page(limit, cursor) {
      tidy();
      const id = cursor && ("after" in cursor ? cursor.after : cursor.before);
      const entry = id === undefined ? undefined : byId.get(id);
      if (cursor && !entry) return undefined;
      const older = !cursor || "after" in cursor;
      const from = entry ? indexOf(entry) : byAge.length;
      const found = walk(from + (older ? -1 : 1), older ? -1 : 1, limit);
      const records = found.slice(0, limit);
      return { records: older ? records : records.reverse(), hasMore: found.length > limit };
    },
  };
}

function compare(a: Entry, b: Entry): number {
  return a.record.createdAt - b.record.createdAt || a.order - b.order;
}
