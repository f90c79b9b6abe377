import type { ListedBatch } from "../purge/listed-batch.ts";
import { parseTimestamp } from "../purge/timestamp.ts";

/** A batch with its times read: what rules go by. */
export interface DatedBatch {
  readonly id: string;
  readonly status: string;
  /** Milliseconds since the epoch; undefined where it cannot be read or is in the future. */
  readonly createdAt: number | undefined;
  /** As `createdAt`; undefined too where the batch has not ended. */
  readonly endedAt: number | undefined;
}

/** Reads the times of a batch, each once. A time that makes no batch old is none for any rule. */
export function datedBatch(batch: ListedBatch, now: number): DatedBatch {
  const past = (text: string | null) => {
    const time = parseTimestamp(text);
    return time !== undefined && time <= now ? time : undefined;
  };
  return {
    id: batch.id,
    status: batch.processing_status,
    createdAt: past(batch.created_at),
    endedAt: batch.processing_status === "ended" ? past(batch.ended_at) : undefined,
  };
}
