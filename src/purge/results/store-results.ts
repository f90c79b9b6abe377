import type { Client } from "../../core/client.ts";
import { BatchsweepError } from "../../core/errors.ts";
import type { MessageBatch } from "../../core/message-batch.ts";
import type { ResultStore } from "../../core/ports.ts";
import { redactor } from "../../core/redact.ts";
import { printable } from "../../core/response.ts";
import { settingsOf } from "../../core/settings.ts";
import { unlessAborted } from "../../core/unless-aborted.ts";
import { ExportFailure } from "./export-failure.ts";
import { exportToSink, type ResultsExport, SinkError, writerOf } from "./export-to-sink.ts";
import { locateResults } from "./locate-results.ts";
import { outcomeError } from "../outcome.ts";

/**
 * Stores the results of a batch before it goes.
 *
 * @throws {ExportFailure} They are not stored.
 * @throws `signal.reason`, and what the function of the secret throws.
 */
export async function storeResults(
  client: Client,
  batch: MessageBatch,
  store: ResultStore,
  signal: AbortSignal,
): Promise<ResultsExport> {
  const foreign = checkResults(client, batch);
  try {
    const sink = await open(store, batch.id, signal);
    return await exportToSink(client, batch, sink, { signal });
  } catch (error) {
    if (signal.aborted && error === signal.reason) throw error;
    if (error instanceof SinkError) {
      throw failure(batch, `the store failed${saying(client, error.reason)}`);
    }
    if (!(error instanceof BatchsweepError)) throw error;
    const { status, type, ...rest } = outcomeError(error);
    // A refusal of somebody else says nothing of the credentials, nor of the other batches.
    throw new ExportFailure(foreign ? rest : { status, type, ...rest });
  }
}

/** Whether the results are elsewhere than the API is. */
function checkResults(client: Client, batch: MessageBatch): boolean {
  try {
    return locateResults(settingsOf(client), batch).request.foreign;
  } catch (error) {
    const why = error instanceof Error ? error.message.replace("Cannot use batch: ", "") : "";
    const there = typeof batch.results_url === "string" && batch.archived_at === null;
    throw failure(batch, there ? why : `${why}; it can be deleted without an export`);
  }
}

async function open(
  store: ResultStore,
  id: string,
  signal: AbortSignal,
): Promise<WritableStreamDefaultWriter<Uint8Array>> {
  const opening = (async () => writerOf(await store.open(id)))();
  try {
    return await unlessAborted(opening, signal);
  } catch (error) {
    opening.then((writer) => writer.abort(error)).catch(() => {}); // it may still open
    throw signal.aborted ? error : new SinkError(error);
  }
}

/**
 * What a store says of its failure: the caller's own words, without what is known to be secret.
 * Where a function gives the secret, it is not known: another may have been given since.
 */
function saying(client: Client, reason: unknown): string {
  const { confidential, credential: { secret } } = settingsOf(client);
  if (typeof secret !== "string") return "";
  if (!(reason instanceof Error) || reason.message === "") return "";
  return `: ${printable(reason.message, 500, redactor([...confidential, secret]))}`;
}

function failure({ id }: MessageBatch, why: string): ExportFailure {
  const message = `Cannot export the results of message batch ${JSON.stringify(id)}: ${why}`;
  return new ExportFailure({ code: "ERR_EXPORT", message });
}
