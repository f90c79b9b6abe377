/**
 * `export`: saves the results of message batches, and deletes nothing.
 *
 * @module
 */
import { retrieveBatch } from "../core/batches.ts";
import { checkClient } from "../core/client.ts";
import { messageBatch } from "../core/delete.ts";
import { type Call, endOfWait } from "../core/send.ts";
import { createRun, type RunOutcome } from "../purge/engine.ts";
import { type ResultStore, storeResults } from "../purge/export.ts";
import { waitUntilEnded } from "../purge/wait.ts";
import { createClient } from "./client.ts";
import type { Command } from "./deps.ts";
import { exitCode } from "./errors.ts";
import { checkIds, collectIds } from "./ids.ts";
import {
  addCommonOptions,
  addWaitOptions,
  type CommandContext,
  type RunFlags,
  type WaitFlags,
  waitTimeoutOf,
} from "./options.ts";
import { createProgress } from "./progress.ts";
import { openResults } from "./purge-run.ts";
import { createReport, noteInterruption, reportRun } from "./report.ts";

const help = `
Examples:
  $ batchsweep export msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d
  $ batchsweep export --to archive --wait @ids.txt

Results are saved whole or not at all, as DIRECTORY/ID.jsonl, and a file that
exists is never replaced. A batch that has not ended is skipped; with --wait it
is waited for. To delete the batches too: batchsweep delete --export.

Under Deno, it needs --allow-read and --allow-write for the directory.`;

interface Flags extends RunFlags, WaitFlags {
  readonly to: string;
  readonly insist?: boolean | undefined;
}

/** Adds `export`. */
export function addExportCommand(program: Command, context: CommandContext): void {
  const command = program.command("export")
    .description("Save the results of message batches. It deletes nothing")
    .argument("[ids...]", "ids, @FILE, or - for stdin; without any, stdin")
    .option("--to <directory>", "where they are saved", "results");
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
  const { host, output } = context;
  const { to, json, insist } = flags;
  const waitTimeout = waitTimeoutOf(flags.wait === true, flags, "--wait");
  const client = createClient(context, flags);
  const ids = await collectIds(args, context, "export");
  checkIds(ids, messageBatch, { insist, verb: "export" });
  const store = await openResults(to, host.files);
  if (ids.length === 0 || store === undefined) {
    await output.note("No ids are given: nothing to export\n");
    return exitCode.done;
  }
  const { baseUrl } = client;
  const report = createReport(context, { json, noun: "message batch", baseUrl, waitTimeout });
  const waits = waitTimeout !== undefined;
  const run = createRun(checkClient(client), ids, (id) => ({
    id,
    waits,
    run: (call) => exportOne(call, id, store, waitTimeout),
  }), {
    concurrency: 32,
    operation: "export",
    signal: AbortSignal.any([host.signal, report.outputFailed]),
  });
  noteInterruption(context);
  const progress = createProgress(ids.length, output, {
    ...host,
    waited: new Set(waits ? ids : []),
  });
  try {
    return await reportRun(report, run.outcomes(), progress.add);
  } finally {
    await progress.end();
  }
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
