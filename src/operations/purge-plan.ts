import {
  array,
  check,
  literal,
  nullable,
  object,
  optional,
  picklist,
  pipe,
  safeParse,
  string,
  unknown,
} from "../deps.ts";
import type { Client } from "../core/client.ts";
import { PurgeRefusedError } from "../core/errors.ts";
import { settingsOf } from "../core/settings.ts";
import type { PurgeDecision } from "./evaluate-filter.ts";
import { isBatchId, type MessageBatchFilter, parseMessageBatchFilter } from "./filter.ts";
import { parseTimestamp } from "./timestamp.ts";

/** What is to happen to one batch. */
export interface PurgeItem extends PurgeDecision {
  readonly id: string;
  /** When it was created, as the API says; `null` where that is no RFC 3339 date-time. */
  readonly createdAt: string | null;
  /** When it ended; `null` where it has not, or that is no RFC 3339 date-time. */
  readonly endedAt: string | null;
  readonly status: "in_progress" | "canceling" | "ended" | "unknown";
}

/** What a purge would do, as data: it can be shown, stored as JSON, and applied later. */
export interface PurgePlan {
  readonly version: 1;
  /** When the plan was begun, as an RFC 3339 date-time. What was created later is not in it. */
  readonly createdAt: string;
  /** Which API it was made for. */
  readonly baseUrl: string;
  /** Which workspace, as the API says or else the client; absent where neither does. */
  readonly workspaceId?: string | undefined;
  readonly filter: MessageBatchFilter | "*";
  /** Every batch there was, newest first as a rule. */
  readonly items: readonly PurgeItem[];
}

/**
 * Reads a plan, such as one from a file. Nothing it holds is believed unseen.
 *
 * @param input The plan.
 * @returns The plan, as plain data of its own.
 * @throws {PurgeRefusedError} It is no plan, one of another version, or one with an id twice. The
 *   message names the place, and never quotes a value.
 *
 * @example Read a plan that was stored
 * ```ts
 * import { parsePurgePlan, planPurge } from "batchsweep";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const client = { apiKey: "sk-ant-api03-example", fetch: createSandbox().fetch };
 *
 * const stored = JSON.stringify(await planPurge(client, { filter: "*" }));
 * const plan = parsePurgePlan(JSON.parse(stored));
 * console.log(plan.createdAt, plan.items.length);
 * ```
 */
export function parsePurgePlan(input: unknown): PurgePlan {
  const result = safeParse(planSchema(), input);
  if (!result.success) {
    const [{ path, message }] = result.issues;
    const place = path?.map(({ key }) => typeof key === "number" ? `[${key}]` : `.${String(key)}`);
    throw refuse(`plan${place?.join("") ?? ""} ${message}`);
  }
  const { workspaceId, filter, ...plan } = result.output;
  if (plan.items.some(({ action, status }) => action === "delete" && status !== "ended")) {
    throw refuse("it deletes a batch that has not ended, without canceling it");
  }
  const ids = new Set(plan.items.map(({ id }) => id));
  if (ids.size < plan.items.length) throw refuse("it has an id twice");
  return {
    ...plan,
    ...(workspaceId === undefined ? {} : { workspaceId }),
    filter: parseFilter(filter),
  };
}

/**
 * Reads a plan that a client is about to apply.
 *
 * @throws {PurgeRefusedError} It is no plan, or one for another API or workspace.
 */
export function checkPlan(client: Client, input: unknown): PurgePlan {
  const { baseUrl, headers } = settingsOf(client);
  const plan = parsePurgePlan(input);
  if (plan.baseUrl !== baseUrl) throw refuse(`it was made for another base URL than ${baseUrl}`);
  const workspaceId = headers["anthropic-workspace-id"];
  if (workspaceId !== undefined && plan.workspaceId !== workspaceId) {
    throw refuse(`it was made for another workspace than ${workspaceId}`);
  }
  return plan;
}

function planSchema() {
  const text = string("is not a string");
  const time = pipe(
    text,
    check((value) => parseTimestamp(value) !== undefined, "is not an RFC 3339 date-time"),
  );
  const shape = ({ path }: { readonly path?: unknown }) =>
    path === undefined ? "is not an object" : "is missing";
  const item = object({
    id: pipe(text, check(isBatchId, "is not an id of a batch")),
    createdAt: nullable(time),
    endedAt: nullable(time),
    status: picklist(["in_progress", "canceling", "ended", "unknown"], "is no status"),
    action: picklist(["delete", "cancel_and_delete", "keep"], "is no action"),
    reason: text,
  }, shape);
  return object({
    version: literal(1, "is not 1, the version that is known here"),
    createdAt: time,
    baseUrl: text,
    workspaceId: optional(text),
    filter: unknown(),
    items: array(item, "is not an array"),
  }, shape);
}

function parseFilter(filter: unknown): PurgePlan["filter"] {
  try {
    return parseMessageBatchFilter(filter);
  } catch (error) {
    const said = error instanceof Error ? error.message.replace("Cannot use filter: ", "") : "";
    throw refuse(said.startsWith("filter") ? `plan.${said}` : `plan.filter: ${said}`);
  }
}

function refuse(why: string): PurgeRefusedError {
  return new PurgeRefusedError(`Cannot apply the purge plan: ${why}`);
}
