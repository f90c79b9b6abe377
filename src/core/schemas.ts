/**
 * What the API's answers look like, read tolerantly: what it may add is kept, and a missing nullable
 * field is null. They are made when they are needed, so that a bundle has only those that it uses.
 *
 * @module
 */
import {
  array,
  boolean,
  type GenericSchema,
  literal,
  looseObject,
  nullish,
  number,
  string,
} from "../deps.ts";
import type { MessageBatch, MessageBatchPage } from "./message-batch.ts";

/** A Message Batch: the one that was asked for, where an id is given. */
export function messageBatchSchema(id?: string): GenericSchema<unknown, MessageBatch> {
  const orNull = nullish(string(), null);
  return looseObject({
    id: id === undefined ? string() : literal(id),
    processing_status: string(),
    request_counts: looseObject({
      processing: number(),
      succeeded: number(),
      errored: number(),
      canceled: number(),
      expired: number(),
    }),
    created_at: string(),
    expires_at: string(),
    ended_at: orNull,
    cancel_initiated_at: orNull,
    archived_at: orNull,
    results_url: orNull,
  });
}

/** A page of a list. */
export function messageBatchPageSchema(): GenericSchema<unknown, MessageBatchPage> {
  const orNull = nullish(string(), null);
  return looseObject({
    data: array(messageBatchSchema()),
    has_more: boolean(),
    first_id: orNull,
    last_id: orNull,
  });
}
