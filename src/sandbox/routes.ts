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
  type BatchStore,
  cancelRecord,
  createRecord,
  endCounts,
  hasEnded,
  hasResults,
  showBatch,
} from "./batches.ts";
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
      const requests = await readRequests(call.request);
      const id = newId("msgbatch");
      const seed = { id, processing_status: "in_progress", requests } as const;
      const record = createRecord(seed, call.now, settings);
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

/** The custom ids in a request to create a batch. It throws the API's refusal of a wrong one. */
async function readRequests(request: Request): Promise<readonly string[]> {
  const body = await request.json().catch(() => {
    throw invalid("The request body is not valid JSON.");
  });
  const { requests } = Object(body);
  if (!Array.isArray(requests)) throw invalid("requests: Field required");
  const { length } = requests;
  if (length === 0 || length > 100_000) {
    const bound = length === 0 ? "at least 1 item" : "at most 100000 items";
    throw invalid(`requests: List should have ${bound} after validation, not ${length}`);
  }
  const seen = new Set<unknown>();
  return requests.map((entry: unknown, i) => {
    const { custom_id: customId, params } = Object(entry);
    const refuse = (name: string, why: string) => invalid(`requests.${i}.${name}: ${why}`);
    if (typeof customId !== "string" || !customIdPattern.test(customId)) {
      throw refuse("custom_id", `String should match pattern '${customIdPattern.source}'`);
    }
    if (seen.has(customId)) throw refuse("custom_id", "custom_id must be unique within the batch");
    seen.add(customId);
    if (typeof params !== "object" || params === null || Array.isArray(params)) {
      throw refuse("params", "Input should be an object");
    }
    return customId;
  });
}

const customIdPattern = /^[a-zA-Z0-9_-]{1,64}$/;

/** The text of a result in the documentation. */
const documentedText =
  "Hello! How can I assist you today? Feel free to ask me any questions or let me know if there's anything you'd like to chat about.";

/**
 * Makes the results of an ended batch, one JSON object a line, in the order of its counts:
 * succeeded, errored, canceled, expired. The same batch always gives the same lines.
 */
function* resultLines(record: BatchRecord): Generator<string> {
  const counts = endCounts(record);
  const { text = documentedText } = record.seed;
  let number = 0;
  for (const type of ["succeeded", "errored", "canceled", "expired"] as const) {
    for (let i = 0; i < counts[type]; i++) {
      const customId = record.customIds[number++] ?? `request-${number}`;
      const message = type === "succeeded" ? messageOf(number, text) : undefined;
      const result = { type, message, error: type === "errored" ? requestError : undefined };
      yield `${JSON.stringify({ custom_id: customId, result })}\n`;
    }
  }
}

const messageOf = (number: number, text: string) => ({
  id: `msg_01${String(number).padStart(22, "0")}`,
  type: "message",
  role: "assistant",
  model: "claude-sonnet-4-5-20250929",
  content: [{ type: "text", text }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: { input_tokens: 10, output_tokens: 34 },
});

const requestError = {
  type: "error",
  error: { type: "invalid_request_error", message: "The request is invalid." },
  request_id: null,
};
