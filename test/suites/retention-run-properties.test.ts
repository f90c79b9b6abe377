import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AuditEntry, Client, MessageBatch } from "../../mod.ts";
import { evaluateRetention, type RetentionPolicy, runRetention } from "../../src/retention/mod.ts";
import type { Sandbox } from "../../src/sandbox/mod.ts";
import { anyBatches, batchOf, day, daysAgo, play, seededRandom } from "../fixtures/batches.ts";
import { createMemoryAuditTrail } from "../fixtures/memory-audit-trail.ts";
import { anyPolicy, idsToGo } from "../fixtures/policies.ts";

const minute = 60_000;

/** What ends a run: at one of the things it does, before or after that is done. */
interface End {
  /** `"killed"`: nothing happens after it. `"refused"`: the platform refuses all that comes after it. */
  readonly kind: "killed" | "refused";
  readonly at: number;
  readonly after: boolean;
}

const anyEnd: fc.Arbitrary<End> = fc.record({
  kind: fc.constantFrom("killed", "refused"),
  at: fc.integer({ min: 0, max: 25 }),
  after: fc.boolean(),
});

/** What happens: runs that may overlap, under one of two policies, after some time. */
const anyEvent = fc.record({
  policy: fc.integer({ min: 0, max: 1 }),
  wait: fc.constantFrom(0, minute, 31 * minute, 5 * 60 * minute, day),
  runs: fc.array(
    fc.record({
      requests: fc.constantFrom(1, 2, 3, 5, 12, undefined),
      concurrency: fc.constantFrom(1, 3, 6),
      holds: fc.uniqueArray(fc.integer({ min: 1, max: 30 }).map((number) => `msgbatch_${number}`), {
        maxLength: 3,
      }),
      end: fc.option(anyEnd, { nil: undefined }),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  trouble: fc.boolean(),
});

/** A sandbox with batches, an audit trail that outlives every run, and what went wrong. */
function createWorld(batches: readonly MessageBatch[], seed: number) {
  const auditTrail = createMemoryAuditTrail();
  const { sandbox, client } = play({}, { maxRetries: 1 });
  const random = seededRandom(seed);
  for (const { id, processing_status, created_at, ended_at } of batches) {
    const known = (["in_progress", "canceling"] as const)
      .find((one) => one === processing_status) ?? "ended";
    sandbox.seed({ id, processing_status: known, created_at, ended_at });
  }
  const ids = new Set(batches.map(({ id }) => id));
  const counts = { deleted: 0, ended: 0, settled: 0 };
  const wrong: string[] = [];
  const present = () => [...ids].flatMap((id) => sandbox.batch(id) ?? []);

  /** Intents without an outcome. */
  const open = (): AuditEntry[] => {
    const closed = new Set(auditTrail.entries.map(({ intent }) => intent));
    return auditTrail.entries.filter(({ id, phase }) => phase === "intent" && !closed.has(id));
  };

  /** Runs the policy in a process of its own. It never comes back if it was killed. */
  async function run(
    policy: RetentionPolicy,
    options: {
      readonly requests?: number | undefined;
      readonly concurrency?: number | undefined;
      readonly holds?: readonly string[] | undefined;
      readonly end?: End | undefined;
    } = {},
  ) {
    const { end, holds = [], ...limits } = options;
    let turn = 0;
    let isOver = false;
    let kill = () => {};
    const killed = new Promise<undefined>((resolve) => kill = () => resolve(undefined));
    const over = (): Promise<never> => {
      if (end?.kind === "refused") return Promise.reject(new Error("Too many subrequests."));
      kill();
      return new Promise(() => {});
    };
    const act = async <Result>(deed: () => Promise<Result>): Promise<Result> => {
      for (let turns = random() * 4; turns > 0; turns -= 1) await Promise.resolve();
      const isLast = end?.at === turn++;
      if (isLast) counts.ended += 1;
      const wasOver = isOver;
      isOver ||= isLast;
      if (wasOver || (isLast && !end.after)) return await over();
      const result = await deed();
      return isLast && end.kind === "killed" ? await over() : result;
    };
    const fetch: Client["fetch"] = (url, init) =>
      act(async () => {
        const id = url.split("/").at(-1) ?? "";
        // An error thrown here would be a lost connection to the library.
        if (init.method === "DELETE" && sandbox.batch(id) !== undefined) {
          const held = { ...policy, holds: [...policy.holds, ...holds] };
          if (!dueIn(sandbox, held).includes(id)) wrong.push(id);
          counts.deleted += 1;
        }
        return await sandbox.fetch(url, init);
      });
    const mortal = { append: (entry: AuditEntry) => act(() => auditTrail.append(entry)) };
    const openIntents = open();
    const ran = runRetention({ ...client, fetch, auditTrail: mortal }, policy, {
      ...limits,
      holds,
      openIntents,
    });
    const result = await Promise.race([ran, killed]);
    if (result === undefined) return undefined;
    counts.settled += result.settled;
    const { due, deleted, missing, skipped, failed, hasMore, listed } = result;
    const done = deleted + missing + skipped + failed;
    if (done > due || due > listed) wrong.push(`${done} of ${due} of ${listed}`);
    if (result.requests > (limits.requests ?? Infinity)) wrong.push(`${result.requests} requests`);
    if (!hasMore && done < due) wrong.push("more than it says");
    return result;
  }

  const dueIn = ({ now }: Sandbox, policy: RetentionPolicy) =>
    [...evaluateRetention(policy, present(), now())]
      .filter(([, { action }]) => action === "delete").map(([id]) => id);
  return { sandbox, auditTrail, run, open, present, counts, wrong, due: dueIn };
}

describe("runRetention(), wherever it is killed or refused, and whichever run it meets,", () => {
  test("deletes each due batch once and no other, and leaves nothing open", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(anyBatches.map((batches) => batches.slice(0, 3)), { maxLength: 14 }),
        fc.tuple(anyPolicy, anyPolicy),
        fc.array(anyEvent, { minLength: 1, maxLength: 6 }),
        fc.integer(),
        async (seeds, policies, events, seed) => {
          const world = createWorld(seeds.flat(), seed);
          const { sandbox, auditTrail, run, open, wrong } = world;
          for (const { policy, wait, runs, trouble } of events) {
            sandbox.advance(wait);
            if (trouble) sandbox.fail({ status: 529, probability: 0.3, times: 3 });
            if (trouble) sandbox.fail({ connection: "lost_after", probability: 0.3, times: 2 });
            await Promise.all(runs.map((each) => run(policies[policy] ?? policies[0], each)));
            sandbox.clearFaults();
          }
          sandbox.advance(16 * minute);
          const last = await run(policies[0]);
          expect(last).toMatchObject({ hasMore: false, failed: 0, missing: 0 });
          expect(last?.error).toBeUndefined();
          expect(open()).toEqual([]);
          expect(world.due(sandbox, policies[0])).toEqual([]);
          expect(idsToGo(policies[0], world.present(), sandbox.now())).toEqual([]);
          expect(wrong).toEqual([]);
          checkTrail(auditTrail.entries, (id) => sandbox.batch(id) !== undefined);
        },
      ),
      { numRuns: 150 },
    );
  }, 60_000);

  test("does so at every single thing that a run of five deletions does", async () => {
    const old = { created_at: daysAgo(40), ended_at: daysAgo(40) };
    const batches = [1, 2, 3, 4, 5].map((number) => batchOf(`msgbatch_${number}`, old));
    const policy: RetentionPolicy = {
      version: 1,
      rules: [{ type: "delete_after", days: 30, since: "ended" }],
      holds: [],
    };
    const totals = { ended: 0, settled: 0 };
    for (const kind of ["killed", "refused"] as const) {
      for (const after of [false, true]) {
        for (let at = 0; at < 18; at += 1) {
          const world = createWorld(batches, 1);
          const { sandbox, auditTrail, run, open, counts, wrong } = world;
          await run(policy, { end: { kind, at, after } });
          sandbox.advance(16 * minute);
          expect(await run(policy)).toMatchObject({ hasMore: false, missing: 0, failed: 0 });
          expect([counts.deleted, sandbox.size, open(), wrong]).toEqual([5, 0, [], []]);
          checkTrail(auditTrail.entries, (id) => sandbox.batch(id) !== undefined);
          totals.ended += counts.ended;
          totals.settled += counts.settled;
        }
      }
    }
    for (const count of Object.values(totals)) expect(count).toBeGreaterThan(0);
  });
});

/** Holds a trail against what is there: it must not say more than is true. */
function checkTrail(entries: readonly AuditEntry[], isThere: (id: string) => boolean): void {
  const intents = new Map(
    entries.flatMap((entry) => entry.phase === "intent" ? [[entry.id, entry]] : []),
  );
  const outcomes = entries.filter(({ phase }) => phase === "outcome");
  expect(new Set(entries.map(({ id }) => id)).size).toBe(entries.length);
  for (const { intent = "", objectId, outcome } of outcomes) {
    expect(intents.get(intent)?.objectId).toBe(objectId);
    if (outcome === "deleted") expect(isThere(objectId)).toBe(false);
  }
}
