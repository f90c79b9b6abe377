/**
 * A plan in a file: one run writes it, another applies it.
 *
 * @module
 */
import { checkClient } from "../core/client.ts";
import { PurgeRefusedError } from "../core/errors.ts";
import { checkPlan, type PurgePlan } from "../purge/plan.ts";
import { findDuplicateKey, pathKey } from "../purge/strict-json.ts";
import type { CommandClient } from "./client.ts";
import { CommandError, fileError } from "./errors.ts";
import type { Files } from "./host.ts";
import { readText } from "./input.ts";

// A plan of 100,000 batches has some 18 MB.
const limit = { bytes: 268_435_456, what: "a plan" };

/** Reads a plan that a client is about to apply. */
export async function readPlan(
  files: Pick<Files, "read">,
  path: string,
  client: CommandClient,
  signal?: AbortSignal,
): Promise<PurgePlan> {
  const text = await readText(files, path, limit, signal);
  const cannotUse = (why: string) => new CommandError(`Cannot use ${path}: ${why}`);
  try {
    const input: unknown = JSON.parse(text);
    const key = findDuplicateKey(text);
    if (key !== undefined) throw cannotUse(`${pathKey(key)} is there twice in one object`);
    return checkPlan(checkClient(client), input);
  } catch (error) {
    if (error instanceof SyntaxError) throw cannotUse("it is not JSON");
    throw error instanceof PurgeRefusedError ? cannotUse(error.why) : error;
  }
}

/** Writes a plan, a line for each batch, so that people can read and compare it. */
export async function writePlan(
  files: Pick<Files, "write">,
  path: string,
  plan: PurgePlan,
): Promise<void> {
  const { items, ...head } = plan;
  const lines = items.map((item) => `\n    ${JSON.stringify(item)}`);
  const opened = JSON.stringify(head, null, 2).slice(0, -"\n}".length);
  try {
    await files.write(path, `${opened},\n  "items": [${lines.join(",")}\n  ]\n}\n`);
  } catch (error) {
    throw fileError("write", path, error);
  }
}
