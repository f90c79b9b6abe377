/** `purge` and `retain`: make or read a plan, then show it, ask, or apply it. */
import { listPage } from "../core/batches.ts";
import { checkClient } from "../core/client.ts";
import { messageBatch } from "../core/delete.ts";
import { createCall } from "../core/send.ts";
import { applyPurge, readHistory } from "../purge/apply.ts";
import { describeDecision } from "../purge/decision.ts";
import type { ResultStore } from "../purge/export.ts";
import type { MessageBatchFilter } from "../purge/filter.ts";
import { namesOfPlan, planPurge, type PurgePlan } from "../purge/plan.ts";
import type { RetentionPolicy } from "../purge/policy.ts";
import { failedOutcome, notThere } from "./by-id.ts";
import { type CommandClient, commandOf, createClient } from "./client.ts";
import { CommandError, exitCode, explainError } from "./errors.ts";
import { describeUnknownHolds, filterFrom, readHolds, readPolicy, withHolds } from "./selection.ts";
import type { Host } from "./host.ts";
import { readIds } from "./ids.ts";
import { openResults, readPlan, writePlan } from "./input.ts";
import { type Args, type Flags, longestWait } from "./options.ts";
import { askToDelete, canAsk, type Context } from "./output.ts";
import {
  countKept,
  describeCount,
  describeItem,
  describePlan,
  describeSample,
  plannedItems,
} from "./plan-text.ts";
import { describeOutcome, type Outcome, reportRun } from "./report.ts";
import { formatCommand } from "./text.ts";
import { type TrailFile, withTrail } from "./trail.ts";

/** Where the batches of a purge come from: one of these. */
export interface PurgeSource {
  /** The file of a plan. */
  readonly plan?: string;
  readonly policy?: RetentionPolicy;
  readonly filter?: MessageBatchFilter | "*";
  readonly ids?: readonly string[] | undefined;
  /** Where ids come from, before they are read. */
  readonly args?: Args;
}

/** What is purged, and how far it goes. */
export interface Purge {
  readonly source: PurgeSource;
  /** `"ask"`: a person agrees to the plan first. */
  readonly mode: "show" | "ask" | "apply";
  readonly client: CommandClient;
  readonly holds: ReadonlySet<string>;
}

/** Runs `purge`. */
export async function runPurge(args: Args, flags: Flags, context: Context): Promise<number> {
  return await begin(sourceOf(args, flags, context.host), flags, context);
}

/** Runs `retain`. */
export async function runRetain(_: Args, flags: Flags, context: Context): Promise<number> {
  const { files, signal } = context.host;
  const policy = await readPolicy(files, flags.policy ?? "", signal);
  return await begin({ policy }, flags, context);
}

async function begin(given: PurgeSource, flags: Flags, context: Context): Promise<number> {
  const { host, output } = context;
  const { args, policy } = given;
  const mode = modeOf(flags, given, host);
  const client = createClient(context, flags);
  const ids = args ? await readIds(args, messageBatch, flags, context, "purge") : undefined;
  if (ids?.length === 0) {
    const counts = { deleted: 0, missing: 0, skipped: 0, failed: 0, unattempted: 0 };
    const summary = mode === "show"
      ? { dryRun: true, listed: 0, planned: 0, hasMore: false, baseUrl: client.baseUrl }
      : { planned: 0, ...counts, hasMore: false };
    if (flags.json) await output.json({ summary });
    return exitCode.done;
  }
  const others = await readHolds(policy ? { ...flags, policy: undefined } : flags, host);
  const holds = new Set([...policy?.holds ?? [], ...others]);
  return await purgeBatches({ source: { ...given, ids }, mode, client, holds }, flags, context);
}

/** What the command line says of the batches. */
export function sourceOf(
  args: Args,
  flags: Flags,
  { stdin }: Pick<Host, "stdin">,
): PurgeSource {
  const { plan, cancel } = flags;
  const filter = filterFrom(flags);
  const ids = args.length > 0 && "ids";
  if (plan !== undefined) {
    const other = ids || (filter && "a filter") || (cancel && "--cancel");
    if (!other) return { plan };
    throw new CommandError(`Cannot use --plan with ${other}: the plan says what is deleted`);
  }
  if (filter !== undefined) {
    if (!ids) return { filter };
    throw new CommandError("Cannot use ids with a filter: use one of them");
  }
  if (ids || !stdin.isTerminal) return { args };
  throw new CommandError(
    "Cannot purge: give ids, a filter such as --older-than 30d, --all, or --plan",
  );
}

/** How far a purge goes. */
export function modeOf(
  { yes, dryRun, planOut }: Flags,
  { plan, args }: PurgeSource,
  host: Pick<Host, "stdin" | "stderr">,
): Purge["mode"] {
  if (planOut !== undefined && plan !== undefined) {
    throw new CommandError("Cannot use --plan-out with --plan: the plan is there already");
  }
  if (dryRun) return "show";
  if (planOut !== undefined) {
    if (!yes) return "show";
    throw new CommandError(
      "Cannot use --plan-out with --yes: it deletes nothing; apply the plan with --plan",
    );
  }
  if (yes) return "apply";
  const isTaken = args && (args.length === 0 || args.includes("-")); // stdin has no answer then
  if (!isTaken && canAsk(host)) return "ask";
  throw new CommandError(
    `Cannot ask whether to delete: ${isTaken ? "stdin has the ids" : "there is no terminal"}\n` +
      "Use --yes to delete without a question, --dry-run or --plan-out to delete nothing",
  );
}

/** A plan, and what is known besides. */
interface Prepared {
  /** With the holds of the command line. */
  readonly plan: PurgePlan;
  /** As it was made before, if it was. */
  readonly stored?: PurgePlan | undefined;
  /** The outcomes of ids that were given, and that the plan does not delete. */
  readonly known: readonly Outcome[];
  /** The ids of batches that are gone by the audit trail. */
  readonly gone: ReadonlySet<string>;
  /** The plan in words. */
  readonly text: string;
}

/** Shows what is purged, asks, or purges it. */
export async function purgeBatches(purge: Purge, flags: Flags, context: Context): Promise<number> {
  const { source, mode, client } = purge;
  const { host, output } = context;
  const stored = source.plan === undefined
    ? undefined
    : await readPlan(host.files, source.plan, client, host.signal);
  const shows = mode === "show";
  const exportTo = shows ? undefined : await openResults(flags.export, host.files);
  const ids = stored ? plannedItems(stored).map(({ id }) => id) : source.ids ?? [];
  return await withTrail(shows ? undefined : flags.audit, client, ids, context, async (trail) => {
    if (stored && !shows) await checkWorkspace(client, stored, host);
    const prepared = await prepare(purge, flags, stored, trail, context);
    const refusal = refuseShare(prepared.plan, flags.maxShare);
    if (refusal !== undefined) {
      if (shows && flags.planOut === undefined) await showPlan(prepared, flags, context);
      else await output.note(prepared.text);
      throw refusal;
    }
    if (shows) return await showPlan(prepared, flags, context);
    if (!await mayBegin(mode, prepared, context)) return exitCode.failed;
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
    : await makePlan(source, { ...flags, archived }, holds, client, context);
  await context.output.note(describeUnknownHolds(holds, plan), "bad");
  const { ids = [] } = source;
  const names = stored && namesOfPlan(stored);
  if (names?.changedPlan !== undefined || (stored && stored.fingerprint === undefined)) {
    await context.output.note("The plan was changed since it was made\n", "bad");
  }
  const past = await readHistory(trail?.history ?? [], {
    ...names && { plan: names.plan, workspaceId: plan.workspaceId },
    ids: stored ? plannedItems(plan).map(({ id }) => id) : ids,
  });
  const gone = stored ? plannedItems(plan).filter(({ id }) => past.outcome(id)) : [];
  const known = namedOutcomes(
    ids,
    plan,
    (id) => flags.allowMissing === true || past.outcome(id) !== undefined || past.isUncertain(id),
  );
  const text = describePlan(plan, {
    known,
    stored: stored !== undefined,
    gone: gone.length,
    ...flags,
    policy: source.policy && flags.policy,
  });
  return { plan, stored, known, gone: new Set(gone.map(({ id }) => id)), text };
}

async function makePlan(
  { policy, ids = [], filter = { ids } }: PurgeSource,
  { cancel: cancelInProgress, archived, clockSkew: maxClockSkew }: Flags,
  holds: ReadonlySet<string>,
  client: CommandClient,
  { host, output }: Context,
): Promise<PurgePlan> {
  const common = { holds, archived, maxClockSkew, signal: host.signal };
  await output.status("Listing the message batches");
  try {
    return await planPurge(
      client,
      policy ? { policy, ...common } : { filter, cancelInProgress, ...common },
    );
  } catch (error) {
    throw explainError(error, client.baseUrl, host);
  } finally {
    await output.status(undefined);
  }
}

/** Outcomes of the given ids that the plan does not delete: every id ends in an outcome. */
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
  await listPage(call, undefined, 1).catch((error) => {
    throw explainError(error, client.baseUrl, host);
  });
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
  { dryRun, json, planOut }: Flags,
  { host, output }: Context,
): Promise<number> {
  const planned = plannedItems(plan);
  if (planOut !== undefined) await writePlan(host.files, planOut, plan);
  for (const outcome of known) {
    if (json) await output.json(outcome);
    else await output.note(`${describeOutcome(outcome)}\n`);
  }
  for (const item of json || dryRun ? planned : []) {
    const first = item.action === "cancel_and_delete" ? "cancel and " : "";
    if (json) await output.json({ ...item, reason: describeDecision(item, plan, item) });
    else await output.result(`would ${first}delete ${describeItem(item)}\n`);
  }
  if (json) {
    const { baseUrl, workspaceId, items } = plan;
    const totals = { dryRun: true, listed: items.length, planned: planned.length };
    const hasMore = countKept(plan, "not_among_oldest") > 0;
    await output.json({ summary: { ...totals, hasMore, baseUrl, workspaceId } });
  }
  await output.note(text);
  let next = "Dry run: nothing was deleted\n";
  if (planOut !== undefined) {
    const command = [
      ...commandOf(host, plan.baseUrl, { read: planOut }),
      "purge",
      "--plan",
      planOut,
    ];
    next = `Nothing was deleted. The plan is in ${planOut}:\n${formatCommand(command)}`;
  }
  await output.note(next, "strong");
  return known.some(({ outcome }) => outcome === "failed") ? exitCode.failed : exitCode.done;
}

/** Says what will be deleted, and asks if the command line does not say yes. */
async function mayBegin(
  mode: Purge["mode"],
  { plan, gone, text }: Prepared,
  { host, output }: Context,
): Promise<boolean> {
  const items = plannedItems(plan).filter(({ id }) => !gone.has(id));
  const are = gone.size === 1 ? "is" : "are";
  const past = gone.size === 0 ? "" : `; ${gone.size} more ${are} gone by the audit trail`;
  const count = describeCount(plan, gone.size);
  if (items.length === 0) {
    if (mode === "ask") await output.note(text); // it says what is kept, and why
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
  extends
    Pick<Flags, "json" | "concurrency" | "archived" | "allowOtherKey" | "cancelTimeout">,
    Pick<Prepared, "plan" | "known">,
    Partial<Pick<Prepared, "stored" | "gone">> {
  readonly holds: ReadonlySet<string>;
  readonly exportTo?: ResultStore | undefined;
  readonly trail?: TrailFile | undefined;
}

/** Applies a plan, and reports what becomes of each batch. */
export async function applyPlan(
  client: CommandClient,
  settings: ApplyPlanSettings,
  context: Context,
): Promise<number> {
  const { plan, stored, known, gone, trail, json, holds, exportTo } = settings;
  const { concurrency, archived, allowOtherKey, cancelTimeout: waitTimeout = longestWait } =
    settings;
  const planned = plannedItems(plan);
  const idsOf = (action: string) =>
    new Set(plan.items.flatMap((item) => item.action === action ? [item.id] : []));
  const kept = idsOf("keep"); // the text of the plan tells them
  const waited = idsOf("cancel_and_delete");
  return await reportRun(context, {
    json,
    totals: true,
    baseUrl: client.baseUrl,
    waitTimeout: waited.size > 0 ? waitTimeout : undefined,
    beyond: countKept(plan, "not_among_oldest"),
    again: stored && "make another plan",
    total: known.length + planned.length - (gone?.size ?? 0),
    waited,
  }, async function* (signal) {
    yield* known;
    const common = { signal, holds, exportTo, concurrency, waitTimeout, archived, allowOtherKey };
    const options = { ...common, history: trail?.history };
    for await (const one of applyPurge({ ...client, auditTrail: trail }, stored ?? plan, options)) {
      if (!kept.has(one.id)) yield one;
    }
  });
}
