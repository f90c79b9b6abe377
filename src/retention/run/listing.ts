import { isBatchId, listPage, type MessageBatch } from "../../core/batches.ts";
import { checkClient, type Client } from "../../core/client.ts";
import { APIError, PurgeRefusedError } from "../../core/errors.ts";
import { createCall } from "../../core/send.ts";
import { packBatch, unpackBatch } from "./pack.ts";
import type { RetentionWork } from "./work.ts";

/** A list that is read page by page, in as many runs as it takes. */
export interface Listing {
  /** Reads a page, and says whether there is another. */
  readPage(signal: AbortSignal | undefined): Promise<boolean>;
  /** Whether there is a cursor to go on from. */
  isBegun(): boolean;
  /** The list so far, for the next run; undefined: there is nothing to keep. */
  toWork(): Pick<RetentionWork, "list" | "workspaceId"> | undefined;
  /** All that was read. */
  batches(): MessageBatch[];
  /** How many there are. */
  size(): number;
  /** How many were read now. */
  readNow(): number;
  workspaceId(): string | undefined;
}

/**
 * Begins a list, or goes on with one.
 *
 * @param begun What an earlier run has left.
 * @param asked The workspace that the client names.
 */
export function createListing(
  client: Client,
  { list, workspaceId: known }: Pick<RetentionWork, "list" | "workspaceId"> = {},
  asked: string | undefined,
): Listing {
  const lines = list === undefined ? [] : list.batches.split("\n");
  const ids = new Set(lines.map((line) => line.slice(0, line.indexOf(" "))));
  const settings = checkClient(client);
  const cursors = new Set(list?.cursors);
  let cursor = list?.cursor;
  let workspaceId = known ?? asked;
  let count = 0;

  return {
    async readPage(signal) {
      const call = createCall(settings, { signal });
      const { batches, next } = await listPage(call, cursor);
      for (const answered of call.facts.workspaceIds) {
        workspaceId ??= answered;
        if (answered !== workspaceId) throw refuse("the answers come from another workspace");
      }
      if (batches.some(({ id }) => !isBatchId(id))) {
        throw refuse("the list holds an id that cannot be used");
      }
      // Of two with the same id the later counts, also where they come in different runs.
      lines.push(...batches.map(packBatch));
      count += batches.length;
      if (next !== undefined && (ids.has(next) || cursors.has(next))) {
        throw refuse("the list leads back to where it was");
      }
      for (const { id } of batches) ids.add(id);
      if (next !== undefined) cursors.add(next);
      cursor = next;
      return next !== undefined;
    },
    isBegun: () => cursor !== undefined,
    toWork: () =>
      cursor === undefined ? undefined : {
        list: { cursor, cursors: [...cursors], batches: lines.join("\n") },
        ...whose(workspaceId),
      },
    batches: () => lines.map(unpackBatch),
    size: () => ids.size,
    readNow: () => count,
    workspaceId: () => workspaceId,
  };
}

/** As a member that is absent where nobody knows. */
export function whose(workspaceId: string | undefined): { readonly workspaceId?: string } {
  return workspaceId === undefined ? {} : { workspaceId };
}

/**
 * Whether a page was refused because of its cursor. What a cursor does whose batch was deleted
 * meanwhile is published nowhere.
 */
export function isCursorRefused(error: unknown): boolean {
  return error instanceof APIError && [400, 404, 409, 410, 422].includes(error.status);
}

function refuse(why: string): PurgeRefusedError {
  return new PurgeRefusedError("plan", why);
}
