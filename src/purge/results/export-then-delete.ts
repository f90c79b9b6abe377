import { sendTo } from "../../core/batches.ts";
import type { Client } from "../../core/client.ts";
import { deleteMessageBatch, messageBatch } from "../../core/delete.ts";
import { CallError, NotFoundError, WaitTimeoutError } from "../../core/errors.ts";
import type { MessageBatch } from "../../core/message-batch.ts";
import type { ResultStore } from "../../core/ports.ts";
import { record } from "../../core/record.ts";
import type { Evidence } from "../../core/resource.ts";
import { judge, type Reply } from "../../core/response.ts";
import { messageBatchSchema } from "../../core/schemas.ts";
import { settingsOf } from "../../core/settings.ts";
import { unlessAborted } from "../../core/unless-aborted.ts";
import { cancelUntilEnded } from "../cancel-until-ended.ts";
import type { Deleted } from "../delete-one.ts";
import { createLooks, type Looks } from "../looks.ts";
import { ExportFailure } from "./export-failure.ts";
import { outcomeError } from "../outcome.ts";
import type { ResultsExport } from "./export-to-sink.ts";
import { storeResults } from "./store-results.ts";
import { prepare } from "../wait.ts";

/** How a batch is deleted whose results are to be kept. */
export interface ExportThenDeleteOptions {
  readonly store: ResultStore;
  /** Ends waits and the export. A deletion under way comes to its end. */
  readonly signal: AbortSignal;
  /** Whether a batch that has not ended is canceled, rather than left alone. */
  readonly cancel: boolean;
  /** How long to wait for it then, in milliseconds. */
  readonly cancelTimeout?: number | undefined;
  /** Whether an earlier call may have deleted it. */
  readonly attempted: boolean;
}

/**
 * Deletes a batch once its results are stored, and not otherwise: no deletion is sent of a batch
 * whose results are not in the store, not even of one that seems to be gone. That it is gone is
 * believed after three looks in a row, whatever the answer to the deletion is.
 *
 * @throws {ExportFailure} The results could not be stored; it was left alone.
 * @throws {WaitTimeoutError} It has not ended; it was left alone.
 * @throws {NotFoundError} Deletions do not find it, and looks do.
 * @throws As `deleteMessageBatch`.
 */
export async function exportThenDelete(
  client: Client,
  id: string,
  options: ExportThenDeleteOptions,
): Promise<Deleted> {
  const { store, signal } = options;
  const found = await find(client, id, options);
  if ("reply" in found) return await recordAbsence(client, id, found.reply, options);
  let stored: ResultsExport | undefined;
  for (const looks = createLooks();;) {
    try {
      stored ??= await storeResults(client, found.batch, store, signal);
      signal.throwIfAborted();
      return { ...await deleteMessageBatch(client, id), export: stored };
    } catch (error) {
      // It, or its results, are not found: it may just have gone.
      if (!isNotFound(error)) throw error;
      const seen = await look(client, id, signal);
      if ("reply" in seen) return await recordAbsence(client, id, seen.reply, options);
      if (stored === undefined || looks.missed()) throw error;
      await pause(client, looks, signal);
    }
  }
}

const isNotFound = (error: unknown) =>
  error instanceof NotFoundError ||
  (error instanceof ExportFailure && error.failure.code === "ERR_NOT_FOUND");

/** What a look shows: the batch, or the API's own answer that there is none. */
type Seen = { readonly batch: MessageBatch } | { readonly reply: Reply };

/** Looks until there is a batch, or it is believed, as in a wait, that there is none. */
async function look(client: Client, id: string, signal: AbortSignal): Promise<Seen> {
  for (const looks = createLooks();;) {
    const seen = await lookOnce(client, id, signal);
    if ("batch" in seen || looks.missed()) return seen;
    await pause(client, looks, signal);
  }
}

async function pause(client: Client, looks: Looks, signal: AbortSignal): Promise<void> {
  const { clock } = settingsOf(client);
  await unlessAborted(clock.sleep(looks.pause(), signal), signal); // a clock need not heed a signal
}

async function lookOnce(client: Client, id: string, signal: AbortSignal): Promise<Seen> {
  try {
    const reply = await sendTo(client, "retrieve", id, { signal });
    try {
      return { batch: judge(reply, messageBatchSchema(id)) };
    } catch (error) {
      if (error instanceof NotFoundError) return { reply };
      throw error;
    }
  } catch (error) {
    if (!(error instanceof CallError) || (signal.aborted && error === signal.reason)) throw error;
    throw new ExportFailure(outcomeError(error));
  }
}

/** The batch, ended; or the answer that there is none. */
async function find(
  client: Client,
  id: string,
  { signal, cancel, cancelTimeout }: ExportThenDeleteOptions,
): Promise<Seen> {
  if (!cancel) {
    const seen = await look(client, id, signal);
    if ("reply" in seen || seen.batch.processing_status === "ended") return seen;
    const message = `Cannot delete message batch ${JSON.stringify(id)}: it has not ended`;
    throw new WaitTimeoutError(message, undefined);
  }
  try {
    const wait = { timeout: cancelTimeout };
    return { batch: await cancelUntilEnded(client, id, wait, prepare(client, id, wait)) };
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    const seen = await lookOnce(client, id, signal); // the wait believes it: one more for the answer
    if ("reply" in seen) return seen;
    throw new ExportFailure(outcomeError(error)); // here it is, there it was not
  }
}

/** Says how it is known that a batch is gone, and records it as a deletion that found nothing. */
async function recordAbsence(
  client: Client,
  id: string,
  reply: Reply,
  { attempted, signal }: ExportThenDeleteOptions,
): Promise<Deleted> {
  const evidence: Evidence = attempted ? "absent_after_retry" : "missing";
  const { requestId } = reply;
  const result = { evidence, ...(requestId === undefined ? {} : { requestId }) };
  const act = () => Promise.resolve({ result, reply });
  return await record(settingsOf(client), messageBatch.name, id, signal, act);
}
