/** `list` and `show`: the message batches of the workspace. */
import { isAbort } from "../core/abort.ts";
import { listBatches as list, type MessageBatch, retrieveMessageBatch } from "../core/batches.ts";
import { checkClient, systemClock } from "../core/client.ts";
import { messageBatch } from "../core/delete.ts";
import { BatchsweepError } from "../core/errors.ts";
import { createCall } from "../core/send.ts";
import { isByAge } from "../purge/filter.ts";
import { clockProblem, statuses } from "../purge/plan.ts";
import { commandOf, createClient } from "./client.ts";
import { CommandError, exitCode, explainError } from "./errors.ts";
import { filterFrom, listFilter } from "./selection.ts";
import { checkIds } from "./ids.ts";
import type { Args, Flags } from "./options.ts";
import type { Context } from "./output.ts";
import {
  type Column,
  countOf,
  describeRequests,
  describeRows,
  formatCommand,
  formatTable,
  toMinute,
} from "./text.ts";

/** Runs `list`: writes the message batches, newest first, and how many they are. */
export async function runList(_: Args, flags: Flags, context: Context): Promise<number> {
  const { host, output } = context;
  const { limit = Infinity, json = false, clockSkew } = flags;
  const given = filterFrom(flags);
  const filter = given === "*" ? undefined : given;
  const client = createClient(context, flags);
  const { signal, clock = systemClock, stdout } = host;
  const call = createCall(checkClient(client), { signal });
  // Without a condition, no more are needed than the limit says.
  const pageSize = filter === undefined ? Math.min(limit, 1_000) : undefined;
  let isMeant: ((batch: MessageBatch) => boolean) | undefined;
  const counts = new Map<string, number>();
  const rows: MessageBatch[] = [];
  let total = 0;
  let failure: unknown;
  let unreadable: unknown;
  try {
    for await (const listed of list(call, pageSize)) {
      const why = isByAge(filter) ? clockProblem(call, clockSkew) : undefined;
      if (why !== undefined) throw new CommandError(`Cannot list by age: ${why}`);
      isMeant ??= filter && listFilter(filter, clock.now());
      if ("error" in listed) {
        unreadable ??= listed.error;
        continue;
      }
      if (listed.again) continue;
      const { batch } = listed;
      if (isMeant?.(batch) === false) continue;
      const status = statuses.find((one) => one === batch.processing_status) ?? "other";
      counts.set(status, (counts.get(status) ?? 0) + 1);
      total += 1;
      if (json) await output.json(batch);
      else rows.push(batch);
      if (total === limit) break;
    }
  } catch (error) {
    failure = error;
    if (!isAbort(error, signal) && !(error instanceof BatchsweepError)) throw error;
  }
  if (rows.length > 0) await output.result(formatTable(rows, columns, stdout.columns));
  const parts = [...counts].map(([status, count]) => `${count} ${status}`);
  const summary = total === 0 ? "no batches" : `${countOf(total, "batch")}: ${parts.join(", ")}`;
  if (failure === undefined) {
    await output.note(describeRows([
      ["Workspace", [...call.facts.workspaceIds][0]],
      ["Listed", summary],
      ["", total === limit && "there may be older ones beyond --limit"],
    ], 9));
  } else {
    if (total > 0) await output.note(`The list breaks off after ${summary}\n`);
    if (!isAbort(failure, signal)) throw explainError(failure, client.baseUrl, host);
  }
  if (unreadable !== undefined) throw explainError(unreadable, client.baseUrl, host);
  if (!signal.aborted) return exitCode.done;
  await output.note("Interrupted\n");
  return exitCode.interrupted;
}

const columns: readonly Column<MessageBatch>[] = [
  { title: "ID", cell: ({ id }) => id },
  { title: "STATUS", cell: (batch) => batch.processing_status.slice(0, 20), leaves: 4 },
  { title: "CREATED (UTC)", cell: ({ created_at }) => timeOf(created_at), leaves: 2 },
  { title: "ENDED (UTC)", cell: ({ ended_at }) => timeOf(ended_at), leaves: 1 },
  { title: "REQUESTS", cell: requestsOf, leaves: 3, least: 13 },
];

/** `2 succeeded, 1 errored; archived`. */
function requestsOf(batch: MessageBatch): string {
  return describeRequests(batch) + (batch.archived_at === null ? "" : "; archived");
}

function timeOf(text: string | null): string {
  return text === null ? "" : toMinute(text) ?? "unreadable";
}

/** Runs `show`. */
export async function runShow([id = ""]: Args, flags: Flags, context: Context): Promise<number> {
  const { host, output } = context;
  const { signal } = host;
  const client = createClient(context, flags);
  checkIds([id], messageBatch, { insist: flags.insist, verb: "show" });
  const batch = await retrieveMessageBatch(client, id, { signal }).catch((error) => {
    throw explainError(error, client.baseUrl, host);
  });
  if (flags.json) await output.json(batch);
  else {
    const command = commandOf(host, client.baseUrl, { read: "results", write: "results" });
    await output.result(describeBatch(batch, formatCommand([...command, "export", id], Infinity)));
  }
  return exitCode.done;
}

function describeBatch(batch: MessageBatch, exportCommand: string): string {
  const timeOf = (text: string | null) => text !== null && `${toMinute(text) ?? "unreadable"} UTC`;
  const { id, results_url, archived_at } = batch;
  const hasResults = results_url !== null && archived_at === null;
  return describeRows([
    ["ID", id],
    ["Status", batch.processing_status],
    ["Requests", describeRequests(batch)],
    ["Created", timeOf(batch.created_at)],
    ["Canceled", timeOf(batch.cancel_initiated_at)],
    ["Ended", timeOf(batch.ended_at)],
    ["Expires", timeOf(batch.expires_at)],
    ["Archived", timeOf(archived_at)],
    ["Results", hasResults && exportCommand.trim()],
  ], 8);
}
