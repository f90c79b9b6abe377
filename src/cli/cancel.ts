/**
 * `cancel` and `export`: what is done about ids besides deleting them.
 *
 * @module
 */
import { withAuditTrail } from "../core/audit.ts";
import { cancelBatch, type MessageBatch, retrieveBatch } from "../core/batches.ts";
import { checkClient } from "../core/client.ts";
import { mayMeanNotEnded, messageBatch } from "../core/delete.ts";
import { NotFoundError, WaitTimeoutError } from "../core/errors.ts";
import { type Call, endOfWait } from "../core/send.ts";
import type { RunOutcome } from "../purge/engine.ts";
import { type ResultStore, storeResults } from "../purge/export.ts";
import type { CancelOutcome } from "../purge/outcome.ts";
import { waitUntilEnded } from "../purge/wait.ts";
import { type CommandClient, createClient } from "./client.ts";
import { exitCode } from "./errors.ts";
import { readIds, runIds, type RunIdsOptions, showIds } from "./ids.ts";
import { type CommandContext, type Flags, waitTimeoutOf } from "./options.ts";
import type { Context } from "./output.ts";
import { openResults } from "./purge-run.ts";
import { withTrail } from "./trail.ts";

/** Runs `cancel`. */
export async function runCancel(
  args: readonly string[],
  flags: Flags,
  context: CommandContext,
): Promise<number> {
  const waitTimeout = waitTimeoutOf(flags.wait === true, flags, "--wait");
  const client = createClient(context, flags);
  const ids = await readIds(args, messageBatch, flags, context, "cancel");
  if (ids.length === 0) return exitCode.done;
  if (flags.dryRun) return await showIds(ids, "cancel", flags.json, context);
  const limit = checkClient(client).timeout;
  return await withTrail(
    flags.audit,
    { ids, limit },
    context,
    (trail) => cancelIds(client, ids, { ...flags, waitTimeout, trail }, context),
  );
}

/** Cancels message batches, and reports what becomes of each. */
export async function cancelIds(
  client: CommandClient,
  ids: readonly string[],
  settings: RunIdsOptions & Pick<Flags, "allowMissing">,
  context: Context,
): Promise<number> {
  const { allowMissing, waitTimeout } = settings;
  return await runIds(client, ids, { ...settings, operation: "cancel" }, context, (id) => ({
    run: (call) =>
      cancelOne(call, id, waitTimeout).catch((error): RunOutcome => {
        if (error instanceof NotFoundError && allowMissing) return { outcome: "missing", id };
        const isUnknown = call.facts.canceled === "unknown" && endOfWait(call)?.aborted;
        if (!isUnknown) throw error;
        const why = "the run was interrupted; it may have been canceled all the same";
        const message = `Cannot cancel message batch ${JSON.stringify(id)}: ${why}`;
        return { outcome: "failed", id, error: { code: "ERR_ABORTED", message, why } };
      }),
  }));
}

/** Cancels a batch, and waits for its end if there is a time to wait. */
async function cancelOne(
  call: Call,
  id: string,
  waitTimeout: number | undefined,
): Promise<CancelOutcome> {
  const { batch, auditError } = await withAuditTrail(call, messageBatch.name, id, async () => {
    const batch = await cancelOrLook(call, id);
    return { batch, attempts: 1 };
  }, "cancel");
  const outcome = { id, batch, ...auditError === undefined ? {} : { auditError } };
  if (batch.processing_status === "ended") return { outcome: "ended", ...outcome };
  if (waitTimeout === undefined) return { outcome: "canceling", ...outcome };
  try {
    const ended = await waitUntilEnded(call, id, waitTimeout);
    return { outcome: "ended", ...outcome, batch: ended };
  } catch (error) {
    if (error instanceof WaitTimeoutError) {
      return { outcome: "canceling", ...outcome, waitEnded: "timed_out" };
    }
    if (!endOfWait(call)?.aborted) throw error;
    return { outcome: "canceling", ...outcome, waitEnded: "interrupted" };
  }
}

/**
 * The batch after its cancellation. How the API refuses to cancel a batch that has ended is published
 * nowhere, so a look at the batch decides. If the look fails, the refusal stands.
 */
async function cancelOrLook(call: Call, id: string): Promise<MessageBatch> {
  try {
    return await cancelBatch(call, id);
  } catch (error) {
    if (!mayMeanNotEnded(error)) throw error;
    const batch = await retrieveBatch(call, id).catch(() => undefined);
    if (batch === undefined || batch.processing_status === "in_progress") throw error;
    return batch;
  }
}

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
