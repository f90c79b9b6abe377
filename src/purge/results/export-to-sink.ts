import { unknown } from "../../deps.ts";
import { type Answer, readAnswer } from "../../core/answer.ts";
import type { NoAnswer, Patience } from "../../core/attempt.ts";
import { cannotUse } from "../../core/cannot-use.ts";
import type { CallOptions, Client } from "../../core/client.ts";
import { APITimeoutError } from "../../core/errors.ts";
import { send } from "../../core/http.ts";
import type { MessageBatch } from "../../core/message-batch.ts";
import { invalid, judge } from "../../core/response.ts";
import { settingsOf } from "../../core/settings.ts";
import { unlessAborted } from "../../core/unless-aborted.ts";
import { checkSignal } from "../check-signal.ts";
import { locateResults } from "./locate-results.ts";
import { createResultsReceiver } from "./receive-results.ts";

/** Results that were stored, whole. */
export interface ResultsExport {
  /** ID of the batch. */
  readonly id: string;
  /** How many results there are: as many as `request_counts` of the batch say. */
  readonly lines: number;
  readonly bytes: number;
  /** SHA-256 of the bytes, in hexadecimal: what `sha256sum` says of the file. */
  readonly sha256: string;
  /** The API's id of the request that brought the last of them. */
  readonly requestId?: string | undefined;
}

/** The sink failed. What with is the caller's own. */
export class SinkError extends Error {
  readonly reason: unknown;

  constructor(reason: unknown) {
    super("The sink failed");
    this.reason = reason;
  }
}

const mostErrorBytes = 1_048_576;
const abortTime = 1_000; // a sink that hangs does not hold the error back

/**
 * Does what `exportMessageBatchResults` does, with a sink that was taken.
 *
 * @throws {SinkError} In the place of what the sink failed with, so that it can be told from the rest.
 */
export async function exportToSink(
  client: Client,
  batch: MessageBatch,
  writer: WritableStreamDefaultWriter<Uint8Array>,
  options: CallOptions = {},
): Promise<ResultsExport> {
  try {
    return await exportTo(writer, client, batch, options);
  } catch (error) {
    const reason = error instanceof SinkError ? error.reason : error;
    await unlessAborted(writer.abort(reason), AbortSignal.timeout(abortTime)).catch(() => {});
    throw error;
  }
}

async function exportTo(
  writer: WritableStreamDefaultWriter<Uint8Array>,
  client: Client,
  batch: MessageBatch,
  options: CallOptions,
): Promise<ResultsExport> {
  const settings = settingsOf(client);
  checkSignal(options.signal);
  const { request, results } = locateResults(settings, batch);
  const end: { problem?: string; failure?: SinkError } = {};
  const heed = (work: Promise<void>) =>
    work.catch((reason) => {
      throw end.failure = new SinkError(reason);
    });
  const receiver = createResultsReceiver(results, (chunk) => heed(writer.write(chunk)));

  const read = async (response: Response, patience: Patience): Promise<Answer | NoAnswer> => {
    const { status, headers } = response;
    if (status !== 200) return await readAnswer(response, mostErrorBytes);
    try {
      Object.assign(end, await receiver.receive(response.body, patience));
      return { status, headers, body: { text: "" } };
    } catch (error) {
      if (error instanceof SinkError) return { code: "ERR_ABORTED", status }; // by us
      throw error;
    }
  };
  const reply = await send(settings, { ...request, read }, options).catch((error) => {
    if (end.failure !== undefined) throw end.failure;
    if (!(error instanceof APITimeoutError) || receiver.bytes === 0) throw error;
    const silence = `nothing came for ${error.timeout} ms, after ${receiver.bytes} bytes`;
    throw new APITimeoutError(`Cannot ${request.action}: ${silence}`, error, error.timeout);
  });
  if (reply.status !== 200) judge(reply, unknown());
  if (end.problem !== undefined) throw invalid(reply, end.problem, []);
  await unlessAborted(heed(writer.close()), options.signal);
  const { bytes } = receiver;
  const { requestId } = reply;
  return {
    id: batch.id,
    lines: results,
    bytes,
    sha256: receiver.sha256(),
    ...(requestId === undefined ? {} : { requestId }),
  };
}

/**
 * Takes a sink.
 *
 * @throws {TypeError} It is none, or somebody else has it.
 */
export function writerOf(
  sink: WritableStream<Uint8Array>,
): WritableStreamDefaultWriter<Uint8Array> {
  if (typeof Object(sink).getWriter !== "function") {
    throw cannotUse("sink", "it is not a WritableStream");
  }
  if (sink.locked) throw cannotUse("sink", "it is locked to another writer");
  return sink.getWriter();
}
