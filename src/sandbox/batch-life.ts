import type { BatchRecord, RequestCounts, SandboxMessageBatch } from "./message-batch.ts";
import { timestamp } from "./timestamp.ts";

/** "24 hours after created_at processing expires." */
export const PROCESSING_LIMIT: number = 24 * 60 * 60 * 1000;

/** "29 days after created_at the results are gone." */
export const RESULTS_LIMIT: number = 29 * 24 * 60 * 60 * 1000;

/** Whether a batch has ended by then, and so can be deleted. */
export function hasEnded(record: BatchRecord, now: number): boolean {
  return now >= record.end.at;
}

/** Whether there are results to read by then: the batch has ended and is not archived. */
export function hasResults(record: BatchRecord, now: number): boolean {
  return hasEnded(record, now) && now < record.archivedAt;
}

/**
 * The counts with which a batch ends. What nobody asked for otherwise: all requests succeed; of a
 * batch that was canceled or has expired, half of them, rounded down.
 */
export function endCounts({ total, planned, end }: BatchRecord): RequestCounts {
  const none = { processing: 0, succeeded: 0, errored: 0, canceled: 0, expired: 0 };
  if (planned) {
    const rest = planned[end.rest] + planned.processing;
    return { ...planned, processing: 0, [end.rest]: rest };
  }
  const succeeded = end.rest === "succeeded" ? total : Math.floor(total / 2);
  return { ...none, [end.rest]: total - succeeded, succeeded };
}

/**
 * What the API shows of a batch at a time.
 *
 * @param record The batch.
 * @param now Milliseconds since the epoch.
 * @param baseUrl What `results_url` begins with.
 * @returns The API's object.
 */
export function showBatch(record: BatchRecord, now: number, baseUrl: string): SandboxMessageBatch {
  const { id, shown, cancelInitiatedAt } = record;
  const ended = hasEnded(record, now);
  const archived = ended && now >= record.archivedAt;
  const processing = { succeeded: 0, errored: 0, canceled: 0, expired: 0 };
  const time = (name: keyof typeof shown, at: number): string | null =>
    name in shown ? shown[name] ?? null : timestamp(at);
  return {
    id,
    type: "message_batch",
    processing_status: ended
      ? "ended"
      : cancelInitiatedAt === undefined
      ? "in_progress"
      : "canceling",
    request_counts: ended ? endCounts(record) : { processing: record.total, ...processing },
    ended_at: ended ? time("ended_at", record.end.at) : null,
    created_at: time("created_at", record.createdAt) ?? "",
    expires_at: time("expires_at", record.expiresAt) ?? "",
    archived_at: archived ? time("archived_at", record.archivedAt) : null,
    cancel_initiated_at: cancelInitiatedAt === undefined
      ? null
      : time("cancel_initiated_at", cancelInitiatedAt),
    results_url: ended && !archived
      ? `${baseUrl}/v1/messages/batches/${encodeURIComponent(id)}/results`
      : null,
    ...record.override,
  };
}
