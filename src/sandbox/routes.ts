/**
 * The six operations of Message Batches.
 *
 * @see [Message Batches](https://platform.claude.com/docs/en/api/messages/batches)
 * @module
 */
import { invalid, jsonAnswer, notFound, Refusal } from "./answer.ts";
import type { Call, Routes } from "./api.ts";
import {
  type BatchRecord,
  type BatchRequest,
  type BatchStore,
  cancelRecord,
  createRecord,
  endCounts,
  hasEnded,
  hasResults,
  showBatch,
} from "./batches.ts";
import { derivedId } from "./format.ts";
import type { Settings } from "./options.ts";

/** Makes the routes of the six operations. */
export function batchRoutes(
  store: BatchStore,
  settings: Settings,
  newId: (prefix: string) => string,
): Routes {
  function find({ params }: Call): BatchRecord {
    const record = store.find(params["message_batch_id"] ?? "");
    if (!record) throw notFound();
    return record;
  }
  const show = (record: BatchRecord, { now, baseUrl }: Call) => showBatch(record, now, baseUrl);

  return {
    "POST /v1/messages/batches": async (call) => {
      const requests = await readCreateBody(call.request, settings.requestSizeLimit);
      const id = newId("msgbatch");
      const seed = { id, processing_status: "in_progress", requests: requests.length } as const;
      const record = { ...createRecord(seed, call.now, settings), requests };
      store.put(record);
      return jsonAnswer(show(record, call));
    },
    "GET /v1/messages/batches": (call) => {
      const [records, hasMore] = readPage(call.url.searchParams, store);
      const data = records.map((record) => show(record, call));
      return jsonAnswer({
        data,
        has_more: hasMore,
        first_id: data.at(0)?.id ?? null,
        last_id: data.at(-1)?.id ?? null,
      });
    },
    "GET /v1/messages/batches/{message_batch_id}": (call) => jsonAnswer(show(find(call), call)),
    "POST /v1/messages/batches/{message_batch_id}/cancel": (call) => {
      const record = find(call);
      // [inferred] Published nowhere; public emulators refuse it so.
      if (hasEnded(record, call.now)) {
        throw invalid("A Message Batch that has ended cannot be canceled.");
      }
      cancelRecord(record, call.now, settings);
      return jsonAnswer(show(record, call));
    },
    "DELETE /v1/messages/batches/{message_batch_id}": (call) => {
      const record = find(call);
      // [inferred] Status, type and message are published nowhere; emulators split 400 and 409.
      if (!hasEnded(record, call.now)) {
        const message = "A Message Batch can only be deleted once it has ended.";
        throw new Refusal(settings.unendedStatus, message);
      }
      store.remove(record);
      return jsonAnswer({ id: record.seed.id, type: "message_batch_deleted" });
    },
    "GET /v1/messages/batches/{message_batch_id}/results": (call) => {
      const record = find(call);
      // [inferred] Results that are not there yet, or no longer, do not exist.
      if (!hasResults(record, call.now)) throw notFound();
      const headers = { "content-type": "application/x-jsonl" };
      return { status: 200, headers, body: () => resultLines(record) };
    },
  };
}

/** The page that a query asks for. */
function readPage(query: URLSearchParams, store: BatchStore): ReturnType<BatchStore["page"]> {
  const limit = query.get("limit") ?? "20";
  if (!/^\d+$/.test(limit) || Number(limit) < 1 || Number(limit) > 1000) {
    throw invalid("limit: Input should be an integer from 1 to 1000");
  }
  const after = query.get("after_id");
  const before = query.get("before_id");
  if (after !== null && before !== null) {
    throw invalid("after_id and before_id cannot be used together."); // [inferred]
  }
  const id = after ?? before;
  const cursor = id === null ? undefined : store.find(id);
  // [inferred] What a cursor does whose batch is gone is published nowhere.
  if (id !== null && !cursor) {
    throw invalid("after_id and before_id must be IDs of a Message Batch.");
  }
  return store.page(Number(limit), cursor, before !== null);
}

/** Reads the body of a request to create a batch, and throws the API's refusal of a wrong one. */
async function readCreateBody(
  request: Request,
  sizeLimit: number,
): Promise<readonly BatchRequest[]> {
  const requests = member(await readJson(request, sizeLimit), "requests");
  if (!Array.isArray(requests)) throw invalid("requests: Field required");
  const wrongLength = (bound: string) =>
    invalid(`requests: List should have ${bound} after validation, not ${requests.length}`);
  if (requests.length === 0) throw wrongLength("at least 1 item");
  if (requests.length > 100_000) throw wrongLength("at most 100000 items");
  const pattern = /^[a-zA-Z0-9_-]{1,64}$/;
  const seen = new Set<string>();
  return requests.map((entry: unknown, i) => {
    const customId = member(entry, "custom_id");
    if (typeof customId !== "string" || !pattern.test(customId)) {
      throw invalid(`requests.${i}.custom_id: String should match pattern '${pattern.source}'`);
    }
    if (seen.has(customId)) {
      throw invalid(`requests.${i}.custom_id: custom_id must be unique within the batch`);
    }
    seen.add(customId);
    const params = member(entry, "params");
    if (typeof params !== "object" || params === null || Array.isArray(params)) {
      throw invalid(`requests.${i}.params: Input should be an object`);
    }
    const model = member(params, "model");
    return { customId, model: typeof model === "string" ? model : undefined };
  });
}

async function readJson(request: Request, sizeLimit: number): Promise<unknown> {
  const tooLarge = new Refusal(413, "Request exceeds the maximum allowed number of bytes.");
  if (Number(request.headers.get("content-length")) > sizeLimit) throw tooLarge;
  const bytes = await request.arrayBuffer();
  if (bytes.byteLength > sizeLimit) throw tooLarge;
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw invalid("The request body is not valid JSON.");
  }
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

/** The text of a result in the documentation. */
const documentedText =
  "Hello! How can I assist you today? Feel free to ask me any questions or let me know if there's anything you'd like to chat about.";

/**
 * Makes the results of an ended batch, one JSON object a line, in the order of its counts:
 * succeeded, errored, canceled, expired. The same batch always gives the same lines.
 */
function* resultLines(record: BatchRecord): Generator<string> {
  const counts = endCounts(record);
  const { id, text = documentedText } = record.seed;
  let number = 0;
  for (const type of ["succeeded", "errored", "canceled", "expired"] as const) {
    for (let i = 0; i < counts[type]; i++) {
      const request = record.requests[number++];
      const { customId = `request-${number}`, model = "claude-opus-5" } = request ?? {};
      const result = { type, ...resultOf[type](derivedId("msg", id, number), model, text) };
      yield `${JSON.stringify({ custom_id: customId, result })}\n`;
    }
  }
}

/** The members of a result besides its type. */
const resultOf = {
  succeeded: (id: string, model: string, text: string) => ({
    message: {
      id,
      type: "message",
      role: "assistant",
      model,
      content: [{ type: "text", text }],
      stop_reason: "end_turn",
      stop_sequence: null,
      usage: { input_tokens: 10, output_tokens: 34 },
    },
  }),
  errored: () => ({
    error: {
      type: "error",
      error: { type: "invalid_request_error", message: "The request is invalid." },
      request_id: null,
    },
  }),
  canceled: () => ({}),
  expired: () => ({}),
};
