import { describe, expect, test } from "vitest";
import type { AuditEntry, AuditTrail, Client, Clock } from "../../mod.ts";
import {
  fingerprintPolicy,
  type RetentionPolicy,
  runRetention,
  type RunRetentionOptions,
} from "../../src/retention/mod.ts";
import type { BatchSeed } from "../../src/sandbox/mod.ts";
import { intentOf } from "../fixtures/audit-entries.ts";
import { batchOf, day, daysAgo, now, play } from "../fixtures/batches.ts";
import { createMemoryAuditTrail } from "../fixtures/memory-audit-trail.ts";
import { apiKey, page, refusal, rejection, stub } from "../fixtures/stub.ts";

const month: RetentionPolicy = {
  version: 1,
  rules: [{ type: "delete_after", days: 30, since: "ended" }],
  holds: [],
};

/** A clock of the caller that is wrong by so many milliseconds. */
const clockOff = (wrong: number): Clock => ({
  now: () => now + wrong,
  random: () => 0,
  sleep: () => Promise.resolve(),
});

/** A sandbox with batches that are so many days old, each a little younger than the one before. */
function setUp(days: readonly number[] = [], overrides: Partial<Client> = {}) {
  const played = play({}, overrides);
  const { sandbox, client } = played;
  days.forEach((age, index) => {
    const time = daysAgo(age - index * 1e-6);
    sandbox.seed({ id: `msgbatch_${index + 1}`, created_at: time, ended_at: time });
  });
  const run = (options: RunRetentionOptions = {}, policy = month) =>
    runRetention(client, policy, options);
  const requests = () => sandbox.requests.map(({ method }) => method);
  return { ...played, run, requests };
}

const olds = (count: number) => Array.from({ length: count }, () => 40);

describe("runRetention() deletes", () => {
  test("what the policy lets go and nothing else, the oldest first; then nothing", async () => {
    const { sandbox, run, deletes } = setUp([31, 40, 35, 29, 5]);
    sandbox.seed({ processing_status: "in_progress" });
    expect(await run()).toEqual({
      startedAt: daysAgo(0),
      endedAt: daysAgo(0),
      requests: 4,
      listed: 6,
      due: 3,
      deleted: 3,
      missing: 0,
      skipped: 0,
      failed: 0,
      settled: 0,
      hasMore: false,
    });
    expect(deletes()).toEqual(["msgbatch_2", "msgbatch_3", "msgbatch_1"]);
    sandbox.clearRequests();
    expect(await run()).toMatchObject({ requests: 1, listed: 3, due: 0, hasMore: false });
    expect(deletes()).toEqual([]);
  });

  test("nothing that the policy or the options hold; a hold counts in the next run", async () => {
    const { run, deletes } = setUp(olds(4));
    const policy = { ...month, holds: ["msgbatch_2"] };
    expect(await run({ holds: new Set(["msgbatch_3"]), requests: 2 }, policy)).toMatchObject({
      due: 2,
      deleted: 1,
    });
    expect(await run({ holds: ["msgbatch_3", "msgbatch_4"] }, policy)).toMatchObject({ due: 0 });
    expect(deletes()).toEqual(["msgbatch_1"]);
  });

  test("of those that ended at the same time, the one first that was created first", async () => {
    const { sandbox, run, deletes } = setUp();
    for (const [id, age] of [["msgbatch_1", 45], ["msgbatch_2", 50], ["msgbatch_3", 41]] as const) {
      sandbox.seed({ id, created_at: daysAgo(age), ended_at: daysAgo(40) });
    }
    await run();
    expect(deletes()).toEqual(["msgbatch_2", "msgbatch_1", "msgbatch_3"]);
  });

  test("by the creation, where every rule with days counts from there", async () => {
    const { sandbox, run, deletes } = setUp();
    sandbox.seed({ id: "msgbatch_1", created_at: daysAgo(40), ended_at: daysAgo(38) });
    sandbox.seed({ id: "msgbatch_2", created_at: daysAgo(50), ended_at: daysAgo(33) });
    const policy: RetentionPolicy = {
      ...month,
      rules: [{ type: "delete_after", days: 30, since: "created" }, {
        type: "keep_last",
        count: 1,
      }],
    };
    sandbox.seed({ created_at: daysAgo(1), ended_at: daysAgo(1) });
    expect(await run({ requests: 1 }, policy)).toMatchObject({ dueSince: daysAgo(20) });
    expect(await run({ requests: 1 })).toMatchObject({ dueSince: daysAgo(8) });
    await run({}, policy);
    expect(deletes()).toEqual(["msgbatch_2", "msgbatch_1"]);
  });

  test("those first that have been due for the longest, by all rules, and says since when", async () => {
    const { sandbox, run, deletes } = setUp();
    sandbox.seed({ id: "msgbatch_1", created_at: daysAgo(31), ended_at: daysAgo(31) });
    sandbox.seed({ id: "msgbatch_2", created_at: daysAgo(36), ended_at: daysAgo(35) });
    const policy: RetentionPolicy = {
      ...month,
      rules: [...month.rules, { type: "keep_last", count: 1 }],
    };
    expect(await run({}, policy)).toMatchObject({ due: 1, deleted: 1 });
    // The first was the newest until this one came.
    sandbox.seed({ id: "msgbatch_3", created_at: daysAgo(33), ended_at: daysAgo(30.5) });
    sandbox.seed({ id: "msgbatch_4", created_at: daysAgo(0.25), ended_at: daysAgo(0.1) });
    const first = await run({ signal: AbortSignal.abort() }, policy);
    expect(first.dueSince).toBeUndefined();
    expect(await run({ maxShare: 0 }, policy)).toMatchObject({ due: 2, dueSince: daysAgo(0.5) });
    expect(await run({}, policy)).toMatchObject({ deleted: 2 });
    expect(deletes()).toEqual(["msgbatch_2", "msgbatch_3", "msgbatch_1"]);
    const always = {
      ...policy,
      minimumAge: "P1D",
      rules: [{ type: "keep_last", count: 1 }] as const,
    };
    sandbox.seed({ created_at: daysAgo(3), ended_at: daysAgo(2) });
    sandbox.seed({ created_at: daysAgo(2.5), ended_at: daysAgo(2) });
    expect(await run({ maxShare: 0 }, always)).toMatchObject({ due: 2, dueSince: daysAgo(1) });
  });

  test("each with its two entries, and all outcomes of a chunk before the next intents", async () => {
    const auditTrail = createMemoryAuditTrail();
    const { client, sandbox } = setUp(olds(9), {
      auditTrail,
      actor: "retention",
      reason: "rule 7",
    });
    const fetch: Client["fetch"] = async (url, init) => {
      // One answer of each chunk is slow.
      if (/_[369]$/.test(url)) await new Promise((resolve) => setTimeout(resolve, 20));
      return await sandbox.fetch(url, init);
    };
    await runRetention({ ...client, fetch }, month, { concurrency: 3 });
    const { entries } = auditTrail;
    expect(entries.map(({ phase }) => phase[0]).join("")).toBe("ioiiioooiiioooiioo");
    expect(entries[1]).toMatchObject({
      intent: entries[0]?.id,
      objectId: "msgbatch_1",
      actor: "retention",
      reason: "rule 7",
      outcome: "deleted",
      evidence: "receipt",
    });
    const policies = new Set(entries.map((entry) => entry.policy));
    expect([...policies]).toEqual([fingerprintPolicy(month)]);
  });

  test("each batch once where two runs meet: the second finds some missing, and no more", async () => {
    const { run, sandbox } = setUp(olds(20));
    const runs = await Promise.all([run(), run()]);
    expect(runs.map(({ error, failed }) => [error, failed])).toEqual([[undefined, 0], [
      undefined,
      0,
    ]]);
    expect(runs[0].deleted + runs[1].deleted).toBe(20);
    expect(runs[0].missing + runs[1].missing).toBe(20);
    expect(sandbox.size).toBe(0);
  });
});

describe("runRetention() has a budget,", () => {
  test("and the next run lists again, and goes on", async () => {
    const { sandbox, run, deletes } = setUp([...olds(5), 3, 3]);
    const runs = [];
    do {
      sandbox.clearRequests();
      runs.push(await run({ requests: 3 }));
    } while (runs.at(-1)?.hasMore);
    expect(runs.map(({ listed, due, deleted, hasMore }) => [listed, due, deleted, hasMore]))
      .toEqual([
        [7, 5, 2, true],
        [5, 3, 2, true],
        [3, 1, 1, false],
      ]);
    expect(runs[0]?.dueSince).toBe(daysAgo(10 - 2e-6));
    expect(runs[2]?.dueSince).toBeUndefined();
    expect(sandbox.size).toBe(2);
    expect(deletes()).toEqual(["msgbatch_5"]);
  });

  test("and deletes nothing where the list alone takes more", async () => {
    const { run, requests } = setUp([...olds(5), ...Array(2_500).fill(3)]);
    expect(await run({ requests: 2 })).toMatchObject({
      requests: 2,
      listed: 0,
      deleted: 0,
      hasMore: true,
      error: {
        code: "ERR_BUDGET",
        message: "Cannot list all message batches within 2 requests: nothing was deleted",
      },
    });
    expect(requests()).toEqual(["GET", "GET"]);
    expect(await run({ requests: 3 })).toMatchObject({
      requests: 3,
      listed: 2_505,
      due: 5,
      hasMore: true,
      error: {
        code: "ERR_BUDGET",
        message: "Cannot delete a message batch within 3 requests: nothing was deleted",
      },
    });
    expect((await run({ requests: 4 })).error).toBeUndefined();
  });

  test("which every attempt is part of", async () => {
    const { sandbox, run, requests } = setUp(olds(60));
    sandbox.fail({ status: 529, probability: 0.4 });
    sandbox.fail({ connection: "lost_after", probability: 0.3 });
    for (const budget of [1, 3, 7, 20, 40, 40, 40, 40, 40, 40, 40]) {
      sandbox.clearRequests();
      const result = await run({ requests: budget });
      expect(requests().length).toBeLessThanOrEqual(budget);
      expect(result.requests).toBe(requests().length);
    }
    sandbox.clearFaults();
    expect(await run()).toMatchObject({ hasMore: false });
    expect(sandbox.size).toBe(0);
  });

  test("that pays for the audit trail, too, where a deletion costs more than a request", async () => {
    const { run, sandbox } = setUp(olds(20));
    const budget = { requests: 10, costOfDeletion: 3 };
    expect(await run(budget)).toMatchObject({ requests: 4, deleted: 3, hasMore: true });
    expect(await run(budget)).toMatchObject({ requests: 4, deleted: 3 });
    expect(sandbox.size).toBe(14);
  });

  test("and stops when it is told to, without having failed", async () => {
    const { client, sandbox, run } = setUp(olds(30));
    const controller = new AbortController();
    const fetch: Client["fetch"] = async (url, init) => {
      if (sandbox.requests.length === 10) controller.abort();
      return await sandbox.fetch(url, init);
    };
    const { signal } = controller;
    const stopped = await runRetention({ ...client, fetch }, month, { signal });
    expect(stopped).toMatchObject({ hasMore: true, failed: 0 });
    expect(stopped.error).toBeUndefined();
    expect(sandbox.size).toBe(30 - stopped.deleted);
    expect(sandbox.size).toBeGreaterThan(15);
    const atOnce = await run({ signal });
    expect(atOnce).toMatchObject({ requests: 0, hasMore: true });
    expect(atOnce.error).toBeUndefined();
    expect(await run()).toMatchObject({ hasMore: false });
    expect(sandbox.size).toBe(0);
  });
});

describe("runRetention() where the platform refuses further requests", () => {
  const refuse = () => Promise.reject(new Error("Too many subrequests."));

  test("ends early: what was not sent is known to have done nothing", async () => {
    const auditTrail = createMemoryAuditTrail();
    const { client, sandbox, run } = setUp(olds(30), { auditTrail });
    const fetch: Client["fetch"] = (url, init) =>
      sandbox.requests.length < 10 ? sandbox.fetch(url, init) : refuse();
    const limited = await runRetention({ ...client, fetch }, month);
    expect(limited).toMatchObject({ deleted: 9, failed: 0, hasMore: true });
    expect(limited.error).toBeUndefined();
    const outcomes = auditTrail.entries.filter(({ phase }) => phase === "outcome");
    expect(outcomes).toHaveLength(auditTrail.entries.length / 2);
    const refused = outcomes.filter(({ outcome }) => outcome === "failed");
    expect(refused).not.toEqual([]);
    for (const { attempts, error } of refused) {
      expect(attempts).toBe(0);
      expect(error).toMatchObject({ code: "ERR_CONNECTION", outcomeKnown: true });
    }
    await run();
    expect(sandbox.size).toBe(0);
  });

  test("says that a deletion may have happened whose answer was lost before", async () => {
    const auditTrail = createMemoryAuditTrail();
    const { client, sandbox } = setUp(olds(3), { auditTrail });
    const fetch: Client["fetch"] = async (url, init) => {
      if (sandbox.requests.length > 1) return await refuse();
      const response = await sandbox.fetch(url, init);
      if (init.method === "DELETE") throw new Error("The connection was lost");
      return response;
    };
    expect(await runRetention({ ...client, fetch }, month)).toMatchObject({
      failed: 1,
      hasMore: true,
      error: { code: "ERR_CONNECTION" },
    });
    expect(auditTrail.entries[1]?.error).toMatchObject({ outcomeKnown: false });
    expect(auditTrail.entries[1]?.attempts).toBe(1);
    expect(sandbox.size).toBe(2);
  });

  test("leaves nothing open that the next run cannot close", async () => {
    const auditTrail = createMemoryAuditTrail();
    const { client, sandbox } = setUp(olds(30), { auditTrail });
    let calls = 0;
    const allowed = () => ++calls <= 25;
    const limited: Client = {
      ...client,
      fetch: (url, init) => allowed() ? sandbox.fetch(url, init) : refuse(),
      auditTrail: { append: (entry) => allowed() ? auditTrail.append(entry) : refuse() },
    };
    expect(await runRetention(limited, month)).toMatchObject({ hasMore: true });
    expect(openIn(auditTrail.entries)).not.toEqual([]);
    sandbox.advance(day);
    await runRetention(client, month, { openIntents: openIn(auditTrail.entries) });
    expect(openIn(auditTrail.entries)).toEqual([]);
    expect(sandbox.size).toBe(0);
  });
});

/** The intents of a trail that have no outcome. */
function openIn(entries: readonly AuditEntry[]): AuditEntry[] {
  const closed = new Set(entries.map(({ intent }) => intent));
  return entries.filter(({ id, phase }) => phase === "intent" && !closed.has(id));
}

describe("runRetention() settles an open intent", () => {
  const hourAgo = new Date(now - 3_600_000).toISOString();

  /** Settles the open intent of one batch. */
  async function settle(
    prepare: (played: ReturnType<typeof setUp>) => void,
    more: Partial<AuditEntry> = {},
    options: RunRetentionOptions = {},
  ) {
    const auditTrail = createMemoryAuditTrail();
    const played = setUp([], { auditTrail });
    prepare(played);
    const intent = intentOf("msgbatch_1", { time: hourAgo, ...more });
    const run = await played.run({ openIntents: [intent], ...options });
    return { ...played, intent, run, entries: auditTrail.entries };
  }

  test("as deleted, after three looks that found nothing", async () => {
    const { run, entries, intent, requests, sandbox } = await settle(() => {}, {
      actor: "webhook",
      plan: "0123456789abcdef",
    });
    expect(run).toMatchObject({ settled: 1, requests: 4, deleted: 0, failed: 0, due: 0 });
    expect(requests()).toEqual(["GET", "GET", "GET", "GET"]);
    expect(sandbox.now() - now).toBe(2_500);
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({
      phase: "outcome",
      intent: intent.id,
      objectId: "msgbatch_1",
      actor: "webhook",
      plan: "0123456789abcdef",
      outcome: "deleted",
      evidence: "absent_after_retry",
      settled: true,
    });
    expect(entries[0]?.id).not.toBe(intent.id);
    expect(run.error).toBeUndefined();
  });

  test.each<[string, BatchSeed | undefined, Partial<AuditEntry>]>([
    ["canceling", { processing_status: "canceling" }, { outcome: "canceled" }],
    [
      "ended, canceled",
      { override: { cancel_initiated_at: daysAgo(1) } },
      { outcome: "canceled" },
    ],
    ["ended", {}, { outcome: "failed", error: expect.objectContaining({ outcomeKnown: true }) }],
    ["in progress", { processing_status: "in_progress" }, {
      outcome: "failed",
      error: expect.objectContaining({ outcomeKnown: true }),
    }],
    ["gone", undefined, {
      outcome: "failed",
      error: expect.objectContaining({ outcomeKnown: false }),
    }],
  ])("of a cancellation, where the batch is %s", async (_, seed, expected) => {
    const { run, entries } = await settle(({ sandbox }) => {
      if (seed) sandbox.seed({ id: "msgbatch_1", ...seed });
    }, { operation: "cancel" });
    expect(run).toMatchObject({ settled: 1, failed: 0 });
    expect(entries).toMatchObject([{ operation: "cancel", settled: true, ...expected }]);
  });

  test.each<[string, object]>([
    ["has a status that is not known here", batchOf("msgbatch_1", { processing_status: "x" })],
    ["cannot be read", { id: "msgbatch_1" }],
  ])("of no cancellation, where the batch %s", async (_, batch) => {
    const auditTrail = createMemoryAuditTrail();
    const { client } = stub([page([batch])], { auditTrail });
    const openIntents = [intentOf("msgbatch_1", { operation: "cancel", time: hourAgo })];
    expect(await runRetention(client, month, { openIntents })).toMatchObject({ settled: 0 });
    expect(auditTrail.entries).toEqual([]);
  });

  test("as failed without a request, where the run's own list has the batch", async () => {
    const { run, entries, intent, requests } = await settle(({ sandbox }) => {
      sandbox.seed({ id: "msgbatch_1", processing_status: "in_progress" });
    });
    expect(run).toMatchObject({ settled: 1, requests: 1, failed: 0 });
    expect(requests()).toEqual(["GET"]);
    expect(entries).toMatchObject([{
      intent: intent.id,
      outcome: "failed",
      error: { code: "ERR_OPEN_INTENT", outcomeKnown: true },
      settled: true,
    }]);
    expect(run.error).toBeUndefined();
  });

  test("and deletes its batch then, if it is due", async () => {
    const { run, entries } = await settle(({ sandbox }) => {
      sandbox.seed({ id: "msgbatch_1", created_at: daysAgo(40), ended_at: daysAgo(40) });
    });
    expect(run).toMatchObject({ settled: 1, deleted: 1 });
    expect(entries.map(({ outcome, settled }) => [outcome, settled])).toEqual([
      ["failed", true],
      [undefined, undefined],
      ["deleted", undefined],
    ]);
  });

  test("of a cancellation, where a look finds the batch that the list did not have", async () => {
    const auditTrail = createMemoryAuditTrail();
    const canceled = batchOf("msgbatch_1", { cancel_initiated_at: daysAgo(1) });
    const { client } = stub([page([]), () => Response.json(canceled)], {
      auditTrail,
    });
    const openIntents = [intentOf("msgbatch_1", { operation: "cancel", time: hourAgo })];
    expect(await runRetention(client, month, { openIntents })).toMatchObject({ settled: 1 });
    expect(auditTrail.entries).toMatchObject([{ outcome: "canceled", settled: true }]);
  });

  test("as failed, where a look finds the batch that the list did not have", async () => {
    const auditTrail = createMemoryAuditTrail();
    const there = () => Response.json(batchOf("msgbatch_1"));
    const { client, seen } = stub([page([]), refusal(404, "not_found_error"), there], {
      auditTrail,
    });
    const openIntents = [intentOf("msgbatch_1", { time: hourAgo })];
    expect(await runRetention(client, month, { openIntents })).toMatchObject({ settled: 1 });
    expect(seen).toHaveLength(3);
    expect(auditTrail.entries).toMatchObject([{
      outcome: "failed",
      error: { code: "ERR_OPEN_INTENT" },
    }]);
  });

  test("not by an answer from another workspace", async () => {
    const auditTrail = createMemoryAuditTrail();
    const ours = { "anthropic-workspace-id": "wrkspc_1" };
    const elsewhere = refusal(404, "not_found_error", { "anthropic-workspace-id": "wrkspc_2" });
    const { client } = stub([page([], { headers: ours }), elsewhere], { auditTrail });
    const openIntents = [intentOf("msgbatch_1", { time: hourAgo })];
    expect(await runRetention(client, month, { openIntents })).toMatchObject({ settled: 0 });
    expect(auditTrail.entries).toEqual([]);
  });

  test("and does not count one whose outcome cannot be written", async () => {
    const auditTrail = { append: () => Promise.reject(new Error("full")) };
    const { client } = stub([page([batchOf("msgbatch_1")])], { auditTrail });
    const openIntents = [intentOf("msgbatch_1", { time: hourAgo })];
    expect(await runRetention(client, month, { openIntents })).toMatchObject({ settled: 0 });
  });

  const left: [string, (played: ReturnType<typeof setUp>) => void, Partial<AuditEntry>?][] = [
    ["whose looks get no answer", ({ sandbox }) => {
      sandbox.fail({ path: /msgbatch_1$/, status: 500, times: 9 });
    }],
    ["whose looks are refused", ({ sandbox }) => {
      sandbox.fail({ path: /msgbatch_1$/, status: 403, times: 9 });
    }],
    ["that is younger than a call can last", () => {}, {
      time: new Date(now - 899_000).toISOString(),
    }],
    ["that is a little ahead", () => {}, { time: new Date(now + 899_000).toISOString() }],
    ["whose time cannot be read", () => {}, { time: "an hour ago" }],
    ["of another workspace", () => {}, { workspaceId: "wrkspc_other" }],
    ["of another kind of object", () => {}, { resource: "file" }],
    ["whose id cannot be asked for", () => {}, { objectId: "../files" }],
  ];
  test("but not of another key, where no answer names the workspace", async () => {
    const nameless = async (keyFingerprint: string | undefined) => {
      const auditTrail = createMemoryAuditTrail();
      const gone = refusal(404, "not_found_error");
      const { client } = stub([page([]), gone], { auditTrail });
      const intent = intentOf("msgbatch_1", { time: hourAgo, keyFingerprint });
      const clock = { now: () => now, random: () => 0, sleep: () => Promise.resolve() };
      return (await runRetention({ ...client, clock }, month, { openIntents: [intent] })).settled;
    };
    expect(await nameless("0123456789abcdef")).toBe(0);
    expect(await nameless(undefined)).toBe(1);
  });

  test("also one of a clock that was ahead", async () => {
    const time = new Date(now + 900_000).toISOString();
    expect((await settle(() => {}, { time })).run.settled).toBe(1);
  });

  test.each(left)("but leaves one open %s", async (_, prepare, more) => {
    const { run, entries } = await settle(prepare, more);
    expect(run.settled).toBe(0);
    expect(entries).toEqual([]);
  });

  test("but leaves one open for which no requests are left, and deletes", async () => {
    const { run, entries } = await settle(
      ({ sandbox }) => {
        sandbox.seed({ id: "msgbatch_2", created_at: daysAgo(40), ended_at: daysAgo(40) });
      },
      {},
      { requests: 3 },
    );
    expect(run).toMatchObject({ settled: 0, deleted: 1 });
    expect(entries.filter(({ settled }) => settled)).toEqual([]);
  });

  test("and others of the same batch with it", async () => {
    const auditTrail = createMemoryAuditTrail();
    const { run } = setUp([], { auditTrail });
    const openIntents = [1, 2].map(() => intentOf("msgbatch_1", { time: hourAgo }));
    expect(await run({ openIntents })).toMatchObject({ settled: 2, requests: 4 });
    expect(auditTrail.entries.map(({ intent }) => intent)).toEqual(openIntents.map(({ id }) => id));
  });
});

describe("runRetention() fails, and says so,", () => {
  test("where the policy lets too large a share go", async () => {
    const { run, deletes } = setUp([40, 40, 40, 1]);
    expect(await run({ maxShare: 0.5 })).toMatchObject({
      due: 3,
      deleted: 0,
      hasMore: true,
      dueSince: daysAgo(10),
      error: { code: "ERR_PURGE_REFUSED", message: expect.stringContaining("3 of 4 batches") },
    });
    expect(deletes()).toEqual([]);
    expect(await run({ maxShare: 0.75 })).toMatchObject({ deleted: 3 });
  });

  test("where the list cannot be read", async () => {
    const { run, sandbox, deletes } = setUp([...olds(1), ...Array(1_500).fill(3)]);
    sandbox.fail({ path: /after_id/, status: 401 });
    sandbox.fail({ status: 401 });
    expect(await run()).toMatchObject({ listed: 0, error: { code: "ERR_API" }, hasMore: true });
    expect(deletes()).toEqual([]);
    expect(await run()).toMatchObject({ listed: 1_501, deleted: 1, hasMore: false });
  });

  test("where a deletion fails, and goes on with the next", async () => {
    const { run, sandbox } = setUp(olds(8));
    sandbox.fail({ method: "DELETE", path: /_3$/, status: 500, times: 3 });
    expect(await run()).toMatchObject({
      deleted: 7,
      failed: 1,
      hasMore: false,
      dueSince: daysAgo(10 - 2e-6),
      error: { code: "ERR_API" },
    });
    expect(await run()).toMatchObject({ deleted: 1, failed: 0 });
  });

  test("where the key is refused: the rest is left to the next run", async () => {
    const { run, sandbox, deletes } = setUp(olds(8));
    sandbox.fail({ method: "DELETE", status: 403, times: 3 });
    const result = await run();
    expect(result).toMatchObject({ failed: 3, deleted: 0, hasMore: true });
    expect(result.error?.code).toBe("ERR_API");
    expect(deletes()).toHaveLength(3);
    expect(await run()).toMatchObject({ deleted: 8, hasMore: false });
  });

  test("where the API does not answer, however small the budget is", async () => {
    for (const requests of [1, 2, 3, 4]) {
      const { run, sandbox, deletes } = setUp(olds(8));
      sandbox.fail({ connection: "lost_before", times: 99 });
      expect((await run({ requests })).error).toBeDefined();
      expect(deletes()).toEqual([]);
      sandbox.clearFaults();
      expect(await run()).toMatchObject({ hasMore: false });
    }
  });

  test("where the audit trail fails, without its words", async () => {
    const auditTrail = { append: () => Promise.reject(new Error("postgres://secret@db")) };
    const { run, deletes } = setUp(olds(3), { auditTrail });
    const result = await run();
    expect(result).toMatchObject({ failed: 1, hasMore: true, error: { code: "ERR_CALLER" } });
    expect(JSON.stringify(result)).not.toContain("postgres");
    expect(deletes()).toEqual([]);
  });

  test("where the key cannot be had, without words of that", async () => {
    const { run } = setUp(olds(3), { apiKey: () => Promise.reject(new Error(apiKey)) });
    const result = await run();
    expect(result).toMatchObject({ due: 0, hasMore: true, error: { code: "ERR_UNEXPECTED" } });
    expect(JSON.stringify(result)).not.toContain(apiKey);
  });

  test("where an outcome cannot be recorded", async () => {
    const auditTrail: AuditTrail = {
      append: ({ phase, objectId }) =>
        phase === "outcome" && objectId !== "msgbatch_2"
          ? Promise.reject(new Error("postgres://secret@db"))
          : Promise.resolve(),
    };
    const { run } = setUp(olds(3), { auditTrail });
    const result = await run();
    expect(result).toMatchObject({ deleted: 3, error: { code: "ERR_AUDIT_TRAIL" } });
    expect(JSON.stringify(result)).not.toContain("postgres");
  });

  test("where the answers come from several workspaces", async () => {
    const { client, sandbox, deletes } = setUp([...olds(3), ...Array(1_500).fill(3)]);
    let answers = 0;
    const fetch: Client["fetch"] = async (url, init) => {
      const response = await sandbox.fetch(url, init);
      if (++answers > 1) response.headers.set("anthropic-workspace-id", "wrkspc_other");
      return response;
    };
    const result = await runRetention({ ...client, fetch }, month);
    expect(result.error?.code).toBe("ERR_PURGE_REFUSED");
    expect(deletes()).toEqual([]);
  });

  test("where the answers come from another workspace once it deletes, and stops", async () => {
    const { client, sandbox, deletes } = setUp(olds(8));
    const fetch: Client["fetch"] = async (url, init) => {
      const response = await sandbox.fetch(url, init);
      if (init.method !== "DELETE") return response;
      const headers = { "anthropic-workspace-id": "wrkspc_other", "request-id": "req_1" };
      const error = { type: "not_found_error", message: "" };
      return Response.json({ type: "error", error }, { status: 404, headers });
    };
    const result = await runRetention({ ...client, fetch }, month);
    expect(result).toMatchObject({ missing: 0, failed: 1, error: { code: "ERR_PURGE_REFUSED" } });
    expect(deletes()).toHaveLength(1);
  });

  test("not where a batch cannot be read: it is kept and counted", async () => {
    const { run, sandbox, deletes } = setUp(olds(3));
    sandbox.seed({ id: "../files" });
    expect(await run()).toMatchObject({ listed: 4, unreadable: 1, due: 3, deleted: 3 });
    expect(deletes()).toHaveLength(3);
  });

  test("where its clock is wrong by more than five minutes, and deletes nothing", async () => {
    for (
      const [wrong, code] of [[299, undefined], [302, "ERR_PURGE_REFUSED"], [
        -302,
        "ERR_PURGE_REFUSED",
      ]]
    ) {
      const { run, deletes, sandbox } = setUp(olds(3), { clock: clockOff(Number(wrong) * 1_000) });
      expect((await run()).error?.code).toBe(code);
      expect(deletes()).toHaveLength(code === undefined ? 3 : 0);
      expect((await run({ maxClockSkew: 400_000 })).error).toBeUndefined();
      expect(sandbox.size).toBe(0);
    }
  });

  test("where the server leads in a circle", async () => {
    const circle = page([batchOf("msgbatch_1")], { has_more: true, last_id: "msgbatch_1" });
    const { client, seen } = stub([circle]);
    const result = await runRetention(client, month);
    expect(result.error).toMatchObject({ code: "ERR_INVALID_RESPONSE" });
    expect(seen).toHaveLength(2);
  });

  test("and without a secret that a server echoes", async () => {
    const { client } = stub([() =>
      Response.json(
        { type: "error", error: { type: "invalid_request_error", message: `Key ${apiKey}` } },
        { status: 400 },
      )]);
    const result = await runRetention(client, month);
    expect(result.error?.code).toBe("ERR_API");
    expect(JSON.stringify(result)).not.toContain(apiKey);
  });
});

describe("runRetention() refuses", () => {
  const wrong: [string, RunRetentionOptions][] = [
    ["no requests", { requests: 0 }],
    ["half a request", { requests: 1.5 }],
    ["requests that do not suffice for a deletion", { requests: 2, costOfDeletion: 3 }],
    ["a share above 1", { maxShare: 50 }],
    ["a share that is no number", { maxShare: NaN }],
    ["a misspelt option", { hold: ["msgbatch_1"] } as RunRetentionOptions],
    ["a hold that is no id", { holds: ["msgbatch_1 "] }],
    ["a text of holds", { holds: "msgbatch_1" }],
    ["open intents that are no list", { openIntents: 1 as never }],
    ["no concurrency", { concurrency: 0 }],
  ];
  test.each(wrong)("%s, without a request", async (_, options) => {
    const { run, requests } = setUp(olds(1));
    const error = await rejection(run(options));
    expect(error instanceof RangeError || error instanceof TypeError).toBe(true);
    expect(requests()).toEqual([]);
  });

  test("a policy that cannot be used, without a request", async () => {
    const { run, requests } = setUp(olds(1));
    const error = await rejection(run({}, { ...month, rules: [] }));
    expect(error).toMatchObject({ code: "ERR_INVALID_POLICY" });
    expect(requests()).toEqual([]);
  });
});
