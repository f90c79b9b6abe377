import { type Call, jsonAnswer, type Route } from "./answer.ts";
import { hasEnded, hasResults, PROCESSING_LIMIT, RESULTS_LIMIT, showBatch } from "./batch-life.ts";
import type { BatchStore } from "./batch-store.ts";
import { readCreateBody } from "./create-body.ts";
import type { Ids } from "./ids.ts";
import type { BatchRecord } from "./message-batch.ts";
import { notFound, Refusal } from "./refusal.ts";
import { resultLines } from "./result-lines.ts";
import { DEFAULT_TEXT, endOf, type LifeTimes } from "./seed-record.ts";

/** What the routes of Message Batches need. */
export interface MessageBatchSettings extends LifeTimes {
  readonly store: BatchStore;
  readonly ids: Ids;
  readonly unendedStatus: 400 | 409;
  readonly sizeLimit: number;
}

/**
 * The six operations of Message Batches.
 *
 * @see [Message Batches](https://platform.claude.com/docs/en/api/messages/batches)
 */
export function messageBatchRoutes(settings: MessageBatchSettings): readonly Route[] {
  const { store, ids, processingTime, cancelingTime, unendedStatus, sizeLimit } = settings;

  function find({ params }: Call): BatchRecord {
    const record = store.find(params.message_batch_id ?? "");
    if (!record) throw notFound();
    return record;
  }

  const show = (record: BatchRecord, { now, baseUrl }: Call) => showBatch(record, now, baseUrl);

  return [
    {
      method: "POST",
      path: "/v1/messages/batches",
      async handle(call) {
        const requests = await readCreateBody(call.request, sizeLimit);
        const expiresAt = call.now + PROCESSING_LIMIT;
        const record: BatchRecord = {
          id: ids.next("msgbatch"),
          createdAt: call.now,
          expiresAt,
          archivedAt: call.now + RESULTS_LIMIT,
          cancelInitiatedAt: undefined,
          end: endOf(call.now + processingTime, expiresAt, "succeeded"),
          total: requests.length,
          planned: undefined,
          requestAt: (index) => requests[index] ?? { customId: "", model: "" },
          text: DEFAULT_TEXT,
          shown: {},
          override: undefined,
        };
        store.put(record);
        return jsonAnswer(show(record, call));
      },
    },
    {
      method: "GET",
      path: "/v1/messages/batches",
      handle(call) {
        const { limit, cursor } = readListQuery(call.url.searchParams);
        const page = store.page(limit, cursor);
        // [inferred] What a cursor does whose batch is gone is published nowhere.
        if (!page) throw new Refusal(400, "after_id and before_id must be IDs of a Message Batch.");
        const data = page.records.map((record) => show(record, call));
        return jsonAnswer({
          data,
          has_more: page.hasMore,
          first_id: data.at(0)?.id ?? null,
          last_id: data.at(-1)?.id ?? null,
        });
      },
    },
    {
      method: "GET",
      path: "/v1/messages/batches/{message_batch_id}",
      handle: (call) => jsonAnswer(show(find(call), call)),
    },
    {
      method: "POST",
      path: "/v1/messages/batches/{message_batch_id}/cancel",
      handle(call) {
        const record = find(call);
        // [inferred] Published nowhere; public emulators refuse it so.
        if (hasEnded(record, call.now)) {
          throw new Refusal(400, "A Message Batch that has ended cannot be canceled.");
        }
        if (record.cancelInitiatedAt === undefined) {
          record.cancelInitiatedAt = call.now;
          record.end = endOf(call.now + cancelingTime, record.expiresAt, "canceled");
        }
        return jsonAnswer(show(record, call));
      },
    },
    {
      method: "DELETE",
      path: "/v1/messages/batches/{message_batch_id}",
      handle(call) {
        const record = find(call);
        // [inferred] Status, type and message are published nowhere; emulators split 400 and 409.
        if (!hasEnded(record, call.now)) {
          throw new Refusal(
            unendedStatus,
            "A Message Batch can only be deleted once it has ended.",
          );
        }
        store.remove(record.id);
        return jsonAnswer({ id: record.id, type: "message_batch_deleted" });
      },
    },
    {
      method: "GET",
      path: "/v1/messages/batches/{message_batch_id}/results",
      handle(call) {
        const record = find(call);
        // [inferred] Results that are not there yet, or no longer, do not exist.
        if (!hasResults(record, call.now)) throw notFound();
        return {
          status: 200,
          headers: { "content-type": "application/x-jsonl" },
          body: () => resultLines(record, ids),
        };
      },
    },
  ];
}

type Cursor = { after: string } | { before: string };

function readListQuery(query: URLSearchParams): { limit: number; cursor: Cursor | undefined } {
  const limit = query.get("limit") ?? "20";
  if (!/^\d+$/.test(limit) || Number(limit) < 1 || Number(limit) > 1000) {
    throw new Refusal(400, "limit: Input should be an integer from 1 to 1000");
  }
  const after = query.get("after_id");
  const before = query.get("before_id");
  if (after !== null && before !== null) {
    throw new Refusal(400, "after_id and before_id cannot be used together."); // [inferred]
  }
  const cursor = after !== null ? { after } : before !== null ? { before } : undefined;
  return { limit: Number(limit), cursor };
}
