/**
 * `show`: one message batch, with everything that the API says of it.
 *
 * @module
 */
import { type MessageBatch, retrieveMessageBatch } from "../core/batches.ts";
import { messageBatch } from "../core/delete.ts";
import { createClient } from "./client.ts";
import { exitCode, explainError } from "./errors.ts";
import { checkIds } from "./ids.ts";
import { type CommandContext, type Flags } from "./options.ts";
import { describeRequests, describeRows, toMinute } from "./text.ts";

/** Runs `show`. */
export async function runShow(
  [id = ""]: readonly string[],
  flags: Flags,
  context: CommandContext,
): Promise<number> {
  const { host, output } = context;
  const { signal } = host;
  const client = createClient(context, flags);
  checkIds([id], messageBatch, { insist: flags.insist, verb: "show" });
  const batch = await retrieveMessageBatch(client, id, { signal }).catch((error) => {
    throw explainError(error, client.baseUrl, host);
  });
  if (flags.json) await output.json(batch);
  else await output.result(describeBatch(batch));
  return exitCode.done;
}

function describeBatch(batch: MessageBatch): string {
  const timeOf = (text: string | null) => text !== null && `${toMinute(text) ?? "unreadable"} UTC`;
  const { id, processing_status, results_url, archived_at } = batch;
  const hasResults = results_url !== null && archived_at === null;
  return describeRows([
    ["ID", oneLine(id)],
    ["Status", oneLine(processing_status)],
    ["Requests", describeRequests(batch)],
    ["Created", timeOf(batch.created_at)],
    ["Canceled", timeOf(batch.cancel_initiated_at)],
    ["Ended", timeOf(batch.ended_at)],
    ["Expires", timeOf(batch.expires_at)],
    ["Archived", timeOf(archived_at)],
    ["Results", hasResults && `batchsweep export ${oneLine(id)}`],
  ], 8);
}

/** A text of a server can hold line breaks. */
const oneLine = (text: string) => text.replace(/\s/g, " ");
