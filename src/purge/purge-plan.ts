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
import { copyPlannedPolicy, type PlannedPolicy, plannedPolicySchema } from "./planned-policy.ts";
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
  /** What it was made from; absent where that is a policy. */
  readonly filter?: MessageBatchFilter | "*" | undefined;
  /** The retention policy that it was made from; absent where that is a filter. */
  readonly policy?: PlannedPolicy | undefined;
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
  const { workspaceId, filter, policy, items, ...plan } = result.output;
  if ((filter === undefined) === (policy === undefined)) {
    throw refuse(
      `it has ${policy ? "both" : "neither"} a filter ${policy ? "and" : "nor"} a policy`,
    );
  }
  if (items.some(({ action, status }) => action === "delete" && status !== "ended")) {
    throw refuse("it deletes a batch that has not ended, without canceling it");
  }
  if (policy !== undefined) checkItems(policy, items);
  const ids = new Set(items.map(({ id }) => id));
  if (ids.size < items.length) throw refuse("it has an id twice");
  return {
    ...plan,
    ...(workspaceId === undefined ? {} : { workspaceId }),
    ...(policy === undefined
      ? { filter: parseFilter(filter) }
      : { policy: copyPlannedPolicy(policy) }),
    items,
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

const mostText = 1_000;

function planSchema() {
  const text = string("is not a string");
  // People are shown these before they agree: a line break would forge what they are shown.
  const line = pipe(
    text,
    check((value) => !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(value), "has a control character or line break"),
    check((value) => value.length <= mostText, `is longer than ${mostText} characters`),
  );
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
    reason: line,
  }, shape);
  return object({
    version: literal(1, "is not 1, the version that is known here"),
    createdAt: time,
    baseUrl: text,
    workspaceId: optional(line),
    filter: optional(unknown()),
    policy: optional(plannedPolicySchema(shape)),
    items: array(item, "is not an array"),
  }, shape);
}

/** No policy cancels a batch, or deletes one that it holds. */
function checkItems({ holds }: PlannedPolicy, items: readonly PurgeItem[]): void {
  const held = new Set(holds);
  const planned = items.filter(({ action }) => action !== "keep");
  if (planned.some(({ id }) => held.has(id))) {
    throw refuse("it deletes a batch that its policy holds");
  }
  if (planned.some(({ action }) => action !== "delete")) {
    throw refuse("it cancels a batch, and was made from a policy, which never does");
  }
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
