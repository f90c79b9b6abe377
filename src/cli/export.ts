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
import type { Command } from "./deps.ts";
import { exitCode } from "./errors.ts";
import { readIds } from "./ids.ts";
import {
  addCommonOptions,
  addWaitOptions,
  type CommandContext,
  type Flags,
  waitTimeoutOf,
} from "./options.ts";
import { openResults } from "./purge-run.ts";
import { runIds } from "./run-ids.ts";

const help = `
Examples:
  $ batchsweep export msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d
  $ batchsweep export --to archive --wait @ids.txt

Results are saved whole or not at all, as DIRECTORY/ID.jsonl, and a file that
exists is never replaced. A batch that has not ended is skipped; with --wait it
is waited for. To delete the batches too: batchsweep delete --export.

Under Deno, it needs --allow-read and --allow-write for the directory.`;

/** Adds `export`. */
export function addExportCommand(program: Command, context: CommandContext): void {
  const command = program.command("export")
    .description("Save the results of message batches. It deletes nothing")
    .argument("[ids...]", "ids, @FILE, or - for stdin; without any, stdin")
    .option("--to <directory>", "where they are saved (default: results)");
  addWaitOptions(command, "wait until batches have ended that have not")
    .option("--insist", "send ids that do not look like ids of a message batch");
  addCommonOptions(command, "print one JSON object per id, each on a line, failures too")
    .addHelpText("after", help)
    .action(async (args: readonly string[], flags: Flags) => {
      context.end(await exportIds(args, flags, context));
    });
}

async function exportIds(
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
