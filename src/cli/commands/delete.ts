import { checkIds } from "../input/check-ids.ts";
import { collectIds } from "../input/collect-ids.ts";
import { deleteBatches } from "../delete/delete-batches.ts";
import { type Delete, deleteEach } from "../delete/delete-each.ts";
import { createDeleteReport } from "../delete/delete-report.ts";
import type { Command } from "../deps.ts";
import { CommandError, exitCode } from "../exit-code.ts";
import { fileError } from "../input/file-error.ts";
import { refuseFilterOptions } from "./filter-options.ts";
import { type HoldFlags, readHolds } from "../purge/holds.ts";
import { commandOf, type Kind, kinds, messageBatches } from "../kinds.ts";
import { noteInterruption } from "../run/note-interruption.ts";
import { reportEach } from "../run/report-each.ts";
import { words } from "../words.ts";
import type { CommandContext } from "./command-context.ts";
import { addCommonOptions, clientFor, type CommonFlags } from "./common-options.ts";
import { describeDelete, describeKind } from "./delete-help.ts";
import { addHoldAndPolicyOptions } from "./hold-options.ts";
import { addWaitOptions, checkWait, type WaitFlags } from "./wait-options.ts";

interface DeleteFlags extends CommonFlags, WaitFlags, HoldFlags {
  readonly ignoreNotFound?: true;
  readonly insist?: true;
  readonly cancel?: true;
  readonly export?: string;
}

/** Adds `delete`: message batches by their ids, and a command below it for every kind. */
export function addDeleteCommand(program: Command, context: CommandContext): void {
  const command = program.command("delete");
  addBatchOptions(refuseFilterOptions(command));
  describeDelete(addRun(command, messageBatches, context));
  for (const kind of kinds) {
    const below = command.command(commandOf(kind));
    if (kind === messageBatches) addBatchOptions(below);
    describeKind(addRun(below, kind, context), kind);
  }
}

/** What is done about message batches before they are deleted, and about nothing else. */
function addBatchOptions(command: Command): void {
  command.optionsGroup("Before message batches are deleted:")
    .option("--cancel", "cancel those that have not ended, and wait for them");
  addWaitOptions(command, "wait until those that have not ended do")
    .option("--export <directory>", "save the results there first, or keep the batch");
  addHoldAndPolicyOptions(command).optionsGroup("Options:");
}

/** Lets a command delete objects of a kind. */
function addRun(command: Command, kind: Kind, context: CommandContext): Command {
  command
    .option(
      "--ignore-not-found",
      `count a ${words(kind.resource.name)} that is already gone as a success`,
    )
    .option("--insist", "send ids that do not look like ids of their kind");
  return addCommonOptions(command, "print one JSON object per id, each on a line, failures too")
    .action(async (ids: readonly string[]) => {
      // Where `delete` knows an option, it takes it from the commands below it.
      context.end(await runDelete(kind, ids, command.optsWithGlobals(), context));
    });
}

async function runDelete(
  kind: Kind,
  args: readonly string[],
  flags: DeleteFlags,
  context: CommandContext,
): Promise<number> {
  const { host, output } = context;
  const { json = false, cancel = false, wait = false, insist } = flags;
  checkFlags(kind, flags);
  const client = clientFor(flags, kind.resource, context);
  const ids = await collectIds(args, context);
  checkIds(ids, kind, { insist });
  if (ids.length === 0) {
    await output.note("No ids on stdin: nothing to delete\n");
    return exitCode.done;
  }
  const holds = kind === messageBatches ? await readHolds(flags, host, output) : undefined;
  const exportTo = flags.export === undefined
    ? undefined
    : await host.files.resultsIn(flags.export).catch((error) => {
      throw fileError(`open ${flags.export}`, error);
    });
  noteInterruption(context);
  if (cancel || wait || exportTo !== undefined) {
    return await deleteBatches(client, ids, { ...flags, exportTo, holds }, context);
  }
  // One after the other, each with one request.
  const { baseUrl } = client;
  const { signal } = host;
  const report = createDeleteReport(output, { kind, json, baseUrl, waits: false, signal });
  const allowMissing = flags.ignoreNotFound ?? false;
  const run: Delete = (seen, id) => kind.delete(seen, id, { allowMissing });
  const ends = AbortSignal.any([signal, report.outputFailed]);
  const outcomes = deleteEach(client, ids, run, { signal: ends, holds });
  return await reportEach(outcomes, report.add, () => report.end());
}

/** @throws {CommandError} Two flags, or a flag and a kind, do not go together. */
function checkFlags(kind: Kind, flags: DeleteFlags): void {
  const { cancel, wait, timeout, export: directory, hold, holds, policy } = flags;
  if (kind !== messageBatches) {
    const given = { cancel, wait, timeout, export: directory, hold, holds, policy };
    const [name] = Object.entries(given).find(([, value]) => value !== undefined) ?? [];
    if (name === undefined) return;
    const one = words(kind.resource.name);
    throw new CommandError(`Cannot use --${name} for a ${one}: it is for message batches`);
  }
  checkWait(cancel === true || wait === true, flags, "--cancel or --wait");
}
