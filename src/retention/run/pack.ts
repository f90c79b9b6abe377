import type { MessageBatch } from "../../core/batches.ts";
import { parseTimestamp } from "../../purge/time.ts";

const letters: Readonly<Record<string, string>> = { ended: "e", in_progress: "i", canceling: "c" };

/**
 * Writes as much of a batch as a policy goes by into one short line: a hundred thousand of them have
 * to fit into the state of a Worker.
 */
export function packBatch({ id, processing_status, created_at, ended_at }: MessageBatch): string {
  const time = (text: string | null) => parseTimestamp(text)?.toString(36) ?? "";
  return [id, letters[processing_status] ?? "", time(created_at), time(ended_at)].join(" ");
}

const farthest = 8_640_000_000_000_000; // what a Date can hold

/** Reads a line of {@link packBatch}. A policy makes of it what it makes of the batch. */
export function unpackBatch(line: string): MessageBatch {
  const [id = "", letter, created = "", ended = ""] = line.split(" ");
  const time = (text: string) => {
    const at = parseInt(text, 36);
    return Math.abs(at) <= farthest ? new Date(at).toISOString() : "";
  };
  return {
    id,
    processing_status: Object.keys(letters).find((name) => letters[name] === letter) ?? "unknown",
    created_at: time(created),
    ended_at: time(ended),
    request_counts: { processing: 0, succeeded: 0, errored: 0, canceled: 0, expired: 0 },
    expires_at: "",
    cancel_initiated_at: null,
    archived_at: null,
    results_url: null,
  };
}
