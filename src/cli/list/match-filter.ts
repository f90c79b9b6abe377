import type { MessageBatch } from "../../core/message-batch.ts";
import type { MessageBatchFilter } from "../../purge/filter.ts";
import { dayMs, parseTimestamp } from "../../purge/time.ts";

/**
 * Whether the conditions of a filter hold for a batch, to the letter. That is not whether a purge
 * deletes it: a purge deletes no batch by its age that has not ended, and none whose times are in the
 * future. Every batch that a purge means is one of these.
 *
 * @param filter The conditions; `ids` and `oldest` are none on one batch, and are left out.
 * @param batch The batch. A time that it has not, or that cannot be read, is no time.
 * @param now The time to judge by, in milliseconds since the epoch.
 */
export function matchFilter(filter: MessageBatchFilter, batch: MessageBatch, now: number): boolean {
  const { status, createdBefore, createdAfter, endedBefore, endedAfter } = filter;
  const created = timeOf(batch.created_at);
  const ended = batch.processing_status === "ended" ? timeOf(batch.ended_at) : NaN;
  // Nothing compares with NaN.
  return (status?.some((one) => one === batch.processing_status) ?? true) &&
    (filter.minDaysSinceCreated === undefined ||
      now - created >= filter.minDaysSinceCreated * dayMs) &&
    (filter.minDaysSinceEnded === undefined || now - ended >= filter.minDaysSinceEnded * dayMs) &&
    (createdBefore === undefined || created < timeOf(createdBefore)) &&
    (createdAfter === undefined || created > timeOf(createdAfter)) &&
    (endedBefore === undefined || ended < timeOf(endedBefore)) &&
    (endedAfter === undefined || ended > timeOf(endedAfter));
}

function timeOf(text: string | null): number {
  return parseTimestamp(text) ?? NaN;
}
