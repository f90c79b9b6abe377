import type { ApiRequest } from "../../core/attempt.ts";
import { batchPath } from "../../core/batches.ts";
import { cannotUse } from "../../core/cannot-use.ts";
import type { MessageBatch } from "../../core/message-batch.ts";
import { fillPath } from "../../core/path.ts";
import { loopback, type Settings } from "../../core/settings.ts";

/** Where the results of a batch are, and how many there must be. */
export interface ResultsLocation {
  readonly request: ApiRequest & { readonly url: string; readonly foreign: boolean };
  /** How many of its requests have a result. */
  readonly results: number;
}

/**
 * Finds the results of a batch, without a request. `results_url` is believed as far as it is safe:
 * what is on the client's own origin is asked for as everything is, and what is elsewhere without any
 * header of the client.
 *
 * @throws {TypeError} It is no batch, has not ended, or has no results that can be asked for.
 */
export function locateResults({ baseUrl }: Settings, batch: MessageBatch): ResultsLocation {
  const refuse = (why: string) => cannotUse("batch", why);
  if (typeof batch !== "object" || batch === null) throw refuse("it is not a message batch");
  const { id, processing_status, archived_at, results_url, request_counts } = batch;
  const path = `${fillPath(batchPath, { message_batch_id: id })}/results`;
  if (processing_status !== "ended") throw refuse("it has not ended, and has no results before");
  if (typeof archived_at === "string") {
    throw refuse("its results are gone: they were archived, 29 days after its creation");
  }
  if (typeof results_url !== "string") throw refuse("it has no results_url");

  const { processing, succeeded, errored, canceled, expired } = Object(request_counts);
  const counts: unknown[] = [succeeded, errored, canceled, expired];
  const results = counts.every(isCount) ? counts.reduce((sum, count) => sum + count, 0) : 0;
  // A batch has a request at least, so one that has ended has a result.
  if (processing !== 0 || results < 1 || !isCount(results)) {
    throw refuse("its request_counts are not those of a batch that has ended");
  }

  const url = parse(results_url);
  const own = new URL(baseUrl);
  const foreign = url?.origin !== own.origin;
  const near = loopback.test(own.hostname) && loopback.test(url?.hostname ?? "");
  if (foreign && url?.protocol !== "https:" && !(url?.protocol === "http:" && near)) {
    throw refuse("its results_url is neither of the API nor HTTPS");
  }
  if (url.username !== "" || url.password !== "") throw refuse("its results_url holds credentials");
  const whose = foreign ? " from another origin, which is given no credential" : "";
  const action = `export the results of message batch ${JSON.stringify(id)}${whose}`;
  const pathTemplate = `${batchPath}/results`;
  return {
    request: { action, method: "GET", path, pathTemplate, url: url.href, foreign },
    results,
  };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function parse(url: string): URL | undefined {
  try {
    return new URL(url);
  } catch {
    return undefined;
  }
}
