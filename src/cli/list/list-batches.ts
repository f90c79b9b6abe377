import { systemClock } from "../../core/clock.ts";
import type { Client } from "../../core/client.ts";
import { BatchsweepError } from "../../core/errors.ts";
import { listMessageBatches } from "../../core/list.ts";
import type { MessageBatch } from "../../core/message-batch.ts";
import type { MessageBatchFilter } from "../../purge/filter.ts";
import { observe } from "../../purge/observe.ts";
import { parseTimestamp } from "../../purge/time.ts";
import { describeRequests } from "../terminal/describe-requests.ts";
import { exitCode } from "../exit-code.ts";
import { explainError } from "../terminal/explain-error.ts";
import type { Host } from "../host.ts";
import { matchFilter } from "./match-filter.ts";
import type { CommandOutput } from "../terminal/output.ts";
import { type Column, formatTable } from "./table.ts";

/** Which batches are listed, and how. */
export interface ListBatchesOptions {
  /** The conditions; without any, all batches. */
  readonly filter?: MessageBatchFilter | undefined;
  /** The list stops after so many. @default none */
  readonly limit?: number | undefined;
  /** Whether they are written as JSON lines while they come, and not as a table at the end. */
  readonly json?: boolean | undefined;
}

/**
 * Writes the message batches of the workspace, the newest first, and how many they are.
 *
 * @returns The exit code.
 * @throws {CommandError} The list cannot be read to its end; what came of it is written.
 */
export async function listBatches(
  client: Client & { readonly baseUrl: string },
  { filter, limit = Infinity, json = false }: ListBatchesOptions,
  { signal, clock = systemClock, stdout }: Pick<Host, "signal" | "clock" | "stdout">,
  output: CommandOutput,
): Promise<number> {
  const { client: seen, workspaces } = observe(client, signal);
  // Without a condition, the newest are all that is needed.
  const pageSize = filter === undefined ? Math.min(limit, 1_000) : undefined;
  const now = clock.now();

  const tally = createTally();
  const rows: MessageBatch[] = [];
  let failure: unknown;
  try {
    for await (const batch of listMessageBatches(seen, { signal, pageSize })) {
      if (filter !== undefined && !matchFilter(filter, batch, now)) continue;
      tally.add(batch);
      if (json) await output.result(`${JSON.stringify(batch)}\n`);
      else rows.push(batch);
      if (tally.total() === limit) break;
    }
  } catch (error) {
    failure = error;
    const interrupted = signal.aborted && error === signal.reason;
    if (!interrupted && !(error instanceof BatchsweepError)) throw error;
  }
  if (rows.length > 0) await output.result(formatTable(rows, columns, stdout.columns));
  if (failure !== undefined) {
    if (tally.total() > 0) await output.note(`The list breaks off after ${tally.summary()}\n`);
    if (signal.aborted && failure === signal.reason) {
      await output.note("Interrupted\n");
      return exitCode.interrupted;
    }
    throw explainError(failure, client);
  }
  const [workspace] = workspaces;
  const where = workspace === undefined ? "" : `Workspace ${workspace}: `;
  const more = tally.total() === limit ? "; there may be older ones beyond --limit" : "";
  await output.note(`${where}${tally.summary()}${more}\n`);
  if (!signal.aborted) return exitCode.done;
  await output.note("Interrupted\n");
  return exitCode.interrupted;
}

const statuses = ["in_progress", "canceling", "ended"] as const;

/** Counts batches by their status. */
function createTally() {
  const counts = new Map<string, number>();
  let total = 0;
  return {
    add({ processing_status }: MessageBatch): void {
      const status = statuses.find((one) => one === processing_status) ?? "other";
      counts.set(status, (counts.get(status) ?? 0) + 1);
      total += 1;
    },
    total: () => total,
    /** `3 batches (2 ended, 1 in_progress)`. */
    summary(): string {
      if (total === 0) return "no batches";
      const parts = [...counts].map(([status, count]) => `${count} ${status}`);
      return `${total} ${total === 1 ? "batch" : "batches"} (${parts.join(", ")})`;
    },
  };
}

const columns: readonly Column<MessageBatch>[] = [
  { title: "ID", cell: ({ id }) => id },
  { title: "STATUS", cell: (batch) => batch.processing_status.slice(0, 20), leaves: 4 },
  { title: "CREATED (UTC)", cell: ({ created_at }) => toSeconds(created_at), leaves: 2 },
  { title: "ENDED (UTC)", cell: ({ ended_at }) => toSeconds(ended_at), leaves: 1 },
  { title: "REQUESTS", cell: requestsOf, leaves: 3, least: 11 },
];

/** `2 succeeded, 1 errored; archived`. */
function requestsOf(batch: MessageBatch): string {
  return describeRequests(batch) + (batch.archived_at === null ? "" : "; archived");
}

function toSeconds(text: string | null): string {
  if (text === null) return "";
  const time = parseTimestamp(text);
  return time === undefined
    ? "unreadable"
    : new Date(time).toISOString().slice(0, 19).replace("T", " ");
}
