import type { MessageBatch } from "../../core/message-batch.ts";

const states = ["succeeded", "errored", "canceled", "expired", "processing"] as const;

/** What became of the requests of a batch, such as `2 succeeded, 1 errored`. */
export function describeRequests({ request_counts: counts }: MessageBatch): string {
  const parts = states.filter((state) => counts[state] > 0)
    .map((state) => `${counts[state]} ${state}`);
  return parts.join(", ") || "no requests";
}
