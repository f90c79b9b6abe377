/**
 * Makes a plan.
 *
 * @module
 */
import { isBatchId, listBatches } from "../core/batches.ts";
import { cannotUse, checkOptions, type Checks, defined, isBoolean } from "../core/check.ts";
import { callChecks, type CallOptions, checkClient, type Client } from "../core/client.ts";
import { PurgeRefusedError } from "../core/errors.ts";
import { type Call, createCall } from "../core/send.ts";
import type { DecisionSource, PurgeDecision } from "./decision.ts";
import { withPace } from "./engine.ts";
import { evaluateRetention } from "./evaluate-policy.ts";
import {
  evaluateFilter,
  type ListedBatch,
  type MessageBatchFilter,
  parseMessageBatchFilter,
  statuses,
} from "./filter.ts";
import type { PurgeItem, PurgePlan } from "./plan.ts";
import { parseRetentionPolicy, type RetentionPolicy } from "./policy.ts";
import { parseTimestamp } from "./time.ts";

/** Options of {@link planPurge}: exactly one of `filter` and `policy`. */
export type PlanPurgeOptions = PlanByFilter | PlanByPolicy;

/** Options to plan by a filter. */
export interface PlanByFilter extends CallOptions {
  /** Which batches; `"*"` for all. */
  readonly filter: MessageBatchFilter | "*";
  /**
   * Whether to cancel and delete batches that have not ended, if the filter selects them. The results
   * that they have by then are deleted with them.
   *
   * @default false
   */
  readonly cancelInProgress?: boolean | undefined;
  readonly policy?: undefined;
}

/** Options to plan by a retention policy, which never cancels a batch. */
export interface PlanByPolicy extends CallOptions {
  /** How long batches stay. */
  readonly policy: RetentionPolicy;
  readonly filter?: undefined;
  readonly cancelInProgress?: undefined;
}

/**
 * Plans a purge by a filter or by a retention policy: lists all batches, and says for each what
 * {@link applyPurge} will do with it, and why. It changes nothing.
 *
 * A batch that is created while the list is read is not deleted. The client's clock decides that and
 * every age. If it is behind the API's clock, batches stay longer, and the newest are kept unless a
 * filter names them by id; if it is ahead, batches count as older than they are.
 *
 * A plan keeps the batches that its policy holds, and {@link parsePurgePlan} refuses one that was
 * changed to delete them. Give holds that were placed since to {@link applyPurge}.
 *
 * @param client Who calls, and how.
 * @param options A filter or a policy.
 * @returns The plan: plain data, fit for JSON.
 * @throws {PurgeRefusedError} The answers are not from the client's workspace, or from several, or
 *   hold an id that could not be deleted.
 * @throws {APIError | InvalidResponseError | APIConnectionError | APITimeoutError} As every call.
 * @throws {InvalidPolicyError} The policy cannot be used; no request was made.
 * @throws {TypeError | RangeError} An argument cannot be used; no request was made.
 *
 * @example See what a purge would do
 * ```ts
 * import { describeDecision, planPurge } from "batchsweep/purge";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * sandbox.seed({ created_at: "2026-01-01T00:00:00Z" });
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch };
 *
 * const plan = await planPurge(client, { filter: { minDaysSinceEnded: 30 } });
 * for (const item of plan.items) {
 *   console.log(item.id, item.action, describeDecision(item, plan, item));
 * }
 * ```
 * @see [List Message Batches](https://platform.claude.com/docs/en/api/messages/batches/list)
 */
export async function planPurge(client: Client, options: PlanPurgeOptions): Promise<PurgePlan> {
  const settings = checkClient(client);
  const checked = checkOptions<PlanOptions>(options, planChecks);
  const decide = deciderOf(checked);
  const { baseUrl, clock } = settings;
  const now = clock.now();
  const { batches, workspaceId } = await listAll(createCall(withPace(settings, 1), checked));
  const decisions = decide(batches.values(), now);
  // Of the server's texts, a plan has only those that could be read.
  const readable = (time: string | null) => parseTimestamp(time) === undefined ? null : time;
  const items = [...batches.values()].map((batch) => ({
    id: batch.id,
    createdAt: readable(batch.created_at),
    endedAt: readable(batch.ended_at),
    status: statuses.find((one) => one === batch.processing_status) ?? "unknown",
    ...decisions.get(batch.id),
  } as PurgeItem));
  const createdAt = new Date(now).toISOString();
  const { filter, policy } = checked;
  return defined({ version: 1, createdAt, baseUrl, workspaceId, filter, policy, items });
}

/** All batches of one workspace. */
export interface Listing {
  /** By id, newest first as a rule. Only what decides is kept: the rest would fill the memory. */
  readonly batches: ReadonlyMap<string, ListedBatch>;
  /** The workspace, as the API or else the client names it; undefined if neither does. */
  readonly workspaceId: string | undefined;
}

/**
 * Lists all batches, for a plan.
 *
 * @throws {PurgeRefusedError} The answers are not from the client's workspace, or from several, or
 *   hold an id that could not be deleted.
 */
export async function listAll(call: Call): Promise<Listing> {
  const { workspaceId: asked } = call.settings;
  const batches = new Map<string, ListedBatch>();
  for await (const batch of listBatches(call)) {
    const { id, processing_status, created_at, ended_at } = batch;
    if (!isBatchId(id)) throw cannotPlan("the list holds an id that cannot be used");
    batches.set(id, { id, processing_status, created_at, ended_at });
  }
  const [workspaceId = asked, ...others] = call.facts.workspaceIds;
  if (others.length > 0) throw cannotPlan("the answers come from several workspaces");
  if (asked !== undefined && workspaceId !== asked) {
    throw cannotPlan("the answers come from another workspace than the client names");
  }
  return { batches, workspaceId };
}

/** All options of a plan. */
type PlanOptions = DecisionSource & Pick<PlanByFilter, "cancelInProgress" | keyof CallOptions>;

const planChecks: Checks<PlanOptions> = {
  ...callChecks,
  filter: parseMessageBatchFilter,
  policy: parseRetentionPolicy,
  cancelInProgress: isBoolean,
};

type Decide = (batches: Iterable<ListedBatch>, now: number) => ReadonlyMap<string, PurgeDecision>;

/** How a batch is judged: by the filter or by the policy. */
function deciderOf({ filter, policy, cancelInProgress }: PlanOptions): Decide {
  if (filter !== undefined && policy === undefined) {
    return (batches, now) => evaluateFilter(filter, batches, now, { cancelInProgress });
  }
  if (filter !== undefined || policy === undefined) {
    throw cannotUse("options", "give exactly one of filter and policy");
  }
  if (cancelInProgress) throw cannotUse("cancelInProgress", "a policy never cancels a batch");
  return (batches, now) => evaluateRetention(policy, batches, now);
}

function cannotPlan(why: string): PurgeRefusedError {
  return new PurgeRefusedError("plan", why);
}
