import { deleteMessageBatch } from "../../../mod.ts";
import type { Remove, Target } from "./subject.ts";

/** This library. */
export function createRemove(target: Target): Remove {
  return async (id) => (await deleteMessageBatch(target, id)).id;
}
