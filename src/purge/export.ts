/** Exports the results of a batch to a sink or a store. @module */
import { isAbort, unlessAborted, within } from "../core/abort.ts";
import { bytesOf, createLineSplitter, hex, isBlank } from "../core/bytes.ts";
import { batchPath, type MessageBatch, subjectOf } from "../core/batches.ts";
import { cannotUse, checkOptions, defined, fillPath } from "../core/check.ts";
import {
  callChecks,
  type CallOptions,
  checkClient,
  type Client,
  loopback,
} from "../core/client.ts";
import { APITimeoutError, BatchsweepError } from "../core/errors.ts";
import { type Answer, printable, readAnswer, readSuccess, type Reply } from "../core/response.ts";
import {
  type ApiRequest,
  asStranger,
  type Call,
  createCall,
  type IdleTimer,
  type NoAnswer,
  send,
} from "../core/send.ts";
import { sha256 } from "../deps.ts";
import { type OutcomeError, outcomeError } from "./outcome.ts";
import { isArchived } from "./time.ts";

/** Results that were exported, complete. */
export interface ResultsExport {
  /** ID of the batch. */
  readonly id: string;
  /** How many results there are: as many as `request_counts` of the batch say. */
  readonly lines: number;
  readonly bytes: number;
  /** SHA-256 of the bytes, in hexadecimal, as `sha256sum` prints it. */
  readonly sha256: string;
  /** The API's id of the request that brought the last of them. */
  readonly requestId?: string | undefined;
}

/** Where the results of batches are kept before the batches are deleted. */
export interface ResultStore {
  /**
   * Opens a place for the results of a batch. Closing the stream keeps them, and resolves when they
   * are safe. A stream that is aborted leaves nothing.
   */
  open(id: string): Promise<WritableStream<Uint8Array>>;
}

/**
 * Streams the results of a Message Batch into a sink, in constant memory and no faster than the sink
 * takes them. It resolves when the sink has closed and has everything. On an error it aborts the sink:
 * do not use what is in it.
 *
 * Each line must be a result: a JSON object in UTF-8 with a string `custom_id`, of 256 characters at
 * most and never twice, and an object `result`, whose content is not checked. A line may have 64 MiB.
 * There must be as many results as the batch has. Blank lines are copied.
 *
 * If the connection is lost, the results are asked for again from their beginning, within `maxRetries`
 * of the client. The bytes that the sink has already must come again unchanged, and are left out.
 * `timeout` of the client limits the wait for the answer to begin, and then each silence. After the
 * first `timeout`, at least 1,024 bytes a second must have come on average. The time that the sink
 * takes does not count.
 *
 * The documented path below the base URL is asked for first. Only if there is no such path (405, 501,
 * or a 404 that is not the API's), `results_url` is. It may be on another origin. That gets no header of
 * the client, so no credential; and it must be HTTPS, or on loopback as the base URL is.
 *
 * @param batch The batch, as the API shows it since it has ended. Its results are there until they
 *   are archived, 29 days after its creation.
 * @param sink Where the results go: JSON lines, in the order in which the API gives them. It is
 *   closed at the end; what it fails with is thrown untouched.
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
    const call = createCall(checkClient(client), checkOptions(options, callChecks));
    const location = locateResults(call, batch);
    if (typeof location === "string") throw cannotUse("batch", location);
    return await exportToSink(call, location, writer);
  } catch (error) {
    await abortSink(writer, error);
    throw error instanceof SinkError ? error.reason : error;
  }
}

/** The sink failed. The reason is the caller's own. */
class SinkError extends Error {
  readonly reason: unknown;

  constructor(reason: unknown) {
    super("The sink failed");
    this.reason = reason;
  }
}

type Writer = WritableStreamDefaultWriter<Uint8Array>;

async function abortSink(writer: Writer, error: unknown): Promise<void> {
  const reason = error instanceof SinkError ? error.reason : error;
  await within(1_000, writer.abort(reason).catch(() => {})); // one that hangs delays no error
}

function writerOf(sink: WritableStream<Uint8Array>): Writer {
  if (typeof Object(sink).getWriter !== "function") {
    throw cannotUse("sink", "it is not a WritableStream");
  }
  if (sink.locked) throw cannotUse("sink", "it is locked to another writer");
  return sink.getWriter();
}

const minBytesPerSecond = 1_024; // on average, after the first timeout

/** Streams the results into a sink, and closes it. */
async function exportToSink(
  call: Call,
  location: ResultsLocation,
  writer: Writer,
): Promise<ResultsExport> {
  const { timeout, clock } = call.settings;
  const { id, results, request, elsewhere } = location;
  const judge = createResultsJudge(results);
  let sinkError: SinkError | undefined;
  const heed = (work: Promise<void>) =>
    work.catch((reason) => {
      throw sinkError = new SinkError(reason);
    });
  let isSlow = false;

  const read = async (response: Response, idleTimer: IdleTimer): Promise<Answer | NoAnswer> => {
    const { status, headers } = response;
    isSlow = false;
    if (status !== 200) return await readAnswer(response);
    judge.begin();
    let [received, duration, askedAt] = [0, 0, clock.now()];
    for await (const chunk of bytesOf(response.body ?? [], idleTimer)) {
      received += chunk.length;
      duration += Math.max(0, clock.now() - askedAt); // a clock may be set back
      isSlow = (duration - timeout) / 1_000 * minBytesPerSecond > received;
      if (isSlow) return { code: "ERR_TIMEOUT", status };
      const fresh = judge.take(chunk);
      if (typeof fresh === "string") return { status, headers, body: { problem: fresh } };
      try {
        if (fresh.length > 0) await heed(writer.write(fresh)); // last: the sink may change the bytes
      } catch {
        return { code: "ERR_ABORTED", status, final: true };
      }
      askedAt = clock.now(); // the time of the sink does not count
    }
    const problem = judge.end();
    return { status, headers, body: problem === undefined ? { value: "" } : { problem } };
  };
  const ask = (by: Call, asked: ApiRequest) =>
    send(by, { ...asked, read }).catch((error) => {
      if (sinkError !== undefined) throw sinkError;
      if (!(error instanceof APITimeoutError) || judge.bytes === 0) throw error;
      const slow = `it came more slowly than ${minBytesPerSecond} bytes a second`;
      const silent = `nothing came for ${timeout} ms, after ${judge.bytes} bytes`;
      throw new APITimeoutError({ ...error, why: isSlow ? slow : silent });
    });
  let reply = await ask(call, request);
  if (elsewhere !== undefined && hasNoPath(reply)) {
    location.askedForeign = elsewhere.foreign;
    reply = await ask(elsewhere.foreign ? asStranger(call) : call, elsewhere.request);
  }
  readSuccess(reply);
  await unlessAborted(heed(writer.close()), call.signal);
  const { requestId } = reply.exchange;
  const { bytes } = judge;
  return defined({ id, lines: results, bytes, sha256: judge.sha256(), requestId });
}

const maxLineBytes = 67_108_864; // the blank lines before it included
const maxIdLength = 256; // characters; the API documents 64, and every id is held

/**
 * Begins to judge results as they come, over as many answers as it takes: whether they are complete, and
 * what their hash is. It holds one line, and the ids.
 */
function createResultsJudge(expected: number) {
  const ids = new Set<string>();
  const splitter = createLineSplitter(Infinity); // its rest is limited below
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const hash = sha256.create();
  const digest = () => hex(hash.clone().digest());
  let bytes = 0;
  let sinceResult = 0; // bytes of complete lines
  let again = { left: 0, hash: sha256.create(), sha256: "" }; // what must come again

  /** The `custom_id` of a line that is a result; a line that is cut off is none. */
  const customIdOf = (line: Uint8Array): string | undefined => {
    try {
      // Object() of anything but an object has neither.
      const { custom_id, result } = Object(JSON.parse(decoder.decode(line)));
      const isResult = typeof result === "object" && result !== null && !Array.isArray(result);
      return isResult && typeof custom_id === "string" && custom_id.length <= maxIdLength
        ? custom_id
        : undefined;
    } catch {
      return undefined;
    }
  };
  /** Counts a line, and says why it is not a result. */
  const count = (line: Uint8Array, otherwise: string): string | undefined => {
    if (isBlank(line)) return undefined;
    const id = customIdOf(line);
    if (id === undefined) return otherwise;
    if (ids.size === expected) return `it has more lines than the batch has results, ${expected}`;
    if (ids.has(id)) return `its line ${ids.size + 1} has the custom_id of one before it`;
    ids.add(id);
    sinceResult = 0;
    return undefined;
  };

  return {
    /** Begins an answer. What an earlier answer had must come again unchanged. */
    begin(): void {
      again = { left: bytes, hash: sha256.create(), sha256: digest() };
    },
    /** Takes bytes. It gives those that are new, or says why they cannot be the results. */
    take(chunk: Uint8Array): Uint8Array | string {
      const repeated = chunk.subarray(0, again.left);
      const fresh = chunk.subarray(repeated.length);
      if (repeated.length > 0) {
        again.hash.update(repeated);
        again.left -= repeated.length;
        if (again.left === 0 && hex(again.hash.digest()) !== again.sha256) {
          return "it changed while it was asked for again";
        }
      }
      for (const { bytes: line } of splitter.split(fresh)) {
        sinceResult += line.length;
        const problem = count(line, `its line ${ids.size + 1} is not a result`);
        if (problem !== undefined) return problem;
      }
      if (sinceResult + splitter.rest().length > maxLineBytes) {
        return `it has a line of more than ${maxLineBytes} bytes`;
      }
      hash.update(fresh);
      bytes += fresh.length;
      return fresh;
    },
    /** Ends an answer. It says why it is not all the results; undefined: it is. */
    end(): string | undefined {
      if (again.left > 0) return "it is shorter than when it was asked for before";
      const cut = `it breaks off: its line ${ids.size + 1} is not a whole result`;
      const problem = count(splitter.rest(), cut);
      if (problem !== undefined || ids.size === expected) return problem;
      return `it has ${ids.size} lines, and the batch ${expected} results`;
    },
    get bytes() {
      return bytes;
    },
    sha256: digest,
  };
}

/** Whether nothing is at the path: the API would say so with a 404 of its own. */
function hasNoPath({ status, said, exchange }: Reply): boolean {
  const isAbsence = said.type === "not_found_error" && exchange.requestId !== undefined;
  return status === 405 || status === 501 || (status === 404 && !isAbsence);
}

/** Where the results of a batch are, and how many there must be. */
type ResultsLocation = Exclude<ReturnType<typeof locateResults>, string>;

/** Finds the results of a batch, without a request; or says why it has none to be found. */
function locateResults({ settings }: Call, batch: MessageBatch) {
  if (typeof batch !== "object" || batch === null) return "it is not a message batch";
  const { id, processing_status, results_url, request_counts } = batch;
  const path = fillPath(`${batchPath}/results`, { message_batch_id: id });
  if (processing_status !== "ended") return "it has not ended, and has no results before";
  if (isArchived(batch, settings.clock.now())) {
    return "its results are gone: they were archived, 29 days after its creation";
  }

  const { processing, succeeded, errored, canceled, expired } = Object(request_counts);
  const counts: unknown[] = [succeeded, errored, canceled, expired];
  const results = counts.every(isCount) ? counts.reduce((sum, count) => sum + count, 0) : 0;
  // A batch has a request at least, so one that has ended has a result.
  if (processing !== 0 || results < 1 || results > maxResults) {
    return "its request_counts are not those of a batch that has ended";
  }

  const own = new URL(settings.baseUrl + path);
  const named = results_url ?? "";
  const url = URL.canParse(named) ? new URL(named) : own;
  const foreign = url.origin !== own.origin;
  const near = loopback.test(own.hostname) && loopback.test(url.hostname);
  const isSafe = !foreign || url.protocol === "https:" || (url.protocol === "http:" && near);
  const isUsable = isSafe && url.username === "" && url.password === "" && url.href !== own.href;
  const request = {
    operation: "export the results of",
    subject: subjectOf(id),
    method: "GET",
    path,
    pathTemplate: `${batchPath}/results`,
  } as const;
  const whose = foreign ? " from another origin, which is given no credential" : "";
  const there = { ...request, subject: request.subject + whose, path: url.href };
  // By `results_url`, where that is something else, and can be asked for.
  const elsewhere = isUsable ? { request: there, foreign } : undefined;
  return { id, request, elsewhere, askedForeign: false, results };
}

/** What the API takes in one batch: more cannot be believed. */
const maxResults = 100_000;

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;

/** The results of a batch could not be stored, so it was not deleted. */
export class ExportFailure extends Error {
  readonly failure: OutcomeError;

  constructor(failure: OutcomeError) {
    super(failure.message);
    this.failure = failure;
  }
}

/**
 * Stores the results of a batch before it is deleted.
 *
 * @throws `signal.reason`, and what the function of the secret throws.
 */
export async function storeResults(
  call: Call,
  batch: MessageBatch,
  store: ResultStore,
): Promise<ResultsExport> {
  const location = locateResults(call, batch);
  if (typeof location === "string") {
    const isGone = isArchived(batch, call.settings.clock.now());
    const hint = isGone ? "; it can be deleted without an export" : "";
    throw exportFailure(batch, location + hint);
  }
  let writer: Writer | undefined;
  try {
    writer = await openStore(call, store, batch.id);
    return await exportToSink(call, location, writer);
  } catch (error) {
    if (writer !== undefined) await abortSink(writer, error);
    if (isAbort(error, call.signal)) throw error;
    if (error instanceof SinkError) {
      throw exportFailure(batch, `the store failed${wordsOf(call, error.reason)}`);
    }
    if (!(error instanceof BatchsweepError)) throw error;
    const { status, type, ...rest } = outcomeError(error);
    // A refusal by another origin says nothing of the credentials, nor of the other batches.
    throw new ExportFailure(location.askedForeign ? rest : { status, type, ...rest });
  }
}

async function openStore({ signal }: Call, store: ResultStore, id: string): Promise<Writer> {
  const opening = (async () => writerOf(await store.open(id)))();
  try {
    return await unlessAborted(opening, signal);
  } catch (error) {
    opening.then((writer) => writer.abort(error)).catch(() => {}); // it may still open
    throw signal?.aborted ? error : new SinkError(error);
  }
}

/**
 * The message of a store's error, without known secrets. If a function gives the secret, it is not
 * known: the function may have given another since.
 */
function wordsOf({ settings: { confidential, credential } }: Call, reason: unknown): string {
  const { secret } = credential;
  if (typeof secret !== "string" || !(reason instanceof Error) || reason.message === "") return "";
  return `: ${printable(reason.message, 500, [...confidential, secret])}`;
}

/** Makes the failure of an export that was not begun, or that the store ended. */
export function exportFailure(
  { id }: MessageBatch,
  why: string,
  code: "ERR_EXPORT" | "ERR_ARCHIVED" = "ERR_EXPORT",
): ExportFailure {
  const message = `Cannot export the results of ${subjectOf(id)}: ${why}`;
  return new ExportFailure({ code, message, why });
}
