import {
  array,
  type GenericSchema,
  literal,
  object,
  optional,
  safeParse,
  string,
} from "../../deps.ts";
import { parseTimestamp } from "../../purge/time.ts";
import type { StateStore } from "./status.ts";

/** What a run leaves to the next one: a list that was read in part, or a plan that was applied in part. */
export interface RetentionWork {
  readonly version: 1;
  /** What it was begun for. For anything else it is worth nothing. */
  readonly purpose: string;
  /** When it was begun, as an RFC 3339 date-time: the time that the plan is judged by. */
  readonly createdAt: string;
  /** Whose batches they are, as the answers say or else the client. */
  readonly workspaceId?: string | undefined;
  /** A list that was read in part: where it goes on, and the batches so far, packed, a line each. */
  readonly list?: PartOfList | undefined;
  /** A plan that was applied in part: the ids that are left, with a space between. */
  readonly ids?: string | undefined;
  /** Those of the ids that a run may have deleted, though it did not see what became of them. */
  readonly tried?: string | undefined;
}

/** A list as far as it was read. */
export interface PartOfList {
  /** Where it goes on. */
  readonly cursor: string;
  /** All cursors so far: none may come again. */
  readonly cursors: readonly string[];
  readonly batches: string;
}

/** The work that is stored. */
export interface WorkDesk {
  /** Undefined where there is none, or none that fits. */
  readonly work: RetentionWork | undefined;
  /** Keeps work for the next run; undefined: there is none left. */
  save(work: RetentionWork | undefined): Promise<void>;
}

/** Somebody else has written: this run has outlived its lease, and ends. */
export class Overtaken extends Error {}

const name = "retention-work";
const oldest = 604_800_000;

/**
 * Opens the work that earlier runs have left. What does not fit is cleared away before anything else is
 * done: it must not be gone on with once other work has changed what it was planned by.
 *
 * @param purpose What the run is for.
 * @param now The time; work that was begun a week before is worth nothing.
 */
export async function openWork(
  store: StateStore,
  purpose: string,
  now: number,
): Promise<WorkDesk> {
  const stored = await store.read(name);
  let version = stored?.version;
  let isEmpty = (stored?.value ?? "") === "";
  const save = async (left: RetentionWork | undefined): Promise<void> => {
    if (left === undefined && isEmpty) return;
    const value = left === undefined ? "" : JSON.stringify(left);
    if (!await store.write(name, value, version)) throw new Overtaken();
    version = (version ?? 0) + 1;
    isEmpty = left === undefined;
  };
  const work = parse(stored?.value ?? "");
  const begun = parseTimestamp(work?.createdAt ?? null) ?? NaN;
  const fits = work?.purpose === purpose && begun <= now && now - begun < oldest;
  if (!fits) await save(undefined);
  return { work: fits ? work : undefined, save };
}

function parse(value: string): RetentionWork | undefined {
  try {
    const result = safeParse(workSchema(), JSON.parse(value));
    return result.success ? result.output : undefined;
  } catch {
    return undefined; // as good as nothing
  }
}

function workSchema(): GenericSchema<unknown, RetentionWork> {
  return object({
    version: literal(1),
    purpose: string(),
    createdAt: string(),
    workspaceId: optional(string()),
    list: optional(object({ cursor: string(), cursors: array(string()), batches: string() })),
    ids: optional(string()),
    tried: optional(string()),
  });
}
