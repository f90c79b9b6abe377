import type { CallOptions, Client } from "../core/client.ts";
import type { MessageBatch } from "../core/message-batch.ts";
import { exportToSink, type ResultsExport, SinkError, writerOf } from "./results/export-to-sink.ts";

export type { ResultsExport };

/**
 * Streams the results of a Message Batch into a sink, in constant memory and no faster than the sink
 * takes them. It resolves when the sink has closed and everything is in it. On every error the sink
 * is aborted, and what is in it is not to be used.
 *
 * Checked is that each line is a result, a JSON object in UTF-8 with a `custom_id`, a text, and a
 * `result`, an object; that no `custom_id` comes twice; and that they are as many as the batch has
 * results. What a result says is not looked at. Held are the ids, each of 256 characters at most,
 * and one line, of 64 MiB at most: what is longer is refused. Blank lines are let through.
 *
 * A connection that is lost on the way is made again, within `maxRetries` of the client. Results are
 * then asked for from their beginning; what the sink has already must come again, byte for byte, and
 * is left out. `timeout` of the client is how long the answer may take to begin, and then the
 * longest silence; the time that the sink takes does not count. Each attempt is one event of
 * `onRequest`, at its end: its duration is that of the whole stream.
 *
 * `results_url` may be on another origin than the base URL. It then gets no header of the client,
 * the credential least of all; and it must be HTTPS, or on loopback as the base URL is.
 *
 * @param client Who calls, and how.
 * @param batch The batch, as the API shows it since it has ended. Its results are there until they
 *   are archived, 29 days after its creation.
 * @param sink Where the results go: JSON lines, in the order in which the API gives them. It is
 *   closed at the end; what it fails with is thrown untouched.
 * @param options Options of the call.
 * @returns How much it was, and its SHA-256.
 * @throws {TypeError} The batch has not ended, its results are archived, its `request_counts` are
 *   not those of an ended batch, or an argument cannot be used otherwise; no request was made.
 * @throws {InvalidResponseError} It is not the results, by what is checked, breaks off in the middle
 *   of a line, or came otherwise when it was asked for again.
 * @throws {NotFoundError | APIError} The API refused.
 * @throws {APIConnectionError | APITimeoutError} The last attempt got no whole answer.
 *
 * @example Keep the results of a batch before it is deleted
 * ```ts
 * import { deleteMessageBatch, exportMessageBatchResults, retrieveMessageBatch } from "batchsweep";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * const { id } = sandbox.seed({ requests: 3 });
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch };
 *
 * const batch = await retrieveMessageBatch(client, id);
 * const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
 * const kept = new Response(readable).text(); // a file, a bucket, …
 * const { lines, sha256 } = await exportMessageBatchResults(client, batch, writable);
 * console.log(lines, sha256, (await kept).length);
 * await deleteMessageBatch(client, id);
 * ```
 * @see [Retrieve Message Batch results](https://platform.claude.com/docs/en/api/messages/batches/results)
 */
export async function exportMessageBatchResults(
  client: Client,
  batch: MessageBatch,
  sink: WritableStream<Uint8Array>,
  options: CallOptions = {},
): Promise<ResultsExport> {
  const writer = writerOf(sink);
  try {
    return await exportToSink(client, batch, writer, options);
  } catch (error) {
    throw error instanceof SinkError ? error.reason : error;
  }
}
