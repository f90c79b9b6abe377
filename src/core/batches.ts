/** Message Batches: retrieve, cancel and list them. @module */
import * as v from "../deps.ts";
import { checkOptions, isNumber, segment } from "./check.ts";
import { callChecks, type CallOptions, checkClient, type Client } from "./client.ts";
import { batchTarget, messageBatch } from "./delete.ts";
import { APIError, type InvalidResponseError } from "./errors.ts";
import { invalidResponse, issuesOf, parseResponse, type Reply } from "./response.ts";
import { type Call, createCall, send } from "./send.ts";

/**
 * A Message Batch, as the API describes it.
 *
 * @see [Retrieve a Message Batch](https://platform.claude.com/docs/en/api/messages/batches/retrieve)
 */
export interface MessageBatch {
  readonly id: string;
  /** `"ended"` is the only status in which a batch can be deleted. */
  readonly processing_status:
    | "in_progress"
    | "canceling"
    | "ended"
    | (string & Record<never, never>);
  /** Their sum is the number of requests. All but `processing` stay 0 until the batch has ended. */
  readonly request_counts: {
    readonly processing: number;
    readonly succeeded: number;
    readonly errored: number;
    readonly canceled: number;
    readonly expired: number;
  };
  /** Times are RFC 3339 date-times. */
  readonly created_at: string;
  readonly expires_at: string;
  readonly ended_at: string | null;
  readonly cancel_initiated_at: string | null;
  /** When the results went; a batch without results can still be viewed and deleted. */
  readonly archived_at: string | null;
  /** Where the results are; absolute. */
  readonly results_url: string | null;
}

/**
 * The schema of a Message Batch, read tolerantly: unknown members stay, and a missing nullable member
 * is null. It is made on demand, so that a bundle has it only where it is used.
 *
 * @param id The id that it must have; undefined: any.
 */
export function messageBatchSchema(id?: string): v.GenericSchema<unknown, MessageBatch> {
  const orNull = v.nullish(v.string(), null);
  return v.looseObject({
    id: id === undefined ? v.string() : v.literal(id),
    processing_status: v.string(),
    request_counts: v.looseObject({
      processing: v.number(),
      succeeded: v.number(),
      errored: v.number(),
      canceled: v.number(),
      expired: v.number(),
    }),
    created_at: v.string(),
    expires_at: v.string(),
    ended_at: orNull,
    cancel_initiated_at: orNull,
    archived_at: orNull,
    results_url: orNull,
  });
}

/** Where one Message Batch is. */
export const batchPath: typeof messageBatch.path = messageBatch.path;

/**
 * Retrieves a Message Batch: its status, its counts, its times.
 *
 * @returns The batch, with every field the API gives.
 * @throws {NotFoundError} No such batch in the workspace of the key.
 * @throws {APIError | InvalidResponseError | APIConnectionError | APITimeoutError} As every call.
 * @throws {TypeError | RangeError} An argument cannot be used; no request was made.
 *
 * @example See whether a batch can be deleted
 * ```ts
 * import { retrieveMessageBatch } from "batchsweep";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * const { id } = sandbox.seed();
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch };
 *
 * const batch = await retrieveMessageBatch(client, id);
 * console.log(batch.processing_status);
 * ```
 * @see [Retrieve a Message Batch](https://platform.claude.com/docs/en/api/messages/batches/retrieve)
 */
export async function retrieveMessageBatch(
  client: Client,
  id: string,
  options: CallOptions = {},
): Promise<MessageBatch> {
  const call = createCall(checkClient(client), checkOptions(options, callChecks));
  return await retrieveBatch(call, id);
}

/**
 * Asks the API to stop processing a Message Batch. It answers at once; the batch is `"canceling"`
 * then, and `"ended"` later. Results it has until then are kept, and paid for.
 *
 * @returns The batch as it is now.
 * @throws {NotFoundError} No such batch in the workspace of the key.
 * @throws {APIError} The API refused: as a rule, because the batch has ended.
 * @throws {InvalidResponseError | APIConnectionError | APITimeoutError} As every call.
 * @throws {TypeError | RangeError} An argument cannot be used; no request was made.
 *
 * @example Stop a batch
 * ```ts
 * import { cancelMessageBatch } from "batchsweep";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * const { id } = sandbox.seed({ processing_status: "in_progress" });
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch };
 *
 * const batch = await cancelMessageBatch(client, id);
 * console.log(batch.processing_status); // "canceling"
 * ```
 * @see [Cancel a Message Batch](https://platform.claude.com/docs/en/api/messages/batches/cancel)
 */
export async function cancelMessageBatch(
  client: Client,
  id: string,
  options: CallOptions = {},
): Promise<MessageBatch> {
  const call = createCall(checkClient(client), checkOptions(options, callChecks));
  return await cancelBatch(call, id);
}

/** Does what {@link retrieveMessageBatch} does. */
export async function retrieveBatch(call: Call, id: string): Promise<MessageBatch> {
  const reply = await batchTarget(call, id).send("GET", { operation: "retrieve" });
  return parseResponse(reply, messageBatchSchema(id));
}

/** Does what {@link cancelMessageBatch} does. */
export async function cancelBatch(call: Call, id: string): Promise<MessageBatch> {
  const cancel = { operation: "cancel", suffix: "/cancel" };
  const reply = await batchTarget(call, id).send("POST", cancel);
  return parseResponse(reply, messageBatchSchema(id));
}

/** How messages name a batch. */
export function subjectOf(id: string): string {
  return `message batch ${JSON.stringify(id)}`;
}

/** Whether a text can be the id of a batch: one path segment, and nothing like a key. */
export function isBatchId(id: string): boolean {
  try {
    return segment(id, "message_batch_id") !== "";
  } catch {
    return false;
  }
}

/** Options of a list. */
export interface ListOptions extends CallOptions {
  /**
   * How many batches one request asks for, from 1 to 1000. It does not limit the list. Where the server
   * refuses so many, as gateways do, the list goes on with 100, then with 20.
   *
   * @default 1000
   */
  readonly pageSize?: number | undefined;
}

const listChecks = { ...callChecks, pageSize: /* @__PURE__ */ isNumber(1, 1000, { whole: true }) };
const maxPageBytes = 16_777_216; // a page of 1000 batches has some 600 kB today
const tooMany: readonly number[] = [400, 413, 422]; // what servers refuse a page size with
const maxListed = 2_000_000; // a list that is longer never ends, and a plan of more would not fit into memory

/**
 * Lists the Message Batches of the workspace, newest first. A page is asked for when its first
 * batch is, and not before. You may delete batches while you iterate: if the cursor is lost with one,
 * the list begins again, and yields no batch twice.
 *
 * One batch that cannot be read does not end the list: it is left out, and the error comes at the end.
 *
 * @returns Every batch, page by page.
 * @throws {InvalidResponseError} A page, or at the end one batch, is not what the API promises.
 * @throws {APIError | APIConnectionError | APITimeoutError} As every call.
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
  const { pageSize, ...checked } = checkOptions(options, listChecks);
  let failure: InvalidResponseError | undefined;
  for await (const listed of listBatches(createCall(checkClient(client), checked), pageSize)) {
    if ("error" in listed) failure ??= listed.error;
    else if (!listed.again) yield listed.batch;
  }
  if (failure !== undefined) throw failure;
}

/** One object of a list: a batch, or why it cannot be read, with its id where that can be. */
export type Listed =
  /** `again`: it came before; this look is the later one. */
  | { readonly batch: MessageBatch; readonly again?: boolean }
  | { readonly id: string | undefined; readonly error: InvalidResponseError };

/** Lists all batches of the workspace. */
export async function* listBatches(
  call: Call,
  pageSize: number = 1000,
): AsyncGenerator<Listed, void, undefined> {
  const seen = new Set<string>();
  const unreadable = new Set<string>();
  let nameless = 0; // those without an id that can be used
  let passed = 0; // of them, since the list began: when it begins again, they come again
  const found = () => seen.size + unreadable.size + nameless;
  const cursors = new Set<string>();
  let size = pageSize;
  let after: string | undefined;
  let seenAtLastBegin = 0;
  let pages = 0; // that had something new
  let stale = 0; // pages in a row that had nothing new
  for (;;) {
    let page: Page;
    try {
      page = await listPage(call, after, size);
    } catch (error) {
      const status = error instanceof APIError ? error.status : 0;
      const smaller = [100, 20].find((one) => one < size);
      if (after === undefined && tooMany.includes(status) && smaller !== undefined) {
        size = smaller;
      } else if (
        after !== undefined && (status === 400 || status === 404) && seen.size > seenAtLastBegin
      ) {
        // The batch that was the cursor is gone.
        seenAtLastBegin = seen.size;
        after = undefined;
        passed = 0;
        cursors.clear();
      } else throw error;
      continue;
    }
    const { listed, next, reply } = page;
    const before = found();
    for (const one of listed) {
      if ("batch" in one) {
        const again = seen.has(one.batch.id);
        seen.add(one.batch.id);
        yield { ...one, again };
      } else if (one.id !== undefined) {
        unreadable.add(one.id);
        yield one;
      } else if (++passed > nameless) {
        nameless = passed;
        yield one;
      }
    }
    if (next === undefined) return;
    if (found() > before) [pages, stale] = [pages + 1, 0];
    else stale += 1;
    if (cursors.has(next) || stale > pages || found() > maxListed) {
      throw invalidResponse(reply, noCursor);
    }
    cursors.add(next);
    after = next;
  }
}

const noCursor = "it has more, but no cursor that leads on";

/** One page of a list. */
interface Page {
  readonly listed: readonly Listed[];
  /** The cursor of the next page; undefined: this is the last. */
  readonly next: string | undefined;
  readonly reply: Reply;
}

/** Lists the page after a cursor, or the first. */
export async function listPage(call: Call, after?: string, pageSize = 1000): Promise<Page> {
  const cursor = after === undefined ? "" : `&after_id=${encodeURIComponent(after)}`;
  const pathTemplate = "/v1/messages/batches";
  const reply = await send(call, {
    operation: "list",
    subject: "message batches",
    method: "GET",
    path: `${pathTemplate}?limit=${pageSize}${cursor}`,
    pathTemplate,
    maxBytes: maxPageBytes,
  });
  const page = v.looseObject({
    data: v.array(v.unknown()),
    has_more: v.boolean(),
    last_id: v.nullish(v.string(), null),
  });
  const { data, has_more, last_id } = parseResponse(reply, page);
  const schema = messageBatchSchema();
  // Where the cursor is missing, a batch is one. What comes after it comes again on the next page.
  const hasId = (value: unknown) => typeof Object(value).id === "string";
  const end = has_more && last_id === null ? data.findLastIndex(hasId) + 1 : data.length;
  const last = last_id ?? Object(data[end - 1]).id;
  if (has_more && (end === 0 || last === undefined)) throw invalidResponse(reply, noCursor);
  const listed = data.slice(0, end).map((value, index): Listed => {
    const { id } = Object(value);
    const usable = typeof id === "string" && isBatchId(id) ? id : undefined;
    const issues = usable === undefined ? [{ path: "id", message: "Expected an id" }] : [];
    const result = v.safeParse(schema, value);
    if (result.success && usable !== undefined) return { batch: result.output };
    if (!result.success) issues.push(...issuesOf(result.issues));
    const subject = usable === undefined
      ? `message batch ${index + 1} of a page`
      : subjectOf(usable);
    const exchange = { ...reply.exchange, subject };
    return { id: usable, error: invalidResponse({ ...reply, exchange }, issues) };
  });
  return { listed, next: has_more ? last : undefined, reply };
}
