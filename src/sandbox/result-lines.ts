import { endCounts } from "./batch-life.ts";
import type { Ids } from "./ids.ts";
import type { BatchRecord } from "./message-batch.ts";

/**
 * The results of an ended batch, one JSON object a line, in the order of its counts: succeeded,
 * errored, canceled, expired. Nothing is kept: asking again makes the same lines again.
 */
export function* resultLines(record: BatchRecord, ids: Ids): Generator<string> {
  const counts = endCounts(record);
  let index = 0;
  for (const type of ["succeeded", "errored", "canceled", "expired"] as const) {
    for (let i = 0; i < counts[type]; i++, index++) {
      const { customId, model } = record.requestAt(index);
      const id = ids.derived("msg", record.id, index + 1);
      const result = RESULTS[type]({ id, model, text: record.text });
      yield `${JSON.stringify({ custom_id: customId, result })}\n`;
    }
  }
}

const RESULTS = {
  succeeded: ({ id, model, text }: { id: string; model: string; text: string }) => ({
    type: "succeeded",
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
    type: "errored",
    error: {
      type: "error",
      error: { type: "invalid_request_error", message: "The request is invalid." },
      request_id: null,
    },
  }),
  canceled: () => ({ type: "canceled" }),
  expired: () => ({ type: "expired" }),
};
