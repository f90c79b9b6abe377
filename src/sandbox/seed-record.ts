import { PROCESSING_LIMIT, RESULTS_LIMIT } from "./batch-life.ts";
import type { BatchRecord, RequestCounts, ShownTime } from "./message-batch.ts";

/** A batch to put in place. Whatever is left out follows from the rest. */
export interface BatchSeed {
  /** A new id by default. A batch that has this id is replaced. */
  readonly id?: string | undefined;
  /**
   * `"ended"` by default. One that has not ended goes on living: it ends after the sandbox's
   * `processingTime` or `cancelingTime` from now, and 24 hours after `created_at` at the latest.
   */
  readonly processing_status?: "in_progress" | "canceling" | "ended" | undefined;
  /** RFC 3339. Now by default; for an ended batch, one `processingTime` ago. */
  readonly created_at?: string | undefined;
  /** RFC 3339. 24 hours after `created_at` by default. */
  readonly expires_at?: string | undefined;
  /** RFC 3339. For an ended batch, one `processingTime` after `created_at` by default. */
  readonly ended_at?: string | null | undefined;
  /** RFC 3339. For a canceling batch, now by default. */
  readonly cancel_initiated_at?: string | null | undefined;
  /** RFC 3339. 29 days after `created_at` by default; shown from then on. */
  readonly archived_at?: string | undefined;
  /** The number of requests, or their custom ids. 1 by default. */
  readonly requests?: number | readonly string[] | undefined;
  /**
   * What becomes of the requests, once the batch has ended. Those that are `processing` here
   * succeed, or are canceled or expired with the batch. Its sum comes before a number in `requests`.
   */
  readonly request_counts?: Partial<RequestCounts> | undefined;
  /** Text of each succeeded result: with a long one, results of any size. */
  readonly text?: string | undefined;
  /** Members laid over each answer about this batch as they are: for shapes no real life leads to. */
  readonly override?: Readonly<Record<string, unknown>> | undefined;
}

/** What a batch has before anybody says otherwise. */
export const DEFAULT_MODEL = "claude-opus-5";
/** The text of a result in the documentation. */
export const DEFAULT_TEXT =
  "Hello! How can I assist you today? Feel free to ask me any questions or let me know if there's anything you'd like to chat about.";

/** How long things take, ms. */
export interface LifeTimes {
  readonly processingTime: number;
  readonly cancelingTime: number;
}

const TIMES: readonly ShownTime[] = [
  "created_at",
  "expires_at",
  "ended_at",
  "cancel_initiated_at",
  "archived_at",
];

/**
 * The record of a seeded batch. Timestamps are shown as they were given, to the letter; one that
 * cannot be read counts as left out.
 */
export function seedRecord(
  seed: BatchSeed & { readonly id: string },
  now: number,
  times: LifeTimes,
): BatchRecord {
  const status = seed.processing_status ?? "ended";
  const createdAt = time(seed.created_at) ??
    (status === "ended" ? now - times.processingTime : now);
  const expiresAt = time(seed.expires_at) ?? createdAt + PROCESSING_LIMIT;
  const cancelInitiatedAt = time(seed.cancel_initiated_at) ??
    (status === "canceling" ? now : undefined);
  const rest = cancelInitiatedAt === undefined ? "succeeded" : "canceled";
  const endedAt = time(seed.ended_at) ?? createdAt + times.processingTime;
  const wait = status === "canceling" ? times.cancelingTime : times.processingTime;
  const { requests = 1, request_counts: counts } = seed;
  const planned = counts && { ...NO_REQUESTS, ...counts };
  return {
    id: seed.id,
    createdAt,
    expiresAt,
    archivedAt: time(seed.archived_at) ?? createdAt + RESULTS_LIMIT,
    cancelInitiatedAt,
    end: status === "ended"
      ? { at: Math.min(endedAt, now), rest }
      : endOf(now + wait, expiresAt, rest),
    total: planned ? total(planned) : typeof requests === "number" ? requests : requests.length,
    // Nothing but processing is no plan: the sandbox's own defaults apply.
    planned: planned && total(planned) > planned.processing ? planned : undefined,
    requestAt: (index) => ({
      customId: (typeof requests === "number" ? undefined : requests[index]) ??
        `request-${index + 1}`,
      model: DEFAULT_MODEL,
    }),
    text: seed.text ?? DEFAULT_TEXT,
    shown: Object.fromEntries(
      TIMES.flatMap((name) => seed[name] === undefined ? [] : [[name, seed[name]]]),
    ),
    override: seed.override,
  };
}

/** The end of a batch that would end at a time, if processing does not expire before. */
export function endOf(
  at: number,
  expiresAt: number,
  rest: "succeeded" | "canceled",
): BatchRecord["end"] {
  return at <= expiresAt ? { at, rest } : { at: expiresAt, rest: "expired" };
}

const NO_REQUESTS: RequestCounts = {
  processing: 0,
  succeeded: 0,
  errored: 0,
  canceled: 0,
  expired: 0,
};

function total(counts: RequestCounts): number {
  return counts.processing + counts.succeeded + counts.errored + counts.canceled + counts.expired;
}

function time(text: string | null | undefined): number | undefined {
  const parsed = Date.parse(text ?? "");
  return Number.isNaN(parsed) ? undefined : parsed;
}
