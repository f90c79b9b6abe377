import type { Client } from "../../core/client.ts";
import { deleteMessageBatch } from "../../core/delete.ts";
import { NotFoundError } from "../../core/errors.ts";
import type { ResultStore } from "../../core/ports.ts";
import { cancelAndDeleteMessageBatch } from "../../purge/cancel-and-delete.ts";
import type { Deleted } from "../../purge/delete-one.ts";
import { exportThenDelete } from "../../purge/results/export-then-delete.ts";
import { waitUntilMessageBatchEnded } from "../../purge/wait.ts";

/** What is done about a message batch before it is deleted. */
export interface DeleteBatchOptions {
  /** Whether one that has not ended is canceled, and its end waited for. */
  readonly cancel: boolean;
  /** Whether the end of one that has not ended is waited for. */
  readonly wait: boolean;
  /** How long to wait, in milliseconds. */
  readonly timeout: number;
  /** Where its results are stored first. */
  readonly exportTo?: ResultStore | undefined;
  /** Whether one that is not there is `missing` rather than an error. */
  readonly allowMissing: boolean;
  /** Ends waits and the export. */
  readonly signal: AbortSignal;
}

/**
 * Deletes a message batch once it may be deleted.
 *
 * @throws As the operations of the library that it is made of.
 */
export async function deleteBatch(
  client: Client,
  id: string,
  { cancel, wait, timeout, exportTo: store, allowMissing, signal }: DeleteBatchOptions,
): Promise<Deleted> {
  if (cancel && store === undefined) {
    return await cancelAndDeleteMessageBatch(client, id, { timeout, allowMissing });
  }
  if (wait && !cancel) {
    await waitUntilMessageBatchEnded(client, id, { timeout }).catch((error) => {
      // The deletion itself says how the absence is known.
      if (!(error instanceof NotFoundError && allowMissing)) throw error;
    });
  }
  if (store === undefined) return await deleteMessageBatch(client, id, { allowMissing });
  const settings = { store, signal, cancel, cancelTimeout: timeout, attempted: false };
  const deletion = await exportThenDelete(client, id, settings);
  if (deletion.evidence !== "missing" || allowMissing) return deletion;
  const { requestId, auditError } = deletion;
  const message = `Cannot delete message batch ${JSON.stringify(id)}: it is not in the workspace`;
  const refusal = { status: 404, attempts: 1, outcomeKnown: true, requestId };
  throw Object.assign(new NotFoundError(message, refusal), { auditError });
}
