/**
 * `export`: saves the results of message batches, and deletes nothing.
 *
 * @module
 */
import { retrieveBatch } from "../core/batches.ts";
import { messageBatch } from "../core/delete.ts";
import { type Call, endOfWait } from "../core/send.ts";
import type { RunOutcome } from "../purge/engine.ts";
import { type ResultStore, storeResults } from "../purge/export.ts";
import { waitUntilEnded } from "../purge/wait.ts";
import { createClient } from "./client.ts";
import { exitCode } from "./errors.ts";
import { readIds } from "./ids.ts";
import { type CommandContext, type Flags, waitTimeoutOf } from "./options.ts";
import { openResults } from "./purge-run.ts";
import { runIds } from "./run-ids.ts";

/** Runs `export`. */
export async function runExport(
  args: readonly string[],
  flags: Flags,
  context: CommandContext,
): Promise<number> {
  const waitTimeout = waitTimeoutOf(flags.wait === true, flags, "--wait");
  const client = createClient(context, flags);
  const ids = await readIds(args, messageBatch, flags, context, "export");
  if (ids.length === 0) return exitCode.done;
  const store = await openResults(flags.to ?? "results", context.host.files);
  const { json, concurrency } = flags;
  const options = { json, concurrency, waitTimeout, operation: "export" } as const;
  return await runIds(client, ids, options, context, (id) => ({
    run: (call) => exportOne(call, id, store, waitTimeout),
  }));
}

async function exportOne(
  call: Call,
  id: string,
  store: ResultStore,
  waitTimeout: number | undefined,
): Promise<RunOutcome> {
  const batch = waitTimeout === undefined
    ? await retrieveBatch(call, id)
    : await waitUntilEnded(call, id, waitTimeout);
  if (batch.processing_status !== "ended") return { outcome: "skipped", id, reason: "not_ended" };
  const stoppable = { ...call, signal: endOfWait(call) };
  return { outcome: "exported", id, export: await storeResults(stoppable, batch, store) };
}
