import { checkNow } from "./check-now.ts";
import { type MessageBatchFilter, parseMessageBatchFilter } from "./filter.ts";
import type { ListedBatch } from "./listed-batch.ts";
import { parseTimestamp } from "./timestamp.ts";

/** What is to happen to a batch, and why. */
export interface PurgeDecision {
  readonly action: "delete" | "cancel_and_delete" | "keep";
  /** A sentence for people, without a word of the server. */
  readonly reason: string;
}

/** A condition on one batch: why it holds, and why it does not. */
interface Condition {
  readonly holds: (batch: ListedBatch) => boolean;
  readonly yes: string;
  readonly no: string | ((batch: ListedBatch) => string);
}

const day = 86_400_000;

/**
 * Decides for each batch what a filter means for it. It asks nobody, and what it is given decides
 * alone.
 *
 * A batch that has not ended is kept, unless `cancelInProgress` is set; it is never chosen by its age.
 * A time that is null, unreadable or in the future makes no batch old. A batch that was created after
 * `now`, or nobody can say when, is kept unless it is named by its id: it may have come after the
 * question.
 *
 * @param filter Which batches; `"*"` says all.
 * @param batches All there are. Of two with the same id, the later counts.
 * @param now The time to judge by, in milliseconds since the epoch.
 * @param options Whether batches that have not ended may be canceled and deleted.
 * @returns A decision for each id.
 * @throws {TypeError} The filter cannot be used.
 * @throws {RangeError} `now` is no time.
 *
 * @example Try a filter before it is used
 * ```ts
 * import { evaluateFilter, listMessageBatches, type MessageBatch } from "batchsweep";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * sandbox.seed({ created_at: "2026-01-01T00:00:00Z" });
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch };
 *
 * const batches: MessageBatch[] = [];
 * for await (const batch of listMessageBatches(client)) batches.push(batch);
 * for (const [id, decision] of evaluateFilter({ minDaysSinceEnded: 30 }, batches, Date.now())) {
 *   console.log(id, decision.action, decision.reason);
 * }
 * ```
 */
export function evaluateFilter(
  filter: MessageBatchFilter | "*",
  batches: Iterable<ListedBatch>,
  now: number,
  options: { readonly cancelInProgress?: boolean | undefined } = {},
): ReadonlyMap<string, PurgeDecision> {
  const checked = parseMessageBatchFilter(filter);
  checkNow(now);
  const conditions = checked === "*" ? all(now) : conditionsOf(checked, now);
  const most = checked === "*" ? undefined : checked.oldest;
  const decisions = new Map<string, PurgeDecision>();
  const shared = new Map<string, PurgeDecision>(); // there are few, and batches without end
  const chosen = new Map<string, number>();
  for (const batch of batches) {
    const decision = decide(batch, conditions, options.cancelInProgress === true);
    const key = `${decision.action} ${decision.reason}`;
    if (!shared.has(key)) shared.set(key, decision);
    decisions.set(batch.id, shared.get(key) ?? decision);
    if (most === undefined) continue;
    if (decision.action === "keep") chosen.delete(batch.id);
    else chosen.set(batch.id, parseTimestamp(batch.created_at) ?? Infinity);
  }
  if (most !== undefined) {
    const byAge = [...chosen].sort(([id, one], [otherId, other]) =>
      one === other ? (id < otherId ? -1 : 1) : one < other ? -1 : 1
    );
    const reason = `It is not among the oldest ${most}`;
    for (const [id] of byAge.slice(most)) decisions.set(id, { action: "keep", reason });
  }
  return decisions;
}

function decide(
  batch: ListedBatch,
  conditions: readonly Condition[],
  cancelInProgress: boolean,
): PurgeDecision {
  const broken = conditions.find(({ holds }) => !holds(batch));
  if (broken !== undefined) {
    const { no } = broken;
    return { action: "keep", reason: `It ${typeof no === "string" ? no : no(batch)}` };
  }
  const why = conditions.map(({ yes }) => yes).filter((yes) => yes !== "").join(", and ");
  const { processing_status: status } = batch;
  if (status === "ended") return { action: "delete", reason: `It ${why}` };
  if (status !== "in_progress" && status !== "canceling") {
    return { action: "keep", reason: "It is in a state that is not known here" };
  }
  return cancelInProgress
    ? { action: "cancel_and_delete", reason: `It ${why}; it is ${status}` }
    : { action: "keep", reason: `It is ${status}: only an ended batch can be deleted` };
}

const all = (now: number): Condition[] => [
  arrivedBefore(now),
  { holds: () => true, yes: "is one of all", no: "" },
];

function conditionsOf(filter: MessageBatchFilter, now: number): Condition[] {
  const { ids, status, oldest } = filter;
  const conditions: Condition[] = [];
  const add = (holds: Condition["holds"], yes: string, no: Condition["no"]) =>
    conditions.push({ holds, yes, no });

  if (ids === undefined) conditions.push(arrivedBefore(now));
  else {
    const named = new Set(ids);
    add(({ id }) => named.has(id), "is named by its id", "is not named by its id");
  }
  if (status !== undefined) {
    const names = status.join(" or ");
    add(
      (batch) => status.some((one) => one === batch.processing_status),
      `is ${names}`,
      `is not ${names}`,
    );
  }
  const time = (text: string | undefined) => text === undefined ? NaN : parseTimestamp(text) ?? NaN;
  for (const what of ["created", "ended"] as const) {
    const timeOf = (batch: ListedBatch) =>
      what === "ended" && !hasEnded(batch) ? undefined : parseTimestamp(batch[`${what}_at`]);
    // The past of a batch that has ended: nothing else makes it old.
    const past = (batch: ListedBatch) => {
      const at = hasEnded(batch) ? timeOf(batch) : undefined;
      return at !== undefined && at <= now ? at : Infinity;
    };
    const days = filter[what === "created" ? "minDaysSinceCreated" : "minDaysSinceEnded"];
    if (days !== undefined) {
      const shown = Number(days.toPrecision(6)); // an hour is 0.041666666666666664 days
      const phrase = `${what} at least ${shown} ${shown === 1 ? "day" : "days"} ago`;
      add(
        (batch) => now - past(batch) >= days * day,
        was(phrase),
        notOld(phrase),
      );
    }
    const before = filter[`${what}Before`];
    if (before !== undefined) {
      const limit = time(before);
      const phrase = `${what} before ${before}`;
      add((batch) => past(batch) < limit, was(phrase), notOld(phrase));
    }
    const after = filter[`${what}After`];
    if (after !== undefined) {
      const limit = time(after);
      const phrase = `${what} after ${after}`;
      add((batch) => (timeOf(batch) ?? NaN) > limit, was(phrase), wasNot(phrase));
    }
  }
  if (oldest !== undefined) add(() => true, `is among the oldest ${oldest}`, "");
  return conditions;
}

const hasEnded = (batch: ListedBatch) => batch.processing_status === "ended";

const was = (phrase: string) => phrase.startsWith("created") ? `was ${phrase}` : phrase;
const wasNot = (phrase: string) =>
  phrase.startsWith("created") ? `was not ${phrase}` : phrase.replace("ended", "did not end");
/** Nothing that has not ended is meant by its age. */
const notOld = (phrase: string) => (batch: ListedBatch) =>
  hasEnded(batch) ? wasNot(phrase) : "has not ended";

/** What was there when the question was put, as far as the clocks of both sides agree. */
const arrivedBefore = (now: number): Condition => ({
  holds: ({ created_at }) => (parseTimestamp(created_at) ?? NaN) <= now,
  yes: "",
  no: "was not there, for all that is known, when the plan was begun",
});
