import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyPurge, fingerprintPlan, parsePurgePlan, planPurge } from "../../src/purge/mod.ts";
import {
  InvalidPolicyError,
  listMessageBatches,
  type MessageBatch,
  PurgeRefusedError,
} from "../../mod.ts";
import { parseRetentionPolicy, type RetentionPolicy } from "../../src/retention/mod.ts";
import type { BatchSeed } from "../../src/sandbox/mod.ts";
import { batchOf, day, daysAgo, drain, now, play } from "../fixtures/batches.ts";
import { anyPolicy, idsToGo, policyOf } from "../fixtures/policies.ts";
import { page, refusal, rejection, stub } from "../fixtures/stub.ts";

const month = { type: "delete_after", days: 30, since: "ended" } as const;

describe("planPurge() by a policy", () => {
  test("says for each batch what will happen and why, and changes nothing", async () => {
    const { sandbox, client } = play();
    const { id: old } = sandbox.seed({ created_at: daysAgo(40) });
    const { id: held } = sandbox.seed({ created_at: daysAgo(39) });
    const { id: young } = sandbox.seed({ created_at: daysAgo(1) });
    const { id: unended } = sandbox.seed({ processing_status: "in_progress" });
    const policy = policyOf([month, { type: "keep_last", count: 2 }], {
      holds: [held, "msgbatch_x"],
    });
    const plan = await planPurge(client, { policy });
    expect(plan).toEqual({
      version: 1,
      createdAt: "2026-11-22T00:00:00.000Z",
      baseUrl: "https://api.anthropic.com",
      workspaceId: "wrkspc_011CZkZaBF1tNoB5wlCeusgy",
      keyFingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
      fingerprint: fingerprintPlan(plan),
      policy,
      items: [
        expect.objectContaining({ id: unended, status: "in_progress", action: "keep" }),
        expect.objectContaining({
          id: young,
          action: "keep",
          code: "rule",
          rule: 0,
        }),
        expect.objectContaining({ id: held, action: "keep", code: "held" }),
        {
          id: old,
          createdAt: daysAgo(40),
          endedAt: expect.any(String),
          status: "ended",
          archived: true,
          action: "delete",
          code: "matches",
        },
      ],
    });
    expect(parsePurgePlan(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
    expect(parseRetentionPolicy(plan.policy)).toEqual(policy);
    expect(sandbox.size).toBe(4);
    expect(sandbox.requests.map(({ method }) => method)).toEqual(["GET"]);
  });

  test("makes a plan that applyPurge() applies: what it says and nothing else", async () => {
    const { sandbox, client, deletes } = play();
    const { id: old } = sandbox.seed({ created_at: daysAgo(40) });
    const { id: held } = sandbox.seed({ created_at: daysAgo(39) });
    const { id: heldSince } = sandbox.seed({ created_at: daysAgo(38) });
    sandbox.seed({ created_at: daysAgo(1) });
    const plan = await planPurge(client, { policy: policyOf([month], { holds: [held] }) });
    const stored = parsePurgePlan(JSON.parse(JSON.stringify(plan)));
    const { outcomes } = await drain(applyPurge(client, stored, { holds: [heldSince] }));
    expect(outcomes).toContainEqual({ outcome: "skipped", id: heldSince, reason: "held" });
    expect(deletes()).toEqual([old]);
    expect(sandbox.size).toBe(3);
  });

  test("reads every page, and the later look at a batch that comes twice", async () => {
    const { sandbox, client } = play();
    for (let index = 0; index < 1_500; index += 1) {
      sandbox.seed({ created_at: new Date(now - index * 3_600_000 - 60_000).toISOString() });
    }
    const plan = await planPurge(client, {
      policy: policyOf([{ type: "keep_last", count: 1_200 }]),
    });
    expect(plan.items).toHaveLength(1_500);
    expect(plan.items.slice(-300).every(({ action }) => action === "delete")).toBe(true);
    const running = batchOf("msgbatch_1", { processing_status: "in_progress", ended_at: null });
    const twice = stub([page([batchOf("msgbatch_1"), running])]);
    const policy = policyOf([{ type: "delete_after", days: 1, since: "created" }]);
    expect((await planPurge(twice.client, { policy })).items).toMatchObject([{ action: "keep" }]);
  });

  test("judges by the client's clock, as it was when the plan was begun", async () => {
    const at = async (days: number) => {
      const { clock } = stub([]);
      let time = now + days * day;
      // Each look at the clock is a day later: the list takes long.
      const slow = { ...clock, now: () => (time += day) - day };
      const { client } = stub([page([batchOf("msgbatch_1", { ended_at: daysAgo(10) })])], {
        clock: slow,
      });
      const plan = await planPurge(client, { policy: policyOf([month]) });
      return [plan.createdAt, plan.items[0]?.action];
    };
    expect(await at(19)).toEqual([daysAgo(-19), "keep"]);
    expect(await at(20)).toEqual([daysAgo(-20), "delete"]);
    expect(await at(-11)).toEqual([daysAgo(11), "keep"]);
  });

  test("refuses a policy that it cannot use, before any request", async () => {
    const { client, seen } = stub([page([])]);
    const bad = [null, {}, { ...policyOf([month]), rules: [] }, {
      ...policyOf([month]),
      hold: [],
    }];
    for (const policy of bad) {
      const error = await rejection(planPurge(client, { policy: policy as RetentionPolicy }));
      expect(error).toBeInstanceOf(InvalidPolicyError);
    }
    expect(seen).toHaveLength(0);
  });

  test("refuses answers of another workspace", async () => {
    const headers = { "anthropic-workspace-id": "wrkspc_2" };
    const other = stub([page([], { headers })], { workspaceId: "wrkspc_1" });
    await expect(planPurge(other.client, { policy: policyOf([month]) })).rejects.toThrow(
      PurgeRefusedError,
    );
  });

  test("plans nothing where the list fails, and ends with an abort", async () => {
    const { client } = stub([refusal(500, "api_error")], { maxRetries: 0 });
    await expect(planPurge(client, { policy: policyOf([month]) })).rejects.toMatchObject({
      status: 500,
    });
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    expect(await rejection(planPurge(client, { policy: policyOf([month]), signal }))).toBe(reason);
  });

  test("sends the betas it is given", async () => {
    const { client, seen } = stub([page([])]);
    await planPurge(client, { policy: policyOf([month]), betas: ["a-2026-01-01"] });
    expect(seen[0]?.headers.get("anthropic-beta")).toBe("a-2026-01-01");
  });
});

describe("planPurge() by a policy and applyPurge(), whatever the workspace and the policy,", () => {
  const time = fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 0, max: 240 }).map((part) => daysAgo(part / 6)) },
    fc.constantFrom(daysAgo(-3), "soon", "2026-02-30T00:00:00Z"),
  );
  const anySeeds: fc.Arbitrary<BatchSeed[]> = fc.uniqueArray(
    fc.record({
      id: fc.integer({ min: 1, max: 30 }).map((number) => `msgbatch_${number}`),
      processing_status: fc.constantFrom("ended", "ended", "ended", "in_progress", "canceling"),
      created_at: time,
      ended_at: fc.option(time, { nil: undefined }),
    }),
    { selector: ({ id }) => id, maxLength: 25 },
  );

  test("delete what the policy lets go: nothing held, unended, too young or not planned", async () => {
    let deleted = 0;
    await fc.assert(
      fc.asyncProperty(anySeeds, anyPolicy, async (seeds, policy) => {
        const { sandbox, client, deletes } = play();
        for (const seed of seeds) sandbox.seed(seed);
        const before: MessageBatch[] = [];
        for await (const batch of listMessageBatches(client)) before.push(batch);
        const expected = idsToGo(policy, before, now).sort();

        const plan = await planPurge(client, { policy });
        expect(plan.items.filter(({ action }) => action !== "keep").map(({ id }) => id).sort())
          .toEqual(expected);
        const { summary } = await drain(applyPurge(client, plan));
        expect(deletes().sort()).toEqual(expected);
        expect(summary).toMatchObject({ planned: expected.length, deleted: expected.length });
        expect(sandbox.size).toBe(seeds.length - expected.length);
        deleted += expected.length;

        const again = await planPurge(client, { policy });
        expect(again.items.filter(({ action }) => action !== "keep")).toEqual([]);
      }),
      { numRuns: 100 },
    );
    expect(deleted).toBeGreaterThan(5); // some 90; else nothing was shown
  });
});
