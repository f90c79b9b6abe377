import type { Client } from "../../core/client.ts";
import { settingsOf } from "../../core/settings.ts";
import { applyPlan } from "./apply-plan.ts";
import { checkWorkspace } from "./check-workspace.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { PlanFlags } from "../commands/plan-options.ts";
import { askToDelete } from "./consent.ts";
import { describeLines } from "../audit/describe-trail.ts";
import { CommandError, exitCode, firstOf } from "../exit-code.ts";
import { describeUnknownHolds, type HoldFlags, withHolds } from "./holds.ts";
import { makePlan } from "./make-plan.ts";
import { refuseShare } from "./max-share.ts";
import { namedOutcomes } from "./named-outcomes.ts";
import { countRecorded } from "./count-recorded.ts";
import { openStores, type Stores } from "./open-stores.ts";
import { describeCount, describePlan, describeSample, plannedItems } from "./preview.ts";
import type { modeOf } from "./purge-mode.ts";
import type { PurgeSource } from "./purge-source.ts";
import { sealTrail } from "../audit/seal-trail.ts";
import type { Files } from "../host.ts";
import { filesInTime } from "../input/in-time.ts";
import { type ShownPlan, showPlan } from "./show-plan.ts";

/** What is to be purged, and how far it goes. */
export interface Purge {
  readonly source: PurgeSource;
  readonly mode: ReturnType<typeof modeOf>;
  readonly client: Client & { readonly baseUrl: string };
  /** The batches that are named, where they are. */
  readonly ids: readonly string[];
  readonly holds: ReadonlySet<string>;
}

/** What the command line says besides. */
export interface PurgeFlags extends PlanFlags, HoldFlags {
  readonly cancel?: true | undefined;
  readonly cancelTimeout?: number | undefined;
  readonly ignoreNotFound?: true | undefined;
  readonly maxShare?: number | undefined;
}

/**
 * Makes a plan, and shows it, asks, or applies it at once: the road of every command that deletes by
 * plan.
 *
 * @returns The exit code.
 * @throws {CommandError} Nothing was deleted.
 */
export async function runPurge(
  purge: Purge,
  flags: PurgeFlags,
  context: Pick<CommandContext, "host" | "output">,
): Promise<number> {
  const { mode, client, ids } = purge;
  const { output } = context;
  const opened: Stores = mode === "show" ? {} : await openStores(flags, ids, context);
  let code: number = exitCode.failed;
  try {
    code = await runPlan(purge, flags, opened, context);
  } finally {
    const close = async () => await opened.audit?.close(settingsOf(client).timeout);
    code = await alsoAfter(code, close, output);
  }
  return code;
}

/** Makes the plan, and does with it what is asked for. */
async function runPlan(
  purge: Purge,
  flags: PurgeFlags,
  opened: Stores,
  context: Pick<CommandContext, "host" | "output">,
): Promise<number> {
  const { source, mode, client, holds } = purge;
  const { audit, cancelTimeout, json, maxShare, planOut } = flags;
  const { host, output } = context;
  const shown = await prepare(purge, flags, opened, context);
  const { plan, known, text } = shown;
  const planned = plannedItems(plan);
  const refusal = refuseShare(plan, maxShare);
  if (mode === "show" && (refusal === undefined || planOut === undefined)) {
    await showPlan(shown, flags, context);
    const unmet = known.some(({ outcome }) => outcome === "failed");
    if (refusal === undefined) return unmet ? exitCode.failed : exitCode.done;
  } else if (refusal !== undefined) {
    await output.note(text);
  }
  if (refusal !== undefined) throw refusal;
  if (planned.length === 0) {
    await output.note(`Nothing to delete: ${describeCount(plan)}\n`);
  } else if (mode === "apply") {
    const where = plan.workspaceId === undefined ? "" : ` of workspace ${plan.workspaceId}`;
    const gone = "plan" in source ? await countRecorded(plan, opened) : 0;
    const past = gone === 0
      ? ""
      : `; ${gone} of them ${gone === 1 ? "is" : "are"} gone by the record`;
    await output.note(`Deleting ${describeCount(plan)}${where}, at ${plan.baseUrl}${past}\n`);
  } else {
    await output.note(`${text}\n${describeSample(plan)}\n`);
    if (!await askToDelete(host, output, planned.length)) {
      await output.note("Stopped: nothing was deleted\n");
      return exitCode.failed;
    }
  }
  const settings = { ...opened, known, holds, cancelTimeout, json };
  let code: number = exitCode.failed;
  try {
    code = await applyPlan(client, plan, settings, context);
  } finally {
    // Whatever the run ends with, what was deleted is on record.
    if (audit !== undefined) {
      const files = filesInTime(host.files, settingsOf(client).timeout);
      code = await alsoAfter(code, () => seal(files, audit, output), output);
    }
  }
  return code;
}

/** Makes the plan, and says what it is about to do. */
async function prepare(
  { source, mode, client, ids, holds }: Purge,
  flags: PurgeFlags,
  { audit }: Stores,
  context: Pick<CommandContext, "host" | "output">,
): Promise<ShownPlan> {
  const whole = await makePlan(source, ids, flags, client, context);
  if ("plan" in source && mode !== "show" && plannedItems(whole).length > 0) {
    await checkWorkspace(client, whole, context.host.signal);
  }
  const plan = withHolds(whole, holds);
  for (const line of describeUnknownHolds(flags, holds, plan)) {
    await context.output.note(`${line}\n`, "bad");
  }
  const missingIsFine = (id: string) =>
    flags.ignoreNotFound === true || (audit?.mentions(id) ?? false);
  const known = namedOutcomes(ids, plan, missingIsFine);
  const byPolicy = "policy" in source;
  const text = describePlan(plan, {
    known,
    stored: "plan" in source,
    policy: byPolicy ? flags.policy : undefined,
    held: byPolicy
      ? plan.items.filter(({ id }) => holds.has(id)).length
      : plannedItems(whole).length - plannedItems(plan).length,
    exportTo: flags.export,
    auditTo: flags.audit,
  });
  return { plan, known, text };
}

/** Seals what was recorded. */
async function seal(
  files: Pick<Files, "read" | "appendTo">,
  audit: string,
  output: CommandContext["output"],
): Promise<void> {
  const { added, head } = await sealTrail(files, audit);
  if (added > 0) await output.note(`Sealed ${describeLines(added)} of ${audit}; head ${head}\n`);
}

/**
 * Does what is left to do about the record. Where that fails, what was deleted is deleted all the same.
 *
 * @param code The exit code until then.
 * @returns The exit code.
 */
async function alsoAfter(
  code: number,
  act: () => Promise<void>,
  output: CommandContext["output"],
): Promise<number> {
  try {
    await act();
    return code;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    await output.note(`${error.message}\n`, "bad");
    return firstOf(code, exitCode.failed);
  }
}
