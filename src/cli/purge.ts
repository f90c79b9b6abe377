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
import {
  checkArchived,
  describeUnknownHolds,
  filterFrom,
  readHolds,
  readPolicy,
  withHolds,
} from "./selection.ts";
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
  type KnownPlan,
  plannedItems,
} from "./plan-text.ts";
import { describeOutcome, type Outcome, reportRun } from "./report.ts";
import { countOf, formatCommand } from "./text.ts";
import { type TrailFile, withTrail } from "./trail.ts";

/** Where the batches of a purge come from: one of these. */
interface Source {
  /** The file of a plan. */
  readonly plan?: string;
  readonly policy?: RetentionPolicy;
  readonly filter?: MessageBatchFilter | "*";
  /** Where ids come from. */
  readonly args?: Args;
}

/** How far a purge goes. `"ask"`: a person agrees to the plan first. */
type Mode = "show" | "ask" | "apply";

/** What a plan is applied with. */
interface Means {
  readonly client: CommandClient;
  readonly holds: ReadonlySet<string>;
  readonly exportTo: ResultStore | undefined;
  readonly trail: TrailFile | undefined;
}

/** Runs `purge`. */
export async function runPurge(args: Args, flags: Flags, context: Context): Promise<number> {
  return await purge(sourceOf(args, flags, context.host), flags, context);
}

/** Runs `retain`. */
export async function runRetain(_: Args, flags: Flags, context: Context): Promise<number> {
  const { files, signal } = context.host;
  const policy = await readPolicy(files, flags.policy ?? "", signal);
  return await purge({ policy }, flags, context);
}

/** Shows what is purged, asks, or purges it. */
async function purge(source: Source, flags: Flags, context: Context): Promise<number> {
  const { host, output } = context;
  const { args, policy } = source;
  const mode = modeOf(flags, source, host);
  checkArchived(flags);
  const shows = mode === "show";
  const client = createClient(context, flags);
  const ids = args ? await readIds(args, messageBatch, flags, context, "purge") : [];
  if (args && ids.length === 0) {
    const counts = { deleted: 0, missing: 0, skipped: 0, failed: 0, unattempted: 0 };
    const summary = shows
      ? { dryRun: true, listed: 0, planned: 0, hasMore: false, baseUrl: client.baseUrl }
      : { planned: 0, ...counts, hasMore: false };
    if (flags.json) await output.json({ summary });
    return exitCode.done;
  }
  const others = await readHolds(policy ? { ...flags, policy: undefined } : flags, host);
  const holds = new Set([...policy?.holds ?? [], ...others]);
  const stored = source.plan === undefined
    ? undefined
    : await readPlan(host.files, source.plan, client, host.signal);
  const exportTo = shows ? undefined : await openResults(flags.export, host.files);
  const about = stored ? plannedItems(stored).map(({ id }) => id) : ids;
  return await withTrail(shows ? undefined : flags.audit, client, about, context, async (trail) => {
    if (stored && !shows) await checkWorkspace(client, stored, host);
    const archived = flags.export === undefined ? "delete" : flags.archived ?? "keep";
    const plan = stored
      ? withHolds(stored, holds, archived)
      : await makePlan(source, ids, holds, { ...flags, archived }, client, context);
    await output.note(describeUnknownHolds(holds, plan), "bad");
    if (stored && (namesOfPlan(stored).changedPlan ?? !stored.fingerprint)) {
      await output.note("The plan was changed since it was made\n", "bad");
    }
    const known = await lookUp(plan, stored, ids, trail, flags);
    const text = describePlan(known, flags);
    const refusal = refuseShare(plan, flags.maxShare);
    if (refusal !== undefined) {
      if (shows && flags.planOut === undefined) await showPlan(known, text, flags, context);
      else await output.note(text);
      throw refusal;
    }
    if (shows) return await showPlan(known, text, flags, context);
    if (!await mayBegin(mode, known, text, context)) return exitCode.failed;
    return await applyPlan(known, { client, holds, exportTo, trail }, flags, context);
  });
}

/** What the command line says of the batches. */
function sourceOf(args: Args, flags: Flags, { stdin }: Host): Source {
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
function modeOf({ yes, dryRun, planOut }: Flags, { plan, args }: Source, host: Host): Mode {
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

/** Looks up in the audit trail what became of the batches before, and of ids that are not planned. */
async function lookUp(
  plan: PurgePlan,
  stored: PurgePlan | undefined,
  ids: readonly string[],
  trail: TrailFile | undefined,
  { allowMissing = false }: Flags,
): Promise<KnownPlan> {
  const planned = stored ? plannedItems(plan).map(({ id }) => id) : [];
  const past = await readHistory(trail?.history ?? [], {
    ...stored && { plan: namesOfPlan(stored).plan, workspaceId: plan.workspaceId },
    ids: stored ? planned : ids,
  });
  const items = new Map(plan.items.map((item) => [item.id, item]));
  const known = ids.flatMap((id): Outcome[] => {
    const item = items.get(id);
    if (item?.action === "keep") return [{ outcome: "skipped", id, reason: item.code }];
    if (item !== undefined) return [];
    const mayBeMissing = allowMissing || past.outcome(id) !== undefined || past.isUncertain(id);
    if (mayBeMissing) return [{ outcome: "missing", id }];
    return [failedOutcome("delete", id, notThere, { code: "ERR_NOT_FOUND" })];
  });
  return { plan, stored, known, gone: new Set(planned.filter((id) => past.outcome(id))) };
}

async function makePlan(
  { policy, filter }: Source,
  ids: readonly string[],
  holds: ReadonlySet<string>,
  { cancel: cancelInProgress, archived, clockSkew: maxClockSkew }: Flags,
  client: CommandClient,
  { host: { signal, env }, output }: Context,
): Promise<PurgePlan> {
  const by = policy ? { policy } : { filter: filter ?? { ids }, cancelInProgress };
  await output.status("Listing the message batches");
  try {
    return await planPurge(client, { ...by, holds, archived, maxClockSkew, signal });
  } catch (error) {
    throw explainError(error, client.baseUrl, { env });
  } finally {
    await output.status(undefined);
  }
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
function refuseShare(plan: PurgePlan, maxShare = 1): CommandError | undefined {
  const all = plan.items.length;
  if (all === 0 || plannedItems(plan).length / all <= maxShare) return undefined;
  const limit = `${Number((maxShare * 100).toFixed(6))}%`;
  return new CommandError(
    `Cannot apply the policy: it would delete ${describeCount(plan)}, and --max-share is ${limit}`,
  );
}

/** Shows what a plan would do, and writes it to a file with `--plan-out`. It deletes nothing. */
async function showPlan(
  { plan, known }: KnownPlan,
  text: string,
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
  mode: Mode,
  { plan, gone }: KnownPlan,
  text: string,
  { host, output }: Context,
): Promise<boolean> {
  const items = plannedItems(plan).filter(({ id }) => !gone.has(id));
  const are = gone.size === 1 ? "is" : "are";
  const past = gone.size === 0 ? "" : `; ${gone.size} more ${are} gone by the audit trail`;
  const count = describeCount(plan, gone.size);
  const odd = countKept(plan, "unreadable") + (plan.unreadable ?? 0);
  if (mode === "apply" && odd > 0) {
    await output.note(`Kept ${countOf(odd, "message batch")} that cannot be read\n`);
  }
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

/** Applies a plan, and reports what becomes of each batch. */
async function applyPlan(
  { plan, stored, known, gone }: KnownPlan,
  { client, holds, exportTo, trail }: Means,
  { json, concurrency, archived, allowOtherKey, cancelTimeout: waitTimeout = longestWait }: Flags,
  context: Context,
): Promise<number> {
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
    total: known.length + plannedItems(plan).length - gone.size,
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
