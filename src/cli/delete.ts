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
} from "../core/delete.ts";
import { subjectOf } from "../core/batches.ts";
import { NotFoundError } from "../core/errors.ts";
import type { Call } from "../core/send.ts";
import type { ResultStore } from "../purge/export.ts";
import { exportThenDelete } from "../purge/export-then-delete.ts";
import { type DeletionOutcome, deletionOutcome } from "../purge/outcome.ts";
import { cancelAndDelete, waitUntilEnded } from "../purge/wait.ts";
import { type CommandClient, createClient } from "./client.ts";
import { CommandError, exitCode } from "./errors.ts";
import { readHolds } from "./holds.ts";
import { parseId, readIds, runIds, type RunIdsOptions, showIds } from "./ids.ts";
import { type CommandContext, type Flags, waitTimeoutOf } from "./options.ts";
import { type Context } from "./output.ts";
import { openResults } from "./purge-run.ts";
import { words } from "./text.ts";
import { readPast, withTrail } from "./trail.ts";

/** Runs `delete`. */
export async function runDelete(
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
      return deletionOutcome(id, call.facts.deletions, deletion);
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
): Promise<Parameters<typeof deletionOutcome>[2]> {
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
