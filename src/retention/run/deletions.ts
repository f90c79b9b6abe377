import type { AuditEntry } from "../../core/audit.ts";
import { applyPurge } from "../../purge/apply.ts";
import type { DeletionOutcome } from "../../purge/outcome.ts";
import type { PurgePlan } from "../../purge/plan.ts";
import type { Budget } from "./budget.ts";

/** What became of some batches of a plan. */
export interface Deletions {
  readonly deleted: number;
  readonly missing: number;
  readonly skipped: number;
  readonly failed: number;
  /** The ids that are left to the next run. */
  readonly left: readonly string[];
  /** Those of them that may be deleted, though nobody saw what became of them. */
  readonly tried: ReadonlySet<string>;
  /** Whether answers came from another workspace than the plan's: it is worth nothing by now. */
  readonly elsewhere: boolean;
  /** Why the run must not go on, or why one of them failed. */
  readonly error?: { readonly code: string; readonly message: string } | undefined;
}

/**
 * Deletes some batches of a plan. What the budget did not suffice for is left.
 *
 * @param plan All of the plan but its items.
 * @param ids Which.
 * @throws {PurgeRefusedError} It is no plan for this client; nothing was done.
 */
export async function deleteSome(
  budget: Budget,
  plan: Omit<PurgePlan, "items">,
  ids: readonly string[],
  { tried, signal, onError }: {
    /** Those that an earlier run may have deleted: where one is gone, it was that. */
    readonly tried: ReadonlySet<string>;
    readonly signal?: AbortSignal | undefined;
    readonly onError?: ((error: unknown) => void) | undefined;
  },
): Promise<Deletions> {
  const counts = { deleted: 0, missing: 0, skipped: 0, failed: 0 };
  const left = new Set(ids);
  let settled = 0;
  let elsewhere = false;
  let error: Deletions["error"];
  let auditError: Deletions["error"];
  const run = applyPurge(budget.client, { ...plan, items: ids.map((id) => ({ ...item, id })) }, {
    signal: AbortSignal.any([budget.spent, ...signal === undefined ? [] : [signal]]),
    holds: plan.policy?.holds,
    history: ids.filter((id) => tried.has(id)).map((id) => intentOf(id, plan.createdAt)),
  });
  try {
    for await (const outcome of run) {
      if ("auditError" in outcome && outcome.auditError !== undefined) {
        onError?.(outcome.auditError); // its text is for the owner
        auditError ??= unrecorded;
      }
      if (outcome.outcome === "unattempted") {
        elsewhere ||= outcome.reason === "other_workspace";
        if (outcome.reason !== "interrupted") {
          error ??= { code: "ERR_STOPPED", message: `The run was stopped: ${outcome.reason}` };
        }
      } else if (!isCutShort(outcome, budget)) {
        left.delete(outcome.id);
        settled += 1;
        counts[outcome.outcome] += 1;
        if (outcome.outcome === "failed") {
          const { code, message } = outcome.error;
          elsewhere ||= code === "ERR_PURGE_REFUSED";
          error ??= { code, message: code === "ERR_CALLER" ? callers : message };
        }
      }
    }
    if (error !== undefined) onError?.(error);
  } catch (thrown) {
    if (settled === 0) throw thrown;
    onError?.(thrown); // the audit trail or the function of the secret: it is an outcome, too
  }
  error ??= auditError;
  return {
    ...counts,
    left: [...left],
    elsewhere,
    tried: new Set([...left].filter((id) => tried.has(id) || budget.tried(id))),
    ...(error === undefined ? {} : { error }),
  };
}

/** Instead of what the caller's own functions say: that is for the owner. */
const callers = "The audit trail or the function of the secret failed";

const unrecorded = {
  code: "ERR_AUDIT",
  message: "What became of a batch could not be recorded",
} as const;

/** What a trail says of a deletion that was begun, and of which nothing else is known. */
function intentOf(id: string, time: string): AuditEntry {
  const [operation, phase, resource] = ["delete", "intent", "message_batch"] as const;
  return { version: 1, time, operation, phase, resource, id };
}

const item = {
  createdAt: null,
  endedAt: null,
  status: "ended",
  action: "delete",
  code: "matches",
} as const;

/** Whether a deletion failed because the budget was spent before its end: nobody has judged it. */
function isCutShort(outcome: DeletionOutcome, budget: Budget): boolean {
  if (outcome.outcome !== "failed") return false;
  const { code } = outcome.error;
  return code === "ERR_ABORTED" || (code === "ERR_CONNECTION" && budget.overdrawn());
}
