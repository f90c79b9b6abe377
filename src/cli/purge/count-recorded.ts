import { readHistory } from "../../purge/purge-history.ts";
import type { PurgePlan } from "../../purge/plan.ts";
import { plannedItems } from "./preview.ts";
import type { Stores } from "./open-stores.ts";

/**
 * How many batches of a plan are gone by the record of earlier runs of it.
 *
 * @throws {CommandError} The record cannot be read.
 */
export async function countRecorded(plan: PurgePlan, { audit }: Stores): Promise<number> {
  if (audit === undefined) return 0;
  const history = await readHistory(audit.history(), plan);
  return plannedItems(plan).filter(({ id }) => history.settled(id) !== undefined).length;
}
