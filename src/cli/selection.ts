/** Which message batches a filter means, and which stay whatever else is said. */
import type { MessageBatch } from "../core/batches.ts";
import { defined } from "../core/check.ts";
import { messageBatch } from "../core/delete.ts";
import { InvalidPolicyError } from "../core/errors.ts";
import { conditionOf, datedBatch, type MessageBatchFilter, namesOf } from "../purge/filter.ts";
import type { PurgePlan } from "../purge/plan.ts";
import { parsePolicyText, type RetentionPolicy } from "../purge/policy.ts";
import { CommandError } from "./errors.ts";
import type { Files, Host } from "./host.ts";
import { checkIds } from "./ids.ts";
import { readFileLines, readText } from "./input.ts";
import type { Flags } from "./options.ts";
import { firstFew, quote } from "./text.ts";

/** The filter of the command line. */
export function filterFrom(flags: Flags): MessageBatchFilter | "*" | undefined {
  const { createdBefore, createdAfter, endedBefore, endedAfter, status } = flags;
  const filter: MessageBatchFilter = defined({
    minDaysSinceCreated: flags.olderThan,
    minDaysSinceEnded: flags.endedFor,
    createdBefore,
    createdAfter,
    endedBefore,
    endedAfter,
    status,
    oldest: flags.max,
  });
  if (namesOf(filter).length === 0) return flags.all ? "*" : undefined;
  if (!flags.all) return filter;
  throw new CommandError("Cannot use --all with another condition: use one of them");
}

/**
 * Says for a list whether a filter means a batch. There, an age also means batches that have not
 * ended. A purge keeps those, so it deletes no batch that is not listed.
 */
export function listFilter(
  filter: MessageBatchFilter,
  now: number,
): (batch: MessageBatch) => boolean {
  const conditions = namesOf(filter).map((name) => {
    const holds = conditionOf(name).holds(filter[name], now);
    return { holds, takesAge: name !== "status" };
  });
  return (batch) => {
    const dated = datedBatch(batch);
    const aged = { ...dated, status: "ended" };
    return conditions.every(({ holds, takesAge }) => holds(takesAge ? aged : dated));
  };
}

/** Reads the ids that the command line holds: by name, by a file, and by a retention policy. */
export async function readHolds(
  { hold = [], holds, policy }: Flags,
  { files, signal }: Pick<Host, "files" | "signal">,
): Promise<ReadonlySet<string>> {
  const lines: string[] = [];
  if (holds !== undefined && holds !== "none") {
    for await (const line of readFileLines(files, holds, signal)) lines.push(line);
    if (lines.length === 0) {
      throw new CommandError(
        `Cannot use --holds ${holds}: it has no ids\nUse --holds none if nothing is held`,
      );
    }
  }
  const given = [...hold, ...lines].flatMap((text) => text.split(",")).map((id) => id.trim());
  checkIds(given, messageBatch, { insist: true });
  // A hold with a quote or a bracket in it, such as one of a JSON list, would hold nothing.
  const strange = given.find((id) => /[^\w.~-]/.test(id));
  if (strange !== undefined) {
    throw new CommandError(
      `Cannot hold ${quote(strange)}: an id has only letters, digits and -._~`,
    );
  }
  const { holds: others = [] } = policy === undefined
    ? {}
    : await readPolicy(files, policy, signal);
  return new Set([...given, ...others]);
}

/** The plan, as the command line applies it: it keeps what is held, and what has no results to save. */
export function withHolds(
  plan: PurgePlan,
  holds: ReadonlySet<string>,
  archived: "keep" | "delete",
): PurgePlan {
  return {
    ...plan,
    items: plan.items.map((item) => {
      const { action: _, code: __, ...batch } = item;
      if (holds.has(item.id)) return { ...batch, action: "keep", code: "held" };
      const isLost = archived === "keep" && item.archived && item.action !== "keep";
      return isLost ? { ...batch, action: "keep", code: "archived" } : item;
    }),
  };
}

/** Refuses `--archived` where it would keep nothing. */
export function checkArchived({ archived, export: directory }: Flags): void {
  if (archived === undefined || directory !== undefined) return;
  throw new CommandError("Cannot use --archived without --export: no results are looked for");
}

/** What to say of holds that are not in the workspace: one of them may be mistyped. */
export function describeUnknownHolds(holds: ReadonlySet<string>, { items }: PurgePlan): string {
  const known = new Set(items.map(({ id }) => id));
  const unknown = [...holds].filter((id) => !known.has(id));
  if (unknown.length === 0) return "";
  return `Held, but not in the workspace: ${firstFew(unknown, 5).join(", ")}\n`;
}

/** Reads a retention policy from a file. */
export async function readPolicy(
  files: Pick<Files, "read">,
  path: string,
  signal: AbortSignal,
): Promise<RetentionPolicy> {
  const limit = { bytes: 16_777_216, what: "a retention policy" }; // half a million holds
  const text = await readText(files, path, limit, signal);
  try {
    return parsePolicyText(text);
  } catch (error) {
    if (!(error instanceof InvalidPolicyError)) {
      throw new CommandError(`Cannot use ${path}: it is not JSON`); // the error would quote it
    }
    const lines = error.issues.map(({ path, message }) => `${path || "it"} ${message}`);
    throw new CommandError(
      [`Cannot use ${path}: it is no retention policy`, ...firstFew(lines, 20)].join("\n  "),
    );
  }
}
