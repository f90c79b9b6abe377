import type { Clock } from "../../core/client.ts";
import { parseTimestamp } from "../../purge/time.ts";
import {
  readStatus,
  type RetentionRun,
  type RetentionStatus,
  type StateStore,
  writeStatus,
} from "./status.ts";

/** The floor: no other run acts while it is held. */
export interface Lease {
  /** Sets the floor free, and leaves what became of the run, unless somebody else has it by now. */
  release(run: RetentionRun): Promise<void>;
}

/** Longer than a run lasts: only one that was killed does not set it free itself. */
const longest = 1_800_000;

/** How often a rival may be quicker, such as one who asks for the first time how the runs go. */
const mostTries = 3;

/**
 * Takes the floor for a run.
 *
 * @returns The lease; undefined: another run is under way.
 */
export async function takeLease(store: StateStore, clock: Clock): Promise<Lease | undefined> {
  for (let tries = 0; tries < mostTries; tries += 1) {
    const { status, version } = await readStatus(store);
    const now = clock.now();
    const until = parseTimestamp(status?.leaseUntil ?? null) ?? 0;
    // One that is farther off than any run writes it, by clocks that differ as much as that, was
    // written by a wrong clock.
    if (until > now && until <= now + 2 * longest) return undefined;
    const held: RetentionStatus = {
      ...status ?? { version: 1, since: new Date(now).toISOString() },
      leaseUntil: new Date(now + longest).toISOString(),
    };
    if (!await writeStatus(store, held, version)) continue;
    return {
      async release(run) {
        const { leaseUntil: _, ...rest } = held;
        const good = isGood(run) ? { lastGoodAt: run.endedAt } : {};
        await writeStatus(store, { ...rest, ...good, last: run }, (version ?? 0) + 1);
      },
    };
  }
  return undefined;
}

/** Whether a run got somewhere: one that only read on must not count as good for ever. */
function isGood({ error, hasMore, deleted, missing, skipped }: RetentionRun): boolean {
  return error === undefined && (!hasMore || deleted + missing + skipped > 0);
}
