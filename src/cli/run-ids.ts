/**
 * Works on ids with the engine, and reports what becomes of each.
 *
 * @module
 */
import { checkClient } from "../core/client.ts";
import { createRun, type RunOptions, type RunOutcome, type Task } from "../purge/engine.ts";
import type { CommandClient } from "./client.ts";
import { exitCode } from "./errors.ts";
import type { Context } from "./output.ts";
import { describeOutcome, type ReportOptions, reportRun } from "./report.ts";
import type { TrailFile } from "./trail.ts";

/** How ids are worked on. */
export interface RunIdsOptions
  extends Pick<ReportOptions, "json" | "members">, Pick<RunOptions, "operation"> {
  /** What the objects are. */
  readonly noun?: string | undefined;
  readonly concurrency?: number | undefined;
  /** How long to wait for the end of each batch, in milliseconds; `undefined`: not at all. */
  readonly waitTimeout?: number | undefined;
  readonly trail?: TrailFile | undefined;
}

/** Works on ids. */
export async function runIds<Done extends RunOutcome>(
  client: CommandClient,
  ids: readonly string[],
  { concurrency = 32, trail, operation, noun = "message batch", ...options }: RunIdsOptions,
  context: Context,
  taskOf: (id: string) => Pick<Task<Done>, "known" | "run">,
): Promise<number> {
  const settings = checkClient({ ...client, auditTrail: trail });
  const { baseUrl } = settings;
  const waits = options.waitTimeout !== undefined;
  const waited = new Set(waits ? ids : []);
  const { json, members, waitTimeout } = options;
  const reporting = { json, members, waitTimeout, noun, baseUrl, total: ids.length, waited };
  return await reportRun(context, reporting, (signal) => {
    const task = (id: string): Task<Done> => ({ id, waits, ...taskOf(id) });
    return createRun(settings, ids, task, { concurrency, operation, signal }).outcomes();
  });
}

/** Shows what would be done about ids. Nothing is sent. */
export async function showIds(
  ids: readonly string[],
  what: string,
  json: boolean | undefined,
  { output }: Context,
  holds: ReadonlySet<string> = new Set(),
): Promise<number> {
  for (const id of ids) {
    const held = { outcome: "skipped", id, reason: "held" } as const;
    if (json) await output.json(holds.has(id) ? held : { dryRun: true, id });
    else if (holds.has(id)) await output.note(`${describeOutcome(held)}\n`);
    else await output.result(`would ${what} ${id}\n`);
  }
  await output.note("Dry run: nothing was sent\n", "strong");
  return exitCode.done;
}
