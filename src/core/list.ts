import type { CallOptions, Client } from "./client.ts";
import { send } from "./http.ts";
import { invalid, judge, type Reply } from "./response.ts";
import type { MessageBatch } from "./message-batch.ts";
import { messageBatchPageSchema } from "./schemas.ts";
import { settingsOf } from "./settings.ts";

/** Options of a list. */
export interface ListOptions extends CallOptions {
  /**
   * How many batches one request asks for, from 1 to 1000. It does not limit the list.
   *
   * @default 1000
   */
  readonly pageSize?: number | undefined;
}

const pathTemplate = "/v1/messages/batches";
const mostBytes = 16_777_216; // a page of 1000 batches has some 600 kB today

/**
 * Lists the Message Batches of the workspace, newest first. A page is asked for when its first
 * batch is, and not before.
 *
 * What a page does whose cursor was deleted meanwhile is published nowhere: collect the ids before
 * you delete, or delete a page only after the next one has come.
 *
 * @param client Who calls, and how.
 * @param options Options of the calls.
 * @returns Every batch, page by page.
 * @throws {APIError | InvalidResponseError | APIConnectionError | APITimeoutError} As every call.
 * @throws {TypeError | RangeError} An argument cannot be used; no request was made.
 *
 * @example See what is there
 * ```ts
 * import { listMessageBatches } from "batchsweep";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * sandbox.seed({ processing_status: "ended" });
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch };
 *
 * for await (const batch of listMessageBatches(client)) {
 *   console.log(batch.id, batch.processing_status);
 * }
 * ```
 * @see [List Message Batches](https://platform.claude.com/docs/en/api/messages/batches/list)
 */
export async function* listMessageBatches(
  client: Client,
  options: ListOptions = {},
): AsyncGenerator<MessageBatch, void, undefined> {
  const { pageSize = 1000, ...callOptions } = options;
  if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > 1000) {
    throw new RangeError(
      `Cannot use pageSize as ${pageSize}: it must be a whole number from 1 to 1000`,
    );
  }
  const cursors = new Set<string>();
  let after: string | undefined;
  for (;;) {
    const { batches, next, reply } = await listPage(client, { ...callOptions, pageSize, after });
    yield* batches;
    if (next === undefined) return;
    if (cursors.has(next)) throw invalid(reply, noCursor, []);
    cursors.add(next);
    after = next;
  }
}

const noCursor = "it has more, but no cursor that leads on";

/** One page of a list. */
interface Page {
  readonly batches: readonly MessageBatch[];
  /** The cursor of the next page; undefined: this is the last. */
  readonly next: string | undefined;
  readonly reply: Reply;
}

/** Lists the page after a cursor, or the first. */
export async function listPage(
  client: Client,
  { pageSize = 1000, after, ...options }: ListOptions & { readonly after?: string | undefined },
): Promise<Page> {
  const cursor = after === undefined ? "" : `&after_id=${encodeURIComponent(after)}`;
  const path = `${pathTemplate}?limit=${pageSize}${cursor}`;
  const action = "list message batches";
  const request = { action, method: "GET", path, pathTemplate, mostBytes } as const;
  const reply = await send(settingsOf(client), request, options);
  const { data, has_more, last_id } = judge(reply, messageBatchPageSchema());
  const next = has_more ? last_id ?? data.at(-1)?.id : undefined;
  if (has_more && data.length === 0) throw invalid(reply, noCursor, []);
  return { batches: data, next, reply };
}
