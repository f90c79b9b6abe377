/**
 * `delete`: deletes objects by their ids, message batches or another kind.
 *
 * @module
 */
import { checkClient } from "../core/client.ts";
import {
  type DeletableResource,
  deleteBatch,
  deleteResource,
  messageBatch,
  paramsOf,
} from "../core/delete.ts";
import { subjectOf } from "../core/batches.ts";
import { NotFoundError } from "../core/errors.ts";
import type { Call } from "../core/send.ts";
import type { ResultStore } from "../purge/export.ts";
import { exportThenDelete } from "../purge/export-then-delete.ts";
import { type DeletionOutcome, deletionOutcome } from "../purge/outcome.ts";
import { cancelAndDelete, waitUntilEnded } from "../purge/wait.ts";
import { type CommandClient, createClient } from "./client.ts";
import type { Command } from "./deps.ts";
import { CommandError, exitCode } from "./errors.ts";
import { readHolds } from "./holds.ts";
import { commandOf, kinds, parseId, readIds } from "./ids.ts";
import {
  addArchivedOption,
  addCommonOptions,
  addHoldOptions,
  addIdOptions,
  addPolicyHoldOption,
  addRunOptions,
  addWaitOptions,
  type CommandContext,
  type Flags,
  refuseFilterOptions,
  waitTimeoutOf,
} from "./options.ts";
import { adminKeyVariable, type Context } from "./output.ts";
import { openResults } from "./purge-run.ts";
import { runIds, type RunIdsOptions, showIds } from "./run-ids.ts";
import { withArticle, words } from "./text.ts";
import { readPast, withTrail } from "./trail.ts";

/** Adds `delete`, and a command below it for every kind. */
export function addDeleteCommand(program: Command, context: CommandContext): void {
  const command = program.command("delete");
  addBatchOptions(refuseFilterOptions(command));
  describeDelete(addRun(command, messageBatch, context));
  for (const resource of kinds) {
    const below = command.command(commandOf(resource));
    if (resource === messageBatch) addBatchOptions(below);
    describeKind(addRun(below, resource, context), resource);
  }
}

/** Adds what only message batches have. */
function addBatchOptions(command: Command): void {
  command.optionsGroup("Before message batches are deleted:")
    .option("--cancel", "cancel those that have not ended, and wait for them");
  addWaitOptions(command, "wait until those that have not ended do")
    .option("--export <directory>", "save the results there first, or keep the batch");
  addArchivedOption(command);
  addPolicyHoldOption(addHoldOptions(command)).optionsGroup("Options:");
}

function addRun(command: Command, resource: DeletableResource, context: CommandContext): Command {
  addIdOptions(addRunOptions(command, "deleted"), words(resource.name));
  return addCommonOptions(command, "print one JSON object per id, each on a line, failures too")
    .action(async (args: readonly string[]) => {
      // An option that `delete` knows, too, is parsed there.
      context.end(await runDelete(resource, args, command.optsWithGlobals(), context));
    });
}

const idsHelp = "ids, @FILE, or - for stdin; without any, stdin";
const exampleId = "msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d";

const examples = (command: string, id: string) => `
Examples:
  $ batchsweep ${command} ${id}
  $ batchsweep ${command} --json --allow-missing @ids.txt`;

const batchHelp = (command: string, id: string) => `
  $ batchsweep ${command} --cancel --timeout 30m ${id}
  $ batchsweep ${command} --wait --export results < ids.txt

A batch that has not ended cannot be deleted: it is skipped, and the exit code
is 1. With --cancel it is canceled and waited for, with --wait only waited for.
If --timeout is over before it has ended, it is not deleted, its cancellation
is not taken back, and the exit code is 3.

With --export, results are saved as DIRECTORY/ID.jsonl. A batch whose results
cannot be saved whole is skipped. Results are gone 29 days after a batch was
created: then it is skipped, too, or deleted with --archived delete. Under Deno,
--export needs --allow-read and --allow-write for the directory.`;

const adminHelp = `

It takes the administrator's key from ${adminKeyVariable}, and no other. Deno
needs the permission to read it: --allow-env=${adminKeyVariable}`;

function describeDelete(command: Command): void {
  const kind = command.createArgument("[kind]", "one of those below; without any, message batches");
  command
    .description(
      "Delete message batches that have ended, or objects of another kind. This cannot be undone",
    )
    .usage("[options] [kind] [ids...]")
    .argument("[ids...]", idsHelp)
    .commandsGroup("Kinds:")
    .configureHelp({
      subcommandTerm: (below) => below.name(),
      visibleArguments: (one) => [...(one === command ? [kind] : []), ...one.registeredArguments],
    })
    .addHelpText("after", examples("delete", exampleId) + batchHelp("delete", exampleId));
}

function describeKind(command: Command, resource: DeletableResource): void {
  const { name, administrative, prefixes } = resource;
  const params = paramsOf(resource);
  const id = params.map((param) => `${prefixes[param] ?? ""}…`).join("/");
  const form = params.join("/");
  const isPlain = resource === messageBatch;
  const line = `delete ${command.name()}`;
  if (administrative) command.helpGroup(`Kinds that take ${adminKeyVariable}:`);
  command
    .summary(`Delete ${withArticle(name)}, ${isPlain ? "as without a kind" : `by ${form}`}`)
    .description(`Delete one ${words(name)} or more. This cannot be undone`)
    .argument(`[${form}...]`, idsHelp)
    .addHelpText(
      "after",
      examples(line, id) + (isPlain ? batchHelp(line, id) : "") + (administrative ? adminHelp : ""),
    );
}

async function runDelete(
  resource: DeletableResource,
  args: readonly string[],
  flags: Flags,
  context: CommandContext,
): Promise<number> {
  const { host } = context;
  const { cancel = false, wait = false } = flags;
  refuseBatchOptions(resource, flags);
  const waitTimeout = waitTimeoutOf(cancel || wait, flags, "--cancel or --wait");
  const client = createClient(context, flags, resource);
  const ids = await readIds(args, resource, flags, context);
  if (ids.length === 0) return exitCode.done;
  const holds = await readHolds(flags, host);
  if (flags.dryRun) {
    const what = cancel ? "cancel and delete" : "delete";
    return await showIds(ids, what, flags.json, context, holds);
  }
  const { files } = host;
  const exportTo = flags.export === undefined ? undefined : await openResults(flags.export, files);
  const limit = checkClient(client).timeout;
  return await withTrail(flags.audit, { ids, limit }, context, (trail) => {
    const settings = { ...flags, resource, cancel, waitTimeout, exportTo, holds, trail };
    return deleteIds(client, ids, settings, context);
  });
}

/** @throws {CommandError} Another kind is given an option of message batches. */
function refuseBatchOptions(resource: DeletableResource, flags: Flags): void {
  if (resource === messageBatch) return;
  const { cancel, wait, timeout, export: directory, archived, hold, holds, policy } = flags;
  const given = { cancel, wait, timeout, export: directory, archived, hold, holds, policy };
  const [name] = Object.entries(given).find(([, value]) => value !== undefined) ?? [];
  if (name === undefined) return;
  const kind = words(resource.name);
  throw new CommandError(`Cannot use --${name} for a ${kind}: it is for message batches`);
}

/** How objects are deleted. */
export interface DeleteIdsSettings extends RunIdsOptions {
  readonly resource?: DeletableResource | undefined;
  /** Whether message batches that have not ended are canceled. */
  readonly cancel?: boolean | undefined;
  /** Where results are stored first. */
  readonly exportTo?: ResultStore | undefined;
  /** What to do with those whose results are gone. */
  readonly archived?: "keep" | "delete" | undefined;
  readonly allowMissing?: boolean | undefined;
  /** Ids that are not deleted, whatever else is said. */
  readonly holds?: ReadonlySet<string> | undefined;
}

/** Deletes objects by their ids, and reports what becomes of each. */
export async function deleteIds(
  client: CommandClient,
  ids: readonly string[],
  settings: DeleteIdsSettings,
  context: Context,
): Promise<number> {
  const { resource = messageBatch, holds, trail } = settings;
  const { name } = resource;
  const past = await readPast(trail, ids, name);
  const members = resource === messageBatch ? {} : { resource: name };
  const options = { ...settings, noun: words(name), members };
  return await runIds<DeletionOutcome>(client, ids, options, context, (id) => ({
    known: holds?.has(id) ? { outcome: "skipped", id, reason: "held" } : undefined,
    async run(call) {
      const deletion = await deleteOne(call, resource, id, {
        ...settings,
        allowMissing: settings.allowMissing === true || past.outcome(id) !== undefined,
        mayBeDeletedAlready: past.isUncertain(id),
      });
      return deletionOutcome(id, deletion);
    },
  }));
}

/** Deletes one object once it may be deleted. */
async function deleteOne(
  call: Call,
  resource: DeletableResource,
  id: string,
  { cancel = false, waitTimeout, exportTo, archived = "keep", ...absence }: DeleteIdsSettings & {
    readonly allowMissing: boolean;
    readonly mayBeDeletedAlready: boolean;
  },
): Promise<Parameters<typeof deletionOutcome>[1]> {
  if (resource !== messageBatch) {
    return await deleteResource(call, resource, parseId(resource, id), absence);
  }
  if (waitTimeout !== undefined && !cancel) {
    await waitUntilEnded(call, id, waitTimeout).catch((error) => {
      // The deletion says how the absence is known.
      const mayBeAbsent = absence.allowMissing || absence.mayBeDeletedAlready;
      if (!(error instanceof NotFoundError && mayBeAbsent)) throw error;
    });
  }
  if (exportTo === undefined) {
    return cancel
      ? await cancelAndDelete(call, id, { ...absence, waitTimeout })
      : await deleteBatch(call, id, absence);
  }
  const { mayBeDeletedAlready } = absence;
  const deletion = await exportThenDelete(call, id, {
    store: exportTo,
    cancel,
    waitTimeout,
    archived,
    mayBeDeletedAlready,
  });
  if (deletion.evidence !== "missing" || absence.allowMissing) return deletion;
  const { requestId, auditError } = deletion;
  const error = new NotFoundError({
    operation: "delete",
    subject: subjectOf(id),
    why: "it is not in the workspace",
    status: 404,
    attempts: 1,
    outcomeKnown: true,
    requestId,
  });
  throw Object.assign(error, { auditError });
}
