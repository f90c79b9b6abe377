/**
 * Which message batches are meant: the filter of the command line, and what it means for a list.
 */
import type { MessageBatch } from "../core/batches.ts";
import { defined } from "../core/check.ts";
import { conditionOf, datedBatch, type MessageBatchFilter, namesOf } from "../purge/filter.ts";
import { CommandError } from "./errors.ts";
import type { Flags } from "./options.ts";

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
  throw new CommandError("Cannot use --all with another condition: all would not be meant");
}

/**
 * Makes the function that says whether a filter means a batch, in a list. There, an age also means
 * batches that have not ended. A purge keeps those, so it deletes no batch that is not listed.
 *
 * @param now The time to judge by, in milliseconds since the epoch.
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
