/**
 * A Message Batch, as the API describes it.
 *
 * @see [Retrieve a Message Batch](https://platform.claude.com/docs/en/api/messages/batches/retrieve)
 */
export interface MessageBatch {
  readonly id: string;
  /** `"ended"` is the only status in which a batch can be deleted. */
  readonly processing_status:
    | "in_progress"
    | "canceling"
    | "ended"
    | (string & Record<never, never>);
  /** Their sum is the number of requests. All but `processing` stay 0 until the batch has ended. */
  readonly request_counts: {
    readonly processing: number;
    readonly succeeded: number;
    readonly errored: number;
    readonly canceled: number;
    readonly expired: number;
  };
  /** Times are RFC 3339 date-times. */
  readonly created_at: string;
  readonly expires_at: string;
  readonly ended_at: string | null;
  readonly cancel_initiated_at: string | null;
  /** When the results went; a batch without results can still be viewed and deleted. */
  readonly archived_at: string | null;
  /** Where the results are; absolute. */
  readonly results_url: string | null;
}

/** One page of a list of Message Batches, newest first. */
export interface MessageBatchPage {
  readonly data: readonly MessageBatch[];
  /** Whether there are older ones. */
  readonly has_more: boolean;
  readonly first_id: string | null;
  readonly last_id: string | null;
}
