/**
 * A plan: its shape, its check, its fingerprint.
 *
 * @module
 */
import {
  array,
  check,
  type InferOutput,
  literal,
  nullable,
  number,
  object,
  optional,
  picklist,
  pipe,
  safeParse,
  sha256,
  string,
  unknown,
} from "../deps.ts";
import { hex } from "../core/bytes.ts";
import { defined, isArgumentError } from "../core/check.ts";
import type { Settings } from "../core/client.ts";
import { InvalidPolicyError, PurgeRefusedError } from "../core/errors.ts";
import type { DecisionSource, PurgeDecision } from "./decision.ts";
import {
  conditionNames,
  idSchema,
  keepCodes,
  type MessageBatchFilter,
  parseMessageBatchFilter,
  statuses,
} from "./filter.ts";
import { parseRetentionPolicy, type RetentionPolicy } from "./policy.ts";
import { timeSchema } from "./time.ts";

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
 * Reads a plan, such as one from a file, and checks all of it.
 *
 * @param input The plan.
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
  const result = safeParse(planSchema(), input);
  if (!result.success) {
    const [{ path = [], message }] = result.issues;
    const place = path.map(({ key }) => typeof key === "number" ? `[${key}]` : `.${String(key)}`);
    throw cannotApply(`plan${place.join("")} ${message}`);
  }
  const { filter, policy, items, ...plan } = result.output;
  if ((filter === undefined) === (policy === undefined)) {
    throw cannotApply(
      `it has ${policy ? "both" : "neither"} a filter ${policy ? "and" : "nor"} a policy`,
    );
  }
  const source = readSource(filter, policy);
  return defined({ ...plan, ...source, items: readItems(items, source) });
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
  const canonical = JSON.stringify(
    plan,
    (_, value: unknown) =>
      typeof value !== "object" || value === null || Array.isArray(value)
        ? value
        : Object.fromEntries(
          Object.entries(value).sort(([one], [other]) => one < other ? -1 : 1),
        ),
  );
  return hex(sha256(new TextEncoder().encode(canonical))).slice(0, 16);
}

/** The name of a plan in the audit trail: its fingerprint when it was made. */
export function namePlan(plan: PurgePlan): string {
  return plan.fingerprint ?? fingerprintPlan(plan);
}

/** Whether a plan was changed since it was made. */
export function isPlanChanged(plan: PurgePlan): boolean {
  return namePlan(plan) !== fingerprintPlan(plan);
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

const maxTextLength = 1_000;

function planSchema() {
  const text = string("is not a string");
  // People are shown the workspace before they agree: a line break would forge what they see.
  const line = pipe(
    text,
    check((value) => !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(value), "has a control character or line break"),
    check((value) => value.length <= maxTextLength, `is longer than ${maxTextLength} characters`),
  );
  const time = timeSchema();
  const shape = ({ path }: { readonly path?: unknown }) =>
    path === undefined ? "is not an object" : "is missing";
  const item = object({
    id: idSchema(),
    createdAt: nullable(time),
    endedAt: nullable(time),
    status: picklist([...statuses, "unknown"], "is no status"),
    action: picklist(["delete", "cancel_and_delete", "keep"], "is no action"),
    archived: optional(literal(true, "is not true")),
    code: picklist(["matches", ...keepCodes, "condition", "rule"], "is no code"),
    condition: optional(picklist(conditionNames, "is no condition")),
    rule: optional(number("is not a number")),
  }, shape);
  return object({
    version: literal(1, "is not 1, the version that is known here"),
    createdAt: time,
    baseUrl: text,
    workspaceId: optional(line),
    keyFingerprint: optional(line),
    filter: optional(unknown()),
    policy: optional(unknown()),
    items: array(item, "is not an array"),
    unreadable: optional(number("is not a number")),
    fingerprint: optional(line),
  }, shape);
}

/** What the schema knows of an item. */
type RawItem = InferOutput<ReturnType<typeof planSchema>>["items"][number];

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
      throw cannotApply(`plan.items[${index}].code does not fit its action or its ${whose}`);
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

function readSource(filter: unknown, policy: unknown): DecisionSource {
  try {
    return policy === undefined
      ? { filter: parseMessageBatchFilter(filter) }
      : { policy: parseRetentionPolicy(policy) };
  } catch (error) {
    if (isArgumentError(error)) throw cannotApply(`plan.${error.subject}: ${error.why}`);
    if (!(error instanceof InvalidPolicyError)) throw error;
    const [{ path, message } = { path: "", message: "cannot be used" }] = error.issues;
    throw cannotApply(`plan.policy${path && "."}${path} ${message}`);
  }
}

function cannotApply(why: string): PurgeRefusedError {
  return new PurgeRefusedError("apply", why);
}
