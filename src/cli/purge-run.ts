/**
 * Makes a plan, and shows it, asks, or applies it: the way of every command that deletes by a plan.
 *
 * @module
 */
import { checkClient } from "../core/client.ts";
import { listPage } from "../core/batches.ts";
import { createCall } from "../core/send.ts";
import { applyPurge, readHistory } from "../purge/apply.ts";
import { describeDecision } from "../purge/decision.ts";
import type { ResultStore } from "../purge/export.ts";
import type { MessageBatchFilter } from "../purge/filter.ts";
import { planPurge } from "../purge/plan-purge.ts";
import { isPlanChanged, namePlan, type PurgePlan } from "../purge/plan.ts";
import type { RetentionPolicy } from "../purge/policy.ts";
import { failedOutcome, notThere, openResults } from "./by-id.ts";
import type { CommandClient } from "./client.ts";
import { askToDelete, type Context } from "./output.ts";
import { CommandError, exitCode, explainError } from "./errors.ts";
import type { Host } from "./host.ts";
import { describeUnknownHolds, withHolds } from "./holds.ts";
import { type Flags, longestWait } from "./options.ts";
import { readPlan, writePlan } from "./input.ts";
import {
  describeCount,
  describeItem,
  describePlan,
  describeSample,
  plannedItems,
} from "./plan-text.ts";
import { describeOutcome, type Outcome, reportRun } from "./report.ts";
import { readPast, type TrailFile, withTrail } from "./trail.ts";

/** Where the batches of a purge come from. */
export type PurgeSource =
  /** A file with a plan. */
  | { readonly plan: string }
  | { readonly policy: RetentionPolicy }
  | { readonly filter: MessageBatchFilter | "*" }
  | { readonly ids: readonly string[] };

/** What is purged, and how far it goes. */
export interface Purge {
  readonly source: PurgeSource;
  /** `"ask"`: a person agrees to the plan first. */
  readonly mode: "show" | "ask" | "apply";
  readonly client: CommandClient;
  readonly holds: ReadonlySet<string>;
}

/** A plan, and what is known besides. */
interface Prepared {
  /** With the holds of the command line. */
  readonly plan: PurgePlan;
  /** As it was made. */
  readonly applied: PurgePlan;
  /** The outcomes of ids that were given, and that the plan does not delete. */
  readonly known: readonly Outcome[];
  /** The ids of batches that are gone by the audit trail. */
  readonly gone: ReadonlySet<string>;
  /** The plan in words. */
  readonly text: string;
}

/** Runs a purge. */
export async function runPurge(
  purge: Purge,
  flags: Flags,
  context: Context,
): Promise<number> {
  const { source, mode, client } = purge;
  const { files, signal } = context.host;
  const stored = "plan" in source ? await readPlan(files, source.plan, client, signal) : undefined;
  if (mode === "show") {
    return await showPlan(await prepare(purge, flags, stored, undefined, context), flags, context);
  }
  const exportTo = await openResults(flags.export, files);
  const ids = stored ? plannedItems(stored).map(({ id }) => id) : "ids" in source ? source.ids : [];
  const limit = checkClient(client).timeout;
  return await withTrail(flags.audit, { ids, limit }, context, async (trail) => {
    if (stored) await checkWorkspace(client, stored, context.host);
    const prepared = await prepare(purge, flags, stored, trail, context);
    const { plan, text } = prepared;
    const refusal = refuseShare(plan, flags.maxShare);
    if (refusal !== undefined) {
      await context.output.note(text);
      throw refusal;
    }
    if (!await mayBegin(purge, prepared, context)) return exitCode.failed;
    const settings = { ...flags, ...prepared, trail, exportTo, holds: purge.holds };
    return await applyPlan(client, settings, context);
  });
}

/** Makes the plan, or takes the stored one, and puts it into words. */
async function prepare(
  { source, client, holds }: Purge,
  flags: Flags,
  stored: PurgePlan | undefined,
  trail: TrailFile | undefined,
  context: Context,
): Promise<Prepared> {
  const archived = flags.export === undefined ? "delete" : flags.archived ?? "keep";
  const plan = stored
    ? withHolds(stored, holds, archived)
    : await makePlan(source, { ...flags, held: holds, archived }, client, context);
  for (const line of describeUnknownHolds(flags, holds, plan)) {
    await context.output.note(`${line}\n`, "bad");
  }
  const planned = plannedItems(plan);
  const { workspaceId } = plan;
  const history = trail && stored &&
    await readHistory(trail.history, { plan: namePlan(stored), workspaceId, items: planned });
  const gone = planned.flatMap(({ id }) => history?.outcome(id) === undefined ? [] : [id]);
  const ids = "ids" in source ? source.ids : [];
  const past = await readPast(trail, ids, "message_batch");
  const known = namedOutcomes(
    ids,
    plan,
    (id) => flags.allowMissing === true || past.outcome(id) !== undefined || past.isUncertain(id),
  );
  const text = describePlan(plan, {
    known,
    stored: stored !== undefined,
    gone: gone.length,
    changed: stored && isPlanChanged(stored),
    policy: "policy" in source ? flags.policy : undefined,
    exportTo: flags.export,
    auditTo: flags.audit,
  });
  return { plan, applied: stored ?? plan, known, gone: new Set(gone), text };
}

async function makePlan(
  source: PurgeSource,
  { cancel, archived, clockSkew: maxClockSkew, held: holds }: Flags & {
    readonly held: ReadonlySet<string>;
  },
  client: CommandClient,
  { host, output }: Context,
): Promise<PurgePlan> {
  const { signal } = host;
  await output.status("Listing the message batches");
  try {
    const common = { holds, archived, maxClockSkew, signal };
    if ("policy" in source) return await planPurge(client, { policy: source.policy, ...common });
    const filter = "filter" in source ? source.filter : { ids: "ids" in source ? source.ids : [] };
    return await planPurge(client, { filter, cancelInProgress: cancel, ...common });
  } catch (error) {
    throw explainError(error, client.baseUrl, host);
  } finally {
    await output.status(undefined);
  }
}

/**
 * The outcomes of ids that were given, and that the plan does not delete: every id ends in an outcome.
 */
export function namedOutcomes(
  ids: readonly string[],
  plan: PurgePlan,
  mayBeMissing: (id: string) => boolean,
): readonly Outcome[] {
  const items = new Map(plan.items.map((item) => [item.id, item]));
  return ids.flatMap((id): Outcome[] => {
    const item = items.get(id);
    if (item?.action === "keep") return [{ outcome: "skipped", id, reason: item.code }];
    if (item !== undefined) return [];
    if (mayBeMissing(id)) return [{ outcome: "missing", id }];
    return [failedOutcome("delete", id, notThere, { code: "ERR_NOT_FOUND" })];
  });
}

/**
 * Looks once whose workspace answers, before a stored plan is shown and applied. With the key of
 * another workspace, other batches would be deleted than people agreed to.
 */
async function checkWorkspace(
  client: CommandClient,
  { workspaceId }: PurgePlan,
  host: Host,
): Promise<void> {
  if (workspaceId === undefined) return;
  const call = createCall(checkClient(client), { signal: host.signal });
  try {
    await listPage(call, undefined, 1);
  } catch (error) {
    throw explainError(error, client.baseUrl, host);
  }
  const other = [...call.facts.workspaceIds].find((answered) => answered !== workspaceId);
  if (other === undefined) return;
  throw new CommandError(
    `Cannot apply the purge plan: it was made for workspace ${workspaceId}, ` +
      `and the answers come from ${other}`,
  );
}

/** Why a plan is not applied, if it deletes too large a share of the batches. */
export function refuseShare(plan: PurgePlan, maxShare = 1): CommandError | undefined {
  const all = plan.items.length;
  if (all === 0 || plannedItems(plan).length / all <= maxShare) return undefined;
  const limit = `${Number((maxShare * 100).toFixed(6))}%`;
  return new CommandError(
    `Cannot apply the policy: it would delete ${describeCount(plan)}, and --max-share is ${limit}`,
  );
}

/** Shows what a plan would do, and writes it to a file with `--plan-out`. It deletes nothing. */
async function showPlan(
  { plan, known, text }: Prepared,
  { dryRun, json, planOut, maxShare }: Flags,
  { host, output }: Context,
): Promise<number> {
  const refusal = refuseShare(plan, maxShare);
  const planned = plannedItems(plan);
  if (refusal !== undefined && planOut !== undefined) {
    await output.note(text);
    throw refusal;
  }
  if (planOut !== undefined) await writePlan(host.files, planOut, plan);
  if (json) {
    for (const outcome of known) await output.json(outcome);
    for (const item of planned) {
      await output.json({ ...item, reason: describeDecision(item, plan, item) });
    }
    const { baseUrl, workspaceId, items } = plan;
    const totals = { dryRun: true, listed: items.length, planned: planned.length };
    await output.json({ summary: { ...totals, baseUrl, workspaceId } });
  } else {
    for (const outcome of known) await output.note(`${describeOutcome(outcome)}\n`);
    for (const item of dryRun ? planned : []) {
      const first = item.action === "cancel_and_delete" ? "cancel and " : "";
      await output.result(`would ${first}delete ${describeItem(item)}\n`);
    }
  }
  await output.note(text);
  await output.note(
    planOut === undefined
      ? "Dry run: nothing was deleted\n"
      : `Nothing was deleted. The plan is in ${planOut}:\n  batchsweep purge --plan ${planOut}\n`,
    "strong",
  );
  if (refusal !== undefined) throw refusal;
  return known.some(({ outcome }) => outcome === "failed") ? exitCode.failed : exitCode.done;
}

/** Says what will be deleted, and asks if the command line does not say yes. */
async function mayBegin(
  { mode }: Purge,
  { plan, gone, text }: Prepared,
  { host, output }: Context,
): Promise<boolean> {
  const items = plannedItems(plan).filter(({ id }) => !gone.has(id));
  const are = gone.size === 1 ? "is" : "are";
  const past = gone.size === 0 ? "" : `; ${gone.size} more ${are} gone by the record`;
  const count = describeCount(plan, gone.size);
  if (items.length === 0) {
    await output.note(`Nothing to delete: ${count}${past}\n`);
    return true;
  }
  if (mode === "apply") {
    const where = plan.workspaceId === undefined ? "" : `workspace ${plan.workspaceId}, `;
    await output.note(`Deleting ${count}${past}\n  of ${where}at ${plan.baseUrl}\n`);
    return true;
  }
  await output.note(`${text}\n${describeSample(items)}\n`);
  if (await askToDelete(host, output, items.length)) return true;
  await output.note("Stopped: nothing was deleted\n");
  return false;
}

/** What a plan is applied with. */
export interface ApplyPlanSettings
  extends Pick<Flags, "json" | "concurrency" | "archived" | "allowOtherKey"> {
  readonly plan: PurgePlan;
  readonly applied?: PurgePlan | undefined;
  /** Outcomes that are known before. */
  readonly known: readonly Outcome[];
  /** Ids of batches that are gone by the audit trail. */
  readonly gone?: ReadonlySet<string> | undefined;
  readonly holds: ReadonlySet<string>;
  readonly exportTo?: ResultStore | undefined;
  readonly trail?: TrailFile | undefined;
  readonly cancelTimeout?: number | undefined;
}

/** Applies a plan, and reports what becomes of each batch. */
export async function applyPlan(
  client: CommandClient,
  settings: ApplyPlanSettings,
  context: Context,
): Promise<number> {
  const { plan, applied = plan, known, gone, trail, json, holds, ...others } = settings;
  const { exportTo, concurrency, archived, allowOtherKey } = others;
  const { cancelTimeout: waitTimeout = longestWait } = settings;
  const planned = plannedItems(plan);
  // The text of the plan tells what is kept.
  const told = new Set(plan.items.flatMap(({ id, action }) => action === "keep" ? [id] : []));
  const waited = new Set(
    planned.flatMap(({ id, action }) => action === "cancel_and_delete" ? [id] : []),
  );
  return await reportRun(context, {
    json,
    noun: "message batch",
    totals: true,
    baseUrl: client.baseUrl,
    waitTimeout: waited.size > 0 ? waitTimeout : undefined,
    beyond: plan.items.filter(({ code }) => code === "not_among_oldest").length,
    total: known.length + planned.length - (gone?.size ?? 0),
    waited,
  }, async function* (signal) {
    yield* known;
    const history = trail?.history;
    const common = { signal, holds, exportTo, concurrency, waitTimeout, history };
    const options = { ...common, archived, allowOtherKey };
    for await (const one of applyPurge({ ...client, auditTrail: trail }, applied, options)) {
      if (!told.has(one.id)) yield one;
    }
  });
}
