import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Client } from "../../mod.ts";
import { evaluateRetention, type RetentionPolicy } from "../../src/retention/mod.ts";
import type { StateStore } from "../../src/retention/mod.ts";
import { packBatch, unpackBatch } from "../../src/retention/run/pack.ts";
import { runRetention } from "../../src/retention/run/run-retention.ts";
import { createMemoryStateStore } from "../../src/service/memory-state-store.ts";
import { anyBatches, day, now, play, seededRandom } from "../fixtures/batches.ts";
import { anyPolicy, idsToGo } from "../fixtures/policies.ts";

const minute = 60_000;

/** A process: it dies at one of the things it does, before or after it is done, and does nothing more. */
interface Death {
  readonly at: number;
  readonly after: boolean;
}

/** What happens: runs that may overlap, under one policy, after some time. */
const anyEvent = fc.record({
  policy: fc.integer({ min: 0, max: 1 }),
  wait: fc.constantFrom(0, minute, 31 * minute, 31 * minute, 5 * 60 * minute, day),
  runs: fc.array(
    fc.record({
      requests: fc.constantFrom(2, 3, 5, 12),
      death: fc.option(fc.record({ at: fc.integer({ min: 0, max: 25 }), after: fc.boolean() })),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  trouble: fc.boolean(),
});

describe("runRetention(), whenever it is killed and whomever it meets,", () => {
  test("deletes nothing that the policy keeps, and at last all that it lets go", async () => {
    let deleted = 0;
    let killed = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(anyBatches.map((batches) => batches.slice(0, 3)), { maxLength: 14 }),
        fc.tuple(anyPolicy, anyPolicy),
        fc.array(anyEvent, { minLength: 1, maxLength: 8 }),
        fc.integer(),
        async (seeds, policies, events, seed) => {
          const { sandbox, client } = play();
          const random = seededRandom(seed);
          const store = createMemoryStateStore();
          for (const { id, processing_status, created_at, ended_at } of seeds.flat()) {
            const known = (["in_progress", "canceling"] as const)
              .find((one) => one === processing_status) ?? "ended";
            sandbox.seed({ id, processing_status: known, created_at, ended_at });
          }
          const wrong: string[] = [];
          const ids = new Set(seeds.flat().map(({ id }) => id));
          const present = () => [...ids].flatMap((id) => sandbox.batch(id) ?? []);

          const process = (policy: RetentionPolicy, requests: number, death: Death | null) => {
            let turn = 0;
            let isDead = false;
            const act = async <Result>(deed: () => Promise<Result>): Promise<Result> => {
              for (let turns = random() * 4; turns > 0; turns -= 1) await Promise.resolve();
              const isLast = death?.at === turn++;
              if (isDead || (isLast && !death.after)) {
                killed += isDead ? 0 : 1;
                isDead = true;
                throw new Error("killed");
              }
              const result = await deed();
              if (!isLast) return result;
              killed += 1;
              isDead = true;
              throw new Error("killed");
            };
            const mortal: StateStore = {
              read: (name) => act(() => store.read(name)),
              write: (...args) => act(() => store.write(...args)),
            };
            const fetch: Client["fetch"] = (url, init) =>
              act(async () => {
                if (init.method === "DELETE") {
                  const id = url.split("/").at(-1) ?? "";
                  if (sandbox.batch(id) !== undefined) {
                    // An error thrown here would be a lost connection to the library.
                    if (!idsToGo(policy, present(), sandbox.now()).includes(id)) wrong.push(id);
                    deleted += 1;
                  }
                }
                return await sandbox.fetch(url, init);
              });
            return runRetention({ ...client, fetch }, policy, { store: mortal, requests });
          };

          for (const { policy, wait, runs, trouble } of events) {
            sandbox.advance(wait);
            if (trouble) sandbox.fail({ status: 529, probability: 0.3, times: 3 });
            await Promise.allSettled(
              runs.map(({ requests, death }) =>
                process(policies[policy] ?? never(), requests, death)
              ),
            );
            sandbox.clearFaults();
          }
          sandbox.advance(31 * minute);
          const finish = async (requests: number) => {
            for (let runs = 0; (await process(policies[0], requests, null))?.hasMore; runs += 1) {
              expect(runs).toBeLessThan(50);
            }
          };
          await finish(5);
          // What the last plan was judged by may be a little while ago.
          sandbox.advance(day);
          await finish(50);
          expect(idsToGo(policies[0], present(), sandbox.now())).toEqual([]);
          expect(wrong).toEqual([]);
        },
      ),
      { numRuns: 100 },
    );
    expect(deleted).toBeGreaterThan(10);
    expect(killed).toBeGreaterThan(10);
  }, 60_000);
});

describe("packBatch()", () => {
  test("writes all that a policy goes by", () => {
    fc.assert(
      fc.property(anyBatches, anyPolicy, (batches, policy) => {
        const packed = batches.map((batch) => unpackBatch(packBatch(batch)));
        expect(evaluateRetention(policy, packed, now))
          .toEqual(evaluateRetention(policy, batches, now));
      }),
    );
  });

  test("writes less than 64 characters a batch", () => {
    const [id, time] = ["msgbatch_013Zva2CMHLNnXjNJJKqJ2EF", "2026-11-22T18:37:24.100435Z"];
    const batch = { ...unpackBatch(`${id} e`), created_at: time, ended_at: time };
    expect(packBatch(batch).length).toBeLessThan(64);
    expect(unpackBatch(packBatch(batch))).toMatchObject({
      id,
      processing_status: "ended",
      created_at: "2026-11-22T18:37:24.100Z",
    });
  });

  test("is read without complaint where it was damaged", () => {
    for (const line of ["", "msgbatch_1", "msgbatch_1 e zzzzzzzzzzzzz -", "msgbatch_1 x ! !"]) {
      expect(unpackBatch(line)).toMatchObject({ created_at: "", ended_at: "" });
    }
  });
});

function never(): never {
  throw new Error("There is no such policy");
}
