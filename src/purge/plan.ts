/** A plan: how it is made, read and named. @module */
import { type AuditContext, keyFingerprint } from "../core/audit.ts";
import { listBatches } from "../core/batches.ts";
import { hex } from "../core/bytes.ts";
import {
  cannotUse,
  type Check,
  checkOptions,
  type Checks,
  defined,
  isNumber,
} from "../core/check.ts";
import {
  callChecks,
  type CallOptions,
  checkClient,
  type Client,
  type Settings,
} from "../core/client.ts";
import { type Issue, PurgeRefusedError } from "../core/errors.ts";
import { type Call, createCall } from "../core/send.ts";
import { sha256 } from "../deps.ts";
import * as v from "../deps.ts";
import {
  type DecisionSource,
  evaluateChecks,
  evaluateFilter,
  evaluateRetention,
  keepCodes,
  type PurgeDecision,
} from "./decision.ts";
import { withPace } from "./engine.ts";
import {
  conditionNames,
  filterSchema,
  isByAge,
  type ListedBatch,
  type MessageBatchFilter,
  parseMessageBatchFilter,
  statuses,
} from "./filter.ts";
import { parseRetentionPolicy, policySchema, type RetentionPolicy } from "./policy.ts";
import { idSchema, listSchema, members, read, textSchema, timeSchema } from "./strict-json.ts";
import { isArchived, parseTimestamp } from "./time.ts";

export { statuses };

/** What happens to one batch. */
export type PurgeItem = PurgeDecision & {
  readonly id: string;
  /** When it was created, as the API says; `null` if that is no RFC 3339 date-time. */
  readonly createdAt: string | null;
  /** When it ended; `null` if it has not, or if that is no RFC 3339 date-time. */
  readonly endedAt: string | null;
  readonly status: "in_progress" | "canceling" | "ended" | "unknown";
  /** Whether its results are gone: the API archives them 29 days after its creation. */
  readonly archived?: true | undefined;
};

/** What a purge will do, as plain data: it can be shown, stored as JSON, and applied later. */
export interface PurgePlan {
  readonly version: 1;
  /** When planning began, as an RFC 3339 date-time. Batches created later are not deleted. */
  readonly createdAt: string;
  /** The API that it was made for. */
  readonly baseUrl: string;
  /** The workspace, as the API or else the client names it; absent if neither does. */
  readonly workspaceId?: string | undefined;
  /** Which API key it was made with, where that was a text. */
  readonly keyFingerprint?: string | undefined;
  /** The filter that it was made by; absent if it was made by a policy. */
  readonly filter?: MessageBatchFilter | "*" | undefined;
  /** The retention policy that it was made by; absent if it was made by a filter. */
  readonly policy?: RetentionPolicy | undefined;
  /** Every batch there was, newest first as a rule. */
  readonly items: readonly PurgeItem[];
  /** How many batches there were besides, without an id that can be used. They are kept. */
  readonly unreadable?: number | undefined;
  /** What {@link fingerprintPlan} gave when it was made. */
  readonly fingerprint?: string | undefined;
}

/**
 * Reads a plan, such as one from a file, and checks all of it. A member that is not of a plan, such as
 * `holds`, is refused: it would do nothing.
 *
 * @returns A copy of the plan, as plain data.
 * @throws {PurgeRefusedError} It is no plan, one of another version, or one with an id twice. The
 *   message names the place, and never quotes a value.
 *
 * @example Read a plan that was stored
 * ```ts
 * import { parsePurgePlan, planPurge } from "batchsweep/purge";
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
  const refuse = (_: unknown, { path, message }: Issue) => cannotApply(`${path} ${message}`);
  const plan = read(planSchema(), input, refuse, "plan");
  const { filter, policy, items } = plan;
  if ((filter === undefined) === (policy === undefined)) {
    const [one, other] = policy ? ["both", "and"] : ["neither", "nor"];
    throw cannotApply(`it has ${one} a filter ${other} a policy`);
  }
  return defined({ ...plan, items: readItems(items, plan) });
}

/**
 * Makes the fingerprint of a plan: the first 16 hexadecimal digits of the SHA-256 of its canonical
 * JSON, its member `fingerprint` left out. That member names the plan in the audit trail; if it is not
 * the fingerprint of the plan any more, the plan was changed since it was made.
 *
 * @param plan The plan, as `planPurge()` or {@link parsePurgePlan} gives it.
 * @returns Always the same for the same plan, in whatever order its members are.
 *
 * @example Name the plan that is shown
 * ```ts
 * import { fingerprintPlan, planPurge } from "batchsweep/purge";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const client = { apiKey: "sk-ant-api03-example", fetch: createSandbox().fetch };
 *
 * const plan = await planPurge(client, { filter: "*" });
 * console.log(fingerprintPlan(plan)); // 16 hexadecimal digits
 * ```
 * @see [RFC 8785, JSON Canonicalization Scheme](https://www.rfc-editor.org/rfc/rfc8785)
 */
export function fingerprintPlan({ fingerprint: _, ...plan }: PurgePlan): string {
  const { filter, policy, items } = plan;
  return fingerprint(plan, [plan, filter, policy, ...policy?.rules ?? [], ...items]);
}

/**
 * Makes the fingerprint of a retention policy, as {@link fingerprintPlan} does of a plan. It names the
 * policy in the audit trail.
 *
 * @param policy The policy, as `parseRetentionPolicy()` gives it.
 *
 * @example Name a policy
 * ```ts
 * import { fingerprintPolicy, parseRetentionPolicy } from "batchsweep/retention";
 *
 * const rules = [{ type: "delete_after", days: 30, since: "ended" }];
 * const policy = parseRetentionPolicy({ version: 1, rules, holds: [] });
 * console.log(fingerprintPolicy(policy)); // 16 hexadecimal digits
 * ```
 */
export function fingerprintPolicy(policy: RetentionPolicy): string {
  return fingerprint(policy, [policy, ...policy.rules]);
}

/** @param parts The value, and every object in it. */
function fingerprint(value: object, parts: readonly unknown[]): string {
  // As names of members, their order becomes that of the members. A function would be slow.
  const names = parts.flatMap((one) => Object.keys(Object(one)));
  const canonical = JSON.stringify(value, [...new Set(names)].sort());
  return hex(sha256(new TextEncoder().encode(canonical))).slice(0, 16);
}

/** What an audit trail calls a plan: its fingerprint when it was made, and now if it was changed. */
export function namesOfPlan(
  plan: PurgePlan,
): Pick<AuditContext, "changedPlan" | "policy"> & { readonly plan: string } {
  const now = fingerprintPlan(plan);
  const made = plan.fingerprint ?? now;
  return {
    plan: made,
    changedPlan: made === now ? undefined : now,
    policy: plan.policy && fingerprintPolicy(plan.policy),
  };
}

/**
 * Reads a plan that is about to be applied.
 *
 * @throws {PurgeRefusedError} It is no plan, or one for another API or workspace.
 */
export function checkPlan({ baseUrl, workspaceId }: Settings, input: unknown): PurgePlan {
  const plan = parsePurgePlan(input);
  if (plan.baseUrl !== baseUrl) {
    throw cannotApply(`it was made for another base URL than ${baseUrl}`);
  }
  if (workspaceId !== undefined && plan.workspaceId !== workspaceId) {
    throw cannotApply(`it was made for another workspace than ${workspaceId}`);
  }
  return plan;
}

function planSchema() {
  // People are shown the workspace before they agree: a line break would forge what they see.
  const line = v.pipe(
    textSchema(),
    v.check((text) => !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text), "has a control character or line break"),
    v.check((text) => text.length <= 1_000, "is longer than 1000 characters"),
  );
  const time = timeSchema();
  const item = members({
    id: idSchema(),
    createdAt: v.nullable(time),
    endedAt: v.nullable(time),
    status: v.picklist([...statuses, "unknown"], "is no status"),
    action: v.picklist(["delete", "cancel_and_delete", "keep"], "is no action"),
    archived: v.optional(v.literal(true, "is not true")),
    code: v.picklist(["matches", ...keepCodes, "condition", "rule"], "is no code"),
    condition: v.optional(v.picklist(conditionNames, "is no condition")),
    rule: v.optional(v.number("is not a number")),
  });
  return members({
    version: v.literal(1, "is not 1, the version that is known here"),
    createdAt: time,
    baseUrl: textSchema(),
    workspaceId: v.optional(line),
    keyFingerprint: v.optional(line),
    filter: v.optional(filterSchema()),
    policy: v.optional(policySchema()),
    items: listSchema(item),
    unreadable: v.optional(v.number("is not a number")),
    fingerprint: v.optional(line),
  });
}

/** What the schema knows of an item. */
type RawItem = v.InferOutput<ReturnType<typeof planSchema>>["items"][number];

/** Checks that the items agree with one another, and with the filter or the policy of their plan. */
function readItems(items: readonly RawItem[], source: DecisionSource): readonly PurgeItem[] {
  const { policy } = source;
  const held = new Set(policy?.holds);
  if (new Set(items.map(({ id }) => id)).size < items.length) {
    throw cannotApply("it has an id twice");
  }
  return items.map(({ condition, rule, ...item }, index) => {
    const { id, status, action, code } = item;
    if (action === "delete" && status !== "ended") {
      throw cannotApply("it deletes a batch that has not ended, without canceling it");
    }
    if (action !== "keep" && held.has(id)) {
      throw cannotApply("it deletes a batch that its policy holds");
    }
    if (action === "cancel_and_delete" && policy !== undefined) {
      throw cannotApply("it cancels a batch, and was made from a policy, which never does");
    }
    if (!canDecide({ condition, rule, ...item }, source)) {
      const whose = policy === undefined ? "filter" : "policy";
      throw cannotApply(`plan.items.${index}.code does not fit its action or its ${whose}`);
    }
    const more = code === "condition" ? { condition } : code === "rule" ? { rule } : {};
    return { ...item, ...more } as PurgeItem;
  });
}

/** Whether the filter or the policy of a plan can come to the decision of an item. */
function canDecide(
  { action, code, condition, rule }: RawItem,
  { filter = "*", policy }: DecisionSource,
): boolean {
  const conditions = filter === "*" ? {} : filter;
  if ((action === "keep") === (code === "matches")) return false;
  if (code === "condition") return condition !== undefined && conditions[condition] !== undefined;
  if (code === "rule") return rule !== undefined && policy?.rules[rule] !== undefined;
  if (code === "not_among_oldest") return conditions.oldest !== undefined;
  return policy !== undefined || (code !== "ended_unknown" && code !== "too_young");
}

const cannotApply = (why: string) => new PurgeRefusedError("apply", why);

/** Options of {@link planPurge}: exactly one of `filter` and `policy`. */
export type PlanPurgeOptions = PlanByFilter | PlanByPolicy;

/** Options of every plan. */
export interface CommonPlanOptions extends CallOptions {
  /** Ids that are kept whatever the filter or the policy says. They do not count for `oldest`. */
  readonly holds?: Iterable<string> | undefined;
  /**
   * What to do with batches whose results are gone: `"keep"` them where results are to be stored
   * before. @default "delete"
   */
  readonly archived?: "keep" | "delete" | undefined;
  /**
   * How far the client's clock may be from the API's, by the `Date` of its answers, in milliseconds,
   * where an age decides. If it is further, the plan is refused. @default 300_000
   */
  readonly maxClockSkew?: number | undefined;
}

/** Options to plan by a filter. */
export interface PlanByFilter extends CommonPlanOptions {
  /** Which batches; `"*"` for all. */
  readonly filter: MessageBatchFilter | "*";
  /**
   * Whether to cancel and delete batches that have not ended, if the filter selects them. The results
   * that they have by then are deleted with them. @default false
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
  const { filter, policy, cancelInProgress, holds, archived, maxClockSkew } = checked;
  if ((filter === undefined) === (policy === undefined)) {
    throw cannotUse("options", "give exactly one of filter and policy");
  }
  if (policy && cancelInProgress) {
    throw cannotUse("cancelInProgress", "a policy never cancels a batch");
  }
  const startedAt = settings.clock.now();
  const call = createCall(withPace(settings, 1), checked);
  const { batches, workspaceId, unreadable, now } = await listAll(call, startedAt);
  if (policy || isByAge(filter)) checkClock(call, maxClockSkew);
  const decisions = policy
    ? evaluateRetention(policy, batches.values(), now, { holds, archived })
    : evaluateFilter(filter as MessageBatchFilter, batches.values(), now, {
      holds,
      archived,
      cancelInProgress,
    });
  // Of the server's texts, a plan has only those that could be read.
  const readable = (time: string | null) => parseTimestamp(time) === undefined ? null : time;
  const items = [...batches.values()].map((batch) => ({
    id: batch.id,
    createdAt: readable(batch.created_at),
    endedAt: readable(batch.ended_at),
    status: statuses.find((one) => one === batch.processing_status) ?? "unknown",
    ...isArchived(batch, now) && { archived: true },
    ...decisions.get(batch.id),
  } as PurgeItem));
  for (const id of unreadable.ids) {
    const nothing = { createdAt: null, endedAt: null, status: "unknown" } as const;
    items.push({ id, ...nothing, action: "keep", code: "unreadable" });
  }
  const plan: PurgePlan = defined({
    version: 1,
    createdAt: new Date(now).toISOString(),
    baseUrl: settings.baseUrl,
    workspaceId,
    keyFingerprint: await keyFingerprint(settings),
    filter,
    policy,
    items,
    unreadable: unreadable.nameless || undefined,
  });
  return { ...plan, fingerprint: fingerprintPlan(plan) };
}

/**
 * Holds the client's clock against the API's, before an age decides.
 *
 * @throws {PurgeRefusedError} They differ by more than is allowed.
 */
export function checkClock(call: Call, maxClockSkew?: number): void {
  const why = clockProblem(call, maxClockSkew);
  if (why !== undefined) throw cannotPlan(why);
}

/** Why the client's clock cannot be used to judge by age, if the API's says so. */
export function clockProblem({ facts }: Call, maxClockSkew: number = 300_000): string | undefined {
  const { clockOffset = 0 } = facts;
  if (Math.abs(clockOffset) <= maxClockSkew) return undefined;
  const seconds = Math.round(Math.abs(clockOffset) / 1_000);
  const side = clockOffset > 0 ? "ahead of" : "behind";
  return `the clock of this machine is ${seconds} s ${side} the API's: set it right`;
}

/** All batches of one workspace. */
export interface Listing {
  /** By id, newest first as a rule. Only what decides is kept: the rest would fill the memory. */
  readonly batches: ReadonlyMap<string, ListedBatch>;
  /** Batches that cannot be read: the ids of some, and the number of those without a usable id. */
  readonly unreadable: { readonly ids: ReadonlySet<string>; readonly nameless: number };
  /** The workspace, as the API or else the client names it; undefined if neither does. */
  readonly workspaceId: string | undefined;
  /** When it began, or ended if the clock was set back meanwhile: the time to judge by. */
  readonly now: number;
}

/**
 * Lists all batches, for a plan.
 *
 * @throws {PurgeRefusedError} The answers are not from the client's workspace, or from several.
 */
export async function listAll(call: Call, startedAt: number): Promise<Listing> {
  const { workspaceId: asked, clock } = call.settings;
  const batches = new Map<string, ListedBatch>();
  const ids = new Set<string>();
  let nameless = 0;
  for await (const listed of listBatches(call)) {
    if ("batch" in listed) {
      const { id, processing_status, created_at, ended_at, ...more } = listed.batch;
      const { archived_at, cancel_initiated_at } = more;
      const times = { created_at, ended_at, archived_at, cancel_initiated_at };
      batches.set(id, { id, processing_status, ...times });
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
  const now = Math.min(startedAt, clock.now());
  return { batches, workspaceId, unreadable: { ids, nameless }, now };
}

type PlanOptions = CommonPlanOptions & DecisionSource & Pick<PlanByFilter, "cancelInProgress">;

/** The check of how far clocks may differ, in milliseconds. */
export const isClockSkew: Check<number> = isNumber(0, Number.MAX_SAFE_INTEGER);

const planChecks: Checks<PlanOptions> = {
  ...callChecks,
  filter: parseMessageBatchFilter,
  policy: parseRetentionPolicy,
  ...evaluateChecks,
  maxClockSkew: isClockSkew,
};

const cannotPlan = (why: string) => new PurgeRefusedError("plan", why);
