/** Tallies of requests by state, as the API writes them. */
export interface RequestCounts {
  readonly processing: number;
  readonly succeeded: number;
  readonly errored: number;
  readonly canceled: number;
  readonly expired: number;
}

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

/** One request of a batch: what is kept of it. */
export interface BatchRequest {
  readonly customId: string;
  readonly model: string;
}

/** A batch as the sandbox keeps it; what it looks like follows from it and the time. */
export interface BatchRecord {
  readonly id: string;
  /** All times are milliseconds since the epoch. */
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly archivedAt: number;
  cancelInitiatedAt: number | undefined;
  /** When it ends, or ended, and what becomes of the requests that nothing else became of. */
  end: { readonly at: number; readonly rest: "succeeded" | "canceled" | "expired" };
  readonly total: number;
  /** Counts that were asked for; `processing` are those that take the end's `rest`. */
  readonly planned: RequestCounts | undefined;
  /** The request at an index; made when asked for, so that a large batch needs no memory. */
  readonly requestAt: (index: number) => BatchRequest;
  /** Text of each succeeded message. */
  readonly text: string;
  /** Timestamps to show as they were seeded, instead of the times above. */
  readonly shown: Readonly<Partial<Record<ShownTime, string | null>>>;
  /** Members laid over every answer about this batch. */
  readonly override: Readonly<Record<string, unknown>> | undefined;
}

/** Members of a batch that are timestamps. */
export type ShownTime =
  | "created_at"
  | "expires_at"
  | "ended_at"
  | "cancel_initiated_at"
  | "archived_at";
