/**
 * Message Batches as the sandbox keeps them: how one is seeded, how it lives, what the API
 * shows of it, and the store of all.
 *
 * @module
 */
import { timestamp } from "./answer.ts";
import { cannotUse, check, type Checks, type Settings } from "./options.ts";

/** Tallies of requests by state, as the API writes them. */
export type RequestCounts = Readonly<
  Record<"processing" | "succeeded" | "errored" | "canceled" | "expired", number>
>;

/** A Message Batch as the API writes it. */
export interface SandboxMessageBatch {
  readonly id: string;
  readonly type: "message_batch";
  readonly processing_status: "in_progress" | "canceling" | "ended";
  readonly request_counts: RequestCounts;
  readonly ended_at: string | null;
  readonly created_at: string;
  readonly expires_at: string;
  readonly archived_at: string | null;
  readonly cancel_initiated_at: string | null;
  readonly results_url: string | null;
}

/** A batch to put in place. Members that are left out follow from the others. */
export interface BatchSeed {
  /** A batch that has this id is replaced. @default a new id */
  readonly id?: string | undefined;
  /**
   * One that has not ended goes on living: it ends after the sandbox's `processingTime` or
   * `cancelingTime` from now, and 24 hours after `created_at` at the latest. @default "ended"
   */
  readonly processing_status?: "in_progress" | "canceling" | "ended" | undefined;
  /** How long ago it was created, as `40d`, `12h` or `30m`; not with `created_at`. */
  readonly age?: string | undefined;
  /** RFC 3339. @default by `age`; else now, and for an ended batch one `processingTime` ago */
  readonly created_at?: string | undefined;
  /** RFC 3339. @default 24 hours after `created_at` */
  readonly expires_at?: string | undefined;
  /** RFC 3339. @default for an ended batch, one `processingTime` after `created_at` */
  readonly ended_at?: string | null | undefined;
  /** RFC 3339. @default for a canceling batch, now */
  readonly cancel_initiated_at?: string | null | undefined;
  /** RFC 3339. The API shows it from then on. @default 29 days after `created_at` */
  readonly archived_at?: string | undefined;
  /** The number of requests, or their custom ids. @default 1 */
  readonly requests?: number | readonly string[] | undefined;
  /**
   * The counts with which the batch ends. Requests that are `processing` here succeed, or are
   * canceled or expired with the batch. The sum comes before the number in `requests`.
   */
  readonly request_counts?: Partial<RequestCounts> | undefined;
  /** Text of each succeeded result: with a long one, results of any size. */
  readonly text?: string | undefined;
  /** Members laid over each answer about this batch, for shapes that no real life leads to. */
  readonly override?: Readonly<Record<string, unknown>> | undefined;
}

/** A batch as the sandbox keeps it. With the time it gives the API's object. */
export interface BatchRecord {
  readonly seed: BatchSeed & { readonly id: string };
  /** All times are milliseconds since the epoch. */
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly archivedAt: number;
  cancelInitiatedAt: number | undefined;
  /** When it ends, or ended, and the state that its `processing` requests then take. */
  end: { readonly at: number; readonly rest: "succeeded" | "canceled" | "expired" };
  /** The planned counts. */
  readonly counts: RequestCounts;
  /** The custom ids of requests that have one; the others are numbered, so that they need no memory. */
  readonly customIds: readonly string[];
}

const dayMs = 24 * 60 * 60 * 1000;

const none: RequestCounts = { processing: 0, succeeded: 0, errored: 0, canceled: 0, expired: 0 };

const countChecks: Checks<RequestCounts> = {
  processing: ["number", 0],
  succeeded: ["number", 0],
  errored: ["number", 0],
  canceled: ["number", 0],
  expired: ["number", 0],
};

/** What a batch to put in place may have. */
export const seedChecks: Checks<BatchSeed> = {
  id: ["string"],
  processing_status: ['"in_progress" | "canceling" | "ended"'],
  age: ["string"],
  created_at: ["string"],
  expires_at: ["string"],
  ended_at: ["string | null"],
  cancel_initiated_at: ["string | null"],
  archived_at: ["string"],
  requests: ["number | list"],
  request_counts: ["object"],
  text: ["string"],
  override: ["object"],
};

/**
 * Makes the record of a seeded batch. Its timestamps are shown to the letter; for its life, one that
 * is no date counts as left out.
 */
export function createRecord(
  seed: BatchRecord["seed"],
  now: number,
  { processingTime, cancelingTime }: Settings,
): BatchRecord {
  const { processing_status: status = "ended", requests = 1, request_counts } = seed;
  const age = seed.age === undefined ? status === "ended" ? processingTime : 0 : parseAge(seed.age);
  const createdAt = parse(seed.created_at) ?? now - age;
  // "24 hours after created_at processing expires", "29 days after it the results are gone".
  const expiresAt = parse(seed.expires_at) ?? createdAt + dayMs;
  const archivedAt = parse(seed.archived_at) ?? createdAt + 29 * dayMs;
  const isCanceling = status === "canceling";
  const cancelInitiatedAt = parse(seed.cancel_initiated_at) ?? (isCanceling ? now : undefined);
  const rest = cancelInitiatedAt === undefined ? "succeeded" : "canceled";
  const end = status === "ended"
    ? { at: Math.min(parse(seed.ended_at) ?? createdAt + processingTime, now), rest } as const
    : endOf(now + (isCanceling ? cancelingTime : processingTime), expiresAt, rest);
  const customIds = typeof requests === "number" ? [] : requests;
  const total = typeof requests === "number" ? requests : requests.length;
  return {
    seed,
    createdAt,
    expiresAt,
    archivedAt,
    cancelInitiatedAt,
    end,
    counts: check(request_counts ?? { processing: total }, countChecks, "request_counts"),
    customIds,
  };
}

const units: Readonly<Record<string, number>> = { d: dayMs, h: 3_600_000, m: 60_000, s: 1_000 };

/** Reads an age such as `40d`, in milliseconds. */
function parseAge(age: string): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)([dhms])$/.exec(age) ?? [];
  const ms = Number(number) * (units[unit] ?? NaN);
  if (ms >= 0) return ms;
  throw cannotUse(`age ${JSON.stringify(age)}`, "give it with its unit: 40d, 12h or 30m");
}

/**
 * So many batches over the last 60 days. Of 25, one is in progress, one is canceling (both are of the
 * last day), and the others have ended.
 */
export function* spread(count: number): Generator<BatchSeed> {
  for (let i = 0; i < count; i++) {
    const share = i / Math.max(1, count - 1);
    const status = (["in_progress", "canceling"] as const)[i % 25 - 3];
    const age = status ? `${(share * 20).toFixed(6)}h` : `${(share * 60).toFixed(6)}d`;
    if (i % 5 !== 1) yield { processing_status: status, age, requests: 3 };
    else yield { age, request_counts: { errored: 1, canceled: 1, expired: 1 } };
  }
}

function parse(text: string | null | undefined): number | undefined {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? undefined : time;
}

const sum = (counts: RequestCounts) => Object.values(counts).reduce((total, one) => total + one);

/** The end of a batch that would end at a time, if processing does not expire before. */
function endOf(at: number, expiresAt: number, rest: "succeeded" | "canceled"): BatchRecord["end"] {
  return at <= expiresAt ? { at, rest } : { at: expiresAt, rest: "expired" };
}

/** Cancels a batch. One that is canceling already stays as it is. */
export function cancelRecord(record: BatchRecord, now: number, { cancelingTime }: Settings): void {
  if (record.cancelInitiatedAt !== undefined) return;
  record.cancelInitiatedAt = now;
  record.end = endOf(now + cancelingTime, record.expiresAt, "canceled");
}

/** Whether a batch has ended by then, and so can be deleted. */
export function hasEnded(record: BatchRecord, now: number): boolean {
  return now >= record.end.at;
}

/** Whether the results can be read by then: the batch has ended and is not archived. */
export function hasResults(record: BatchRecord, now: number): boolean {
  return hasEnded(record, now) && now < record.archivedAt;
}

/**
 * The counts with which a batch ends. If all its requests are planned as `processing`, half of them,
 * rounded down, succeed before a cancellation or an expiry.
 */
export function endCounts({ counts, end }: BatchRecord): RequestCounts {
  const total = sum(counts);
  const half = Math.floor(total / 2);
  const planned = counts.processing < total
    ? counts
    : { ...none, processing: total - half, succeeded: half };
  return { ...planned, processing: 0, [end.rest]: planned[end.rest] + planned.processing };
}

/**
 * Shows a batch as the API does at a time.
 *
 * @param record The batch.
 * @param now Milliseconds since the epoch.
 * @param baseUrl What `results_url` begins with.
 */
export function showBatch(record: BatchRecord, now: number, baseUrl: string): SandboxMessageBatch {
  const { seed, cancelInitiatedAt, end } = record;
  const ended = hasEnded(record, now);
  const archived = ended && now >= record.archivedAt;
  /** A timestamp of the seed, or else a time of the record. */
  const shown = <Seeded>(seeded: Seeded | undefined, time: number) =>
    seeded === undefined ? timestamp(time) : seeded;
  const unended = cancelInitiatedAt === undefined ? "in_progress" : "canceling";
  return {
    id: seed.id,
    type: "message_batch",
    processing_status: ended ? "ended" : unended,
    request_counts: ended ? endCounts(record) : { ...none, processing: sum(record.counts) },
    ended_at: ended ? shown(seed.ended_at, end.at) : null,
    created_at: shown(seed.created_at, record.createdAt),
    expires_at: shown(seed.expires_at, record.expiresAt),
    archived_at: archived ? shown(seed.archived_at, record.archivedAt) : null,
    cancel_initiated_at: cancelInitiatedAt === undefined
      ? null
      : shown(seed.cancel_initiated_at, cancelInitiatedAt),
    results_url: hasResults(record, now)
      ? `${baseUrl}/v1/messages/batches/${encodeURIComponent(seed.id)}/results`
      : null,
    ...seed.override,
  };
}

/** Keeps hundreds of thousands of batches by id and by age. */
export class BatchStore {
  readonly #byId = new Map<string, BatchRecord>();
  /** Oldest first; `undefined` after a change. */
  #byAge: readonly BatchRecord[] | undefined;

  get size(): number {
    return this.#byId.size;
  }

  find(id: string): BatchRecord | undefined {
    return this.#byId.get(id);
  }

  /** Puts a batch in, and replaces one with the same id. */
  put(record: BatchRecord): void {
    this.remove(record);
    this.#byId.set(record.seed.id, record);
  }

  remove(record: BatchRecord): void {
    this.#byAge = undefined;
    this.#byId.delete(record.seed.id);
  }

  /**
   * Up to `limit` batches, newest first, and whether there are more: the newest, or those next to
   * a batch, older or newer.
   */
  page(limit: number, cursor?: BatchRecord, isNewer = false): [BatchRecord[], boolean] {
    const byAge = this.#byAge ??= [...this.#byId.values()]
      .sort((a, b) => a.createdAt - b.createdAt);
    const at = cursor ? byAge.indexOf(cursor) : byAge.length;
    const found = isNewer ? byAge.slice(at + 1) : byAge.slice(0, at);
    const page = isNewer ? found.slice(0, limit) : found.slice(-limit);
    return [page.reverse(), found.length > limit];
  }
}
