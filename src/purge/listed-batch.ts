import type { MessageBatch } from "../core/message-batch.ts";

/** As much of a Message Batch as decides what happens to it. */
export type ListedBatch = Pick<
  MessageBatch,
  "id" | "processing_status" | "created_at" | "ended_at"
>;
