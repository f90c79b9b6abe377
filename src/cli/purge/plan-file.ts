/**
 * A plan as a file: written by one run, read by another.
 *
 * @module
 */
import type { Client } from "../../core/client.ts";
import { PurgeRefusedError } from "../../core/errors.ts";
import { checkPlan, type PurgePlan } from "../../purge/plan.ts";
import { CommandError } from "../exit-code.ts";
import { fileError } from "../input/file-error.ts";
import type { Files } from "../host.ts";
import { readText } from "../input/read-text.ts";

// A plan of 100,000 batches has some 18 MB.
const limit = { bytes: 268_435_456, what: "a plan" };

/**
 * Reads a plan that a client is about to apply.
 *
 * @throws {CommandError} It cannot be read, is no plan, or one for another API or workspace.
 */
export async function readPlan(
  files: Files,
  path: string,
  client: Client,
  signal?: AbortSignal,
): Promise<PurgePlan> {
  const text = await readText(files, path, limit, signal);
  try {
    return checkPlan(client, JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) throw cannotUse(path, "it is not JSON");
    if (!(error instanceof PurgeRefusedError)) throw error;
    throw cannotUse(path, error.message.replace(/^Cannot apply the purge plan: /, ""));
  }
}

/**
 * Writes a plan, a line for each batch, so that people can read and compare it.
 *
 * @throws {CommandError} It cannot be written, or there is such a file already.
 */
export async function writePlan(files: Files, path: string, plan: PurgePlan): Promise<void> {
  const { items, ...head } = plan;
  const lines = items.map((item) => `\n    ${JSON.stringify(item)}`);
  const opened = JSON.stringify(head, null, 2).slice(0, -"\n}".length);
  try {
    await files.write(path, `${opened},\n  "items": [${lines.join(",")}\n  ]\n}\n`);
  } catch (error) {
    throw fileError(`write ${path}`, error);
  }
}

function cannotUse(path: string, why: string): CommandError {
  return new CommandError(`Cannot use ${path}: ${why}`);
}
