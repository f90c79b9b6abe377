/**
 * Makes a plan.
 *
 * @module
 */
import { keyFingerprint } from "../core/audit.ts";
import { listBatches, type MessageBatch } from "../core/batches.ts";
import {
  cannotUse,
  type Check,
  checkOptions,
  type Checks,
  defined,
  isBoolean,
  isNumber,
} from "../core/check.ts";
import { callChecks, type CallOptions, checkClient, type Client } from "../core/client.ts";
import { PurgeRefusedError } from "../core/errors.ts";
import { type Call, createCall } from "../core/send.ts";
import type { DecisionSource, PurgeDecision } from "./decision.ts";
import { withPace } from "./engine.ts";
import {
  evaluateFilter,
  type ListedBatch,
  type MessageBatchFilter,
  parseMessageBatchFilter,
  statuses,
} from "./filter.ts";
import { fingerprintPlan, type PurgeItem, type PurgePlan } from "./plan.ts";
import {
  evaluateRetention,
  isHolds,
  parseRetentionPolicy,
  type RetentionPolicy,
} from "./policy.ts";
import { parseTimestamp } from "./time.ts";

/** Options of {@link planPurge}: exactly one of `filter` and `policy`. */
export type PlanPurgeOptions = PlanByFilter | PlanByPolicy;

/** Options of every plan. */
interface CommonPlanOptions extends CallOptions {
  /** Ids that are kept whatever the filter or the policy says. They do not count for `oldest`. */
  readonly holds?: Iterable<string> | undefined;
  /**
   * What to do with batches whose results are gone: `"keep"` them where results are to be stored before.
   *
   * @default "delete"
   */
  readonly archived?: "keep" | "delete" | undefined;
  /**
   * How far the client's clock may be from the API's, by the `Date` of its answers, in milliseconds,
   * where an age decides. If it is further, the plan is refused.
   *
   * @default 300_000
   */
  readonly maxClockSkew?: number | undefined;
}

/** Options to plan by a filter. */
export interface PlanByFilter extends CommonPlanOptions {
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
export interface PlanByPolicy extends CommonPlanOptions {
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
 * every age. A batch that the API describes in a way that cannot be read is kept.
 *
 * A plan keeps the batches that its policy holds, and {@link parsePurgePlan} refuses one that was
 * changed to delete them. Give holds that were placed since to {@link applyPurge}.
 *
 * @param client Who calls, and how.
 * @param options A filter or a policy.
 * @returns The plan: plain data, fit for JSON.
 * @throws {PurgeRefusedError} The answers are not from the client's workspace, or from several, or
 *   the clocks differ by more than `maxClockSkew`.
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
  const call = createCall(withPace(settings, 1), checked);
  const { batches, workspaceId, unreadable } = await listAll(call);
  const { filter, policy, maxClockSkew } = checked;
  const isByAge = policy !== undefined || (filter !== undefined && dependsOnNow(filter));
  if (isByAge) checkClock(call, maxClockSkew);
  const decisions = decide(batches.values(), now);
  // Of the server's texts, a plan has only those that could be read.
  const readable = (time: string | null) => parseTimestamp(time) === undefined ? null : time;
  const items = [...batches.values()].map((batch) => ({
    id: batch.id,
    createdAt: readable(batch.created_at),
    endedAt: readable(batch.ended_at),
    status: statuses.find((one) => one === batch.processing_status) ?? "unknown",
    ...batch.archived_at !== null && { archived: true },
    ...decisions.get(batch.id),
  } as PurgeItem));
  for (const id of unreadable.ids) {
    const nothing = { createdAt: null, endedAt: null, status: "unknown" } as const;
    items.push({ id, ...nothing, action: "keep", code: "unreadable" });
  }
  const plan: PurgePlan = defined({
    version: 1,
    createdAt: new Date(now).toISOString(),
    baseUrl,
    workspaceId,
    keyFingerprint: await keyFingerprint(settings),
    filter,
    policy,
    items,
    unreadable: unreadable.nameless || undefined,
  });
  return { ...plan, fingerprint: fingerprintPlan(plan) };
}

/** Whether a filter judges by an age, and so by our own clock. */
function dependsOnNow(filter: MessageBatchFilter | "*"): boolean {
  if (filter === "*") return false;
  return filter.minDaysSinceCreated !== undefined || filter.minDaysSinceEnded !== undefined;
}

/**
 * Holds the client's clock against the API's, before an age decides.
 *
 * @throws {PurgeRefusedError} They differ by more than is allowed.
 */
export function checkClock({ facts }: Call, maxClockSkew: number = 300_000): void {
  const { clockOffset = 0 } = facts;
  if (Math.abs(clockOffset) <= maxClockSkew) return;
  const seconds = Math.round(Math.abs(clockOffset) / 1_000);
  const side = clockOffset > 0 ? "ahead of" : "behind";
  throw cannotPlan(`the clock of this machine is ${seconds} s ${side} the API's: set it right`);
}

/** A batch of a {@link Listing}. */
export type ListingBatch =
  & ListedBatch
  & Pick<MessageBatch, "archived_at" | "cancel_initiated_at">;

/** All batches of one workspace. */
export interface Listing {
  /** By id, newest first as a rule. Only what decides is kept: the rest would fill the memory. */
  readonly batches: ReadonlyMap<string, ListingBatch>;
  /** Batches that cannot be read: the ids of some, and the number of those without a usable id. */
  readonly unreadable: { readonly ids: ReadonlySet<string>; readonly nameless: number };
  /** The workspace, as the API or else the client names it; undefined if neither does. */
  readonly workspaceId: string | undefined;
}

/**
 * Lists all batches, for a plan.
 *
 * @throws {PurgeRefusedError} The answers are not from the client's workspace, or from several.
 */
export async function listAll(call: Call): Promise<Listing> {
  const { workspaceId: asked } = call.settings;
  const batches = new Map<string, ListingBatch>();
  const ids = new Set<string>();
  let nameless = 0;
  for await (const listed of listBatches(call)) {
    if ("batch" in listed) {
      const { id, processing_status, created_at, ended_at, ...times } = listed.batch;
      const { archived_at, cancel_initiated_at } = times;
      const states = { processing_status, archived_at, cancel_initiated_at };
      batches.set(id, { id, created_at, ended_at, ...states });
      ids.delete(id); // of two looks, the later one counts
    } else if (listed.id === undefined) nameless += 1;
    else {
      ids.add(listed.id);
      batches.delete(listed.id);
    }
  }
  const [workspaceId = asked, ...others] = call.facts.workspaceIds;
  if (others.length > 0) throw cannotPlan("the answers come from several workspaces");
  if (asked !== undefined && workspaceId !== asked) {
    throw cannotPlan("the answers come from another workspace than the client names");
  }
  return { batches, workspaceId, unreadable: { ids, nameless } };
}

/** All options of a plan. */
type PlanOptions =
  & DecisionSource
  & Pick<PlanByFilter, "cancelInProgress" | keyof CommonPlanOptions>;

/** The check of what to do with batches whose results are gone. */
export function isKeepOrDelete(value: unknown, name: string): "keep" | "delete" {
  if (value === "keep" || value === "delete") return value;
  throw cannotUse(name, 'it is neither "keep" nor "delete"');
}

/** The check of how far clocks may differ, in milliseconds. */
export const isClockSkew: Check<number> = isNumber(0, Number.MAX_SAFE_INTEGER);

const planChecks: Checks<PlanOptions> = {
  ...callChecks,
  filter: parseMessageBatchFilter,
  policy: parseRetentionPolicy,
  cancelInProgress: isBoolean,
  holds: isHolds,
  archived: isKeepOrDelete,
  maxClockSkew: isClockSkew,
};

type Decide = (batches: Iterable<ListedBatch>, now: number) => ReadonlyMap<string, PurgeDecision>;

/** How a batch is judged: by the filter or by the policy. */
function deciderOf({ filter, policy, cancelInProgress, ...kept }: PlanOptions): Decide {
  const { holds, archived } = kept;
  if (filter !== undefined && policy === undefined) {
    const options = { cancelInProgress, holds, archived };
    return (batches, now) => evaluateFilter(filter, batches, now, options);
  }
  if (filter !== undefined || policy === undefined) {
    throw cannotUse("options", "give exactly one of filter and policy");
  }
  if (cancelInProgress) throw cannotUse("cancelInProgress", "a policy never cancels a batch");
  return (batches, now) => evaluateRetention(policy, batches, now, { holds, archived });
}

function cannotPlan(why: string): PurgeRefusedError {
  return new PurgeRefusedError("plan", why);
}
