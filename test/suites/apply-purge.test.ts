import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  applyPurge,
  type ApplyPurgeOptions,
  type DeletionOutcome,
  fingerprintPlan,
  parsePurgePlan,
  planPurge,
  type PurgePlan,
  type PurgeSummary,
} from "../../src/purge/mod.ts";
import { type AuditEntry, type Client, type Pace, PurgeRefusedError } from "../../mod.ts";
import { createMemoryAuditTrail } from "../fixtures/memory-audit-trail.ts";
import { intentOf, ofPlan, outcomeOf } from "../fixtures/audit-entries.ts";
import {
  anyBatches,
  batchOf,
  conditions,
  daysAgo,
  drain,
  now,
  play,
  seededRandom,
} from "../fixtures/batches.ts";
import { everythingIn } from "../fixtures/everything-in.ts";
import { presentIn } from "../fixtures/seed-batches.ts";
import {
  apiKey,
  lost,
  page,
  receipt,
  refusal,
  rejection,
  stub,
  type StubAnswer,
} from "../fixtures/stub.ts";

const item = { createdAt: daysAgo(9), endedAt: daysAgo(8), status: "ended" } as const;
const planOf = (count: number, more: Partial<PurgePlan> = {}): PurgePlan => ({
  version: 1,
  createdAt: new Date(now).toISOString(),
  baseUrl: "https://api.anthropic.com",
  filter: "*",
  items: Array.from(
    { length: count },
    (_, index) => ({
      ...item,
      id: `msgbatch_${index + 1}`,
      action: "delete",
      code: "matches",
    }),
  ),
  ...more,
});
const seeded = (count: number, options = {}, overrides: Partial<Client> = {}) => {
  const played = play(options, overrides);
  for (const { id } of planOf(count).items) played.sandbox.seed({ id, created_at: daysAgo(9) });
  return played;
};
const addsUp = (
  { planned, hasMore, ...counts }: PurgeSummary,
  outcomes: DeletionOutcome[],
  isLimited = false,
) => {
  expect(Object.values(counts).reduce((sum, count) => sum + count)).toBe(planned);
  expect(outcomes).toHaveLength(planned);
  expect(new Set(outcomes.map(({ id }) => id)).size).toBe(planned);
  for (const [name, count] of Object.entries(counts)) {
    expect(outcomes.filter(({ outcome }) => outcome === name)).toHaveLength(count);
  }
  const left = outcomes.filter((one) => one.outcome === "skipped" && one.reason === "canceled");
  expect(hasMore).toBe(counts.unattempted + left.length > 0 || isLimited);
};
const none = { deleted: 0, missing: 0, skipped: 0, failed: 0, unattempted: 0, hasMore: false };

describe("applyPurge()", () => {
  test("says that there is more where its plan has left some to the next", async () => {
    const { client } = seeded(3);
    for (const oldest of [2, 1]) {
      const plan = await planPurge(client, { filter: { oldest } });
      const { summary } = await drain(applyPurge(client, plan));
      expect(summary).toEqual({ ...none, planned: oldest, deleted: oldest, hasMore: oldest === 2 });
    }
  });

  test("deletes what the plan says and nothing else, with one request each", async () => {
    const { sandbox, client, deletes } = play();
    const old = sandbox.seed({ created_at: daysAgo(40) }).id;
    const young = sandbox.seed({ created_at: daysAgo(1) }).id;
    const plan = await planPurge(client, { filter: { minDaysSinceEnded: 30 } });
    const later = sandbox.seed({ created_at: daysAgo(50) }).id;
    const { outcomes, summary } = await drain(applyPurge(client, JSON.parse(JSON.stringify(plan))));
    expect(outcomes).toEqual([
      {
        outcome: "deleted",
        id: old,
        evidence: "receipt",
        requestId: expect.any(String),
        attempts: 1,
        workspaceId: expect.any(String),
      },
    ]);
    expect(summary).toEqual({ ...none, planned: 1, deleted: 1 });
    expect(deletes()).toEqual([old]);
    expect(presentIn(sandbox, [young, later])).toEqual([young, later]);
  });

  test("looks at nothing before its outcomes are asked for, and at nothing for an empty plan", async () => {
    const { client, sandbox } = seeded(1);
    const run = applyPurge(client, planOf(1));
    expect(sandbox.requests).toHaveLength(0);
    await run.return({ ...none, planned: 0 });
    expect(await drain(applyPurge(client, planOf(0)))).toEqual({
      outcomes: [],
      summary: { ...none, planned: 0 },
    });
    expect(sandbox.requests).toHaveLength(0);
  });

  test("says missing of what is gone, skipped of what is held or has not ended", async () => {
    const { sandbox, client, deletes } = seeded(3);
    sandbox.seed({ id: "msgbatch_2", processing_status: "in_progress" });
    const holds = ["msgbatch_3"];
    const { outcomes, summary } = await drain(applyPurge(client, planOf(4), { holds }));
    addsUp(summary, outcomes);
    expect(summary).toEqual({ ...none, planned: 4, deleted: 1, missing: 1, skipped: 2 });
    expect(outcomes).toContainEqual({ outcome: "missing", id: "msgbatch_4" });
    expect(outcomes).toContainEqual({ outcome: "skipped", id: "msgbatch_3", reason: "held" });
    expect(outcomes).toContainEqual({ outcome: "skipped", id: "msgbatch_2", reason: "not_ended" });
    expect(deletes()).not.toContain("msgbatch_3");
    expect(sandbox.batch("msgbatch_2")).toBeDefined();
  });

  test("cancels, waits and deletes where the plan says so; deletes at once what has ended", async () => {
    const { sandbox, client } = play();
    const running = sandbox.seed({ processing_status: "in_progress" }).id;
    const plan = await planPurge(client, { filter: "*", cancelInProgress: true });
    const { outcomes } = await drain(applyPurge(client, plan));
    expect(outcomes).toMatchObject([{ outcome: "deleted", id: running, attempts: 1 }]);
    expect(sandbox.requests.filter(({ path }) => path.endsWith("/cancel"))).toHaveLength(1);

    const ending = sandbox.seed({ processing_status: "in_progress" }).id;
    const second = await planPurge(client, { filter: "*", cancelInProgress: true });
    sandbox.advance(3_600_000);
    sandbox.clearRequests();
    expect((await drain(applyPurge(client, second))).outcomes).toMatchObject([
      { outcome: "deleted", id: ending },
    ]);
    expect(sandbox.requests.some(({ path }) => path.endsWith("/cancel"))).toBe(false);
  });

  test("skips what does not end in time", async () => {
    const { sandbox, client } = play({ cancelingTime: 86_000_000, processingTime: 86_000_000 });
    const { id } = sandbox.seed({ processing_status: "in_progress" });
    const plan = await planPurge(client, { filter: "*", cancelInProgress: true });
    const { outcomes } = await drain(applyPurge(client, plan, { waitTimeout: 5_000 }));
    expect(outcomes).toEqual([
      { outcome: "skipped", id, reason: "not_ended", canceled: true },
    ]);
    expect(sandbox.size).toBe(1);
  });

  test("has no more under way than is allowed, and the first alone", async () => {
    for (const concurrency of [1, 3, undefined]) {
      const { client, deletes, mostAtOnce } = seeded(400);
      const run = applyPurge(client, planOf(400), { concurrency });
      await run.next();
      expect(deletes()).toHaveLength(1);
      await drain(run);
      expect(deletes()).toHaveLength(400);
      if (concurrency !== undefined) expect(mostAtOnce()).toBe(concurrency);
      expect(mostAtOnce()).toBeLessThanOrEqual(32);
    }
    for (const concurrency of [0, 101, 1.5, NaN]) {
      const run = applyPurge(stub([]).client, planOf(1), { concurrency });
      await expect(run.next()).rejects.toThrow(RangeError);
    }
    const notIds = ["msgbatch_1", ["msgbatch_1\r"], [" msgbatch_1"], [""], [
      1 as unknown as string,
    ]];
    for (const holds of notIds) {
      const run = applyPurge(stub([]).client, planOf(1), { holds });
      await expect(run.next()).rejects.toThrow(TypeError);
    }
  });

  test("fails again with the same error when it is awaited after an iteration that failed", async () => {
    const failure = new Error("no key");
    const { client } = stub([], { apiKey: () => Promise.reject(failure) });
    const run = applyPurge(client, planOf(2));
    await expect((async () => {
      for await (const _ of run);
    })()).rejects.toBe(failure);
    await expect(run).rejects.toBe(failure);
  });

  test("says that nothing was deleted or canceled only where that is known", async () => {
    const failing = async (answers: readonly StubAnswer[], asked: number) => {
      let times = 0;
      const key = () => times++ < asked ? apiKey : Promise.reject(new Error("no key"));
      const { client } = stub(answers, { apiKey: key });
      const going = {
        status: "in_progress",
        action: "cancel_and_delete",
        code: "matches",
      } as const;
      const plan = planOf(1);
      const items = plan.items.map((item) => answers.length > 1 ? { ...item, ...going } : item);
      const outcomes: unknown[] = [];
      await rejection((async () => {
        for await (const one of applyPurge(client, { ...plan, items })) outcomes.push(one);
      })());
      return outcomes;
    };
    const why = "the function of the secret failed";
    const nothing = { error: { code: "ERR_CALLER", why: `${why}; nothing was deleted` } };
    const something = { error: { code: "ERR_CALLER", why } };
    expect(await failing([receipt("msgbatch_1")], 0)).toMatchObject([nothing]);
    expect(await failing([lost], 1)).toMatchObject([something]);
    const batch = batchOf("msgbatch_1", { processing_status: "in_progress" });
    const show = () => Response.json(batch);
    expect(await failing([show, show], 1)).toMatchObject([nothing]);
    expect(await failing([show, show], 2)).toMatchObject([{ ...something, canceled: true }]);
  });

  test("stops after ten answers in a row that are not the API's, but at no refusal of its own", async () => {
    const html = (status: number) => () => new Response("<html>", { status });
    const foreign = [html(200), html(404), html(400), html(500), refusal(404, "not_found")];
    for (const answer of foreign) {
      const { client } = stub([answer], { maxRetries: 0 });
      const { outcomes, summary } = await drain(applyPurge(client, planOf(20), { concurrency: 1 }));
      expect(summary).toMatchObject({ failed: 10, unattempted: 10 });
      expect(outcomes.at(-1)).toMatchObject({ reason: "unreachable" });
    }
    const own = stub([refusal(400, "invalid_request_error")]).client;
    expect(await applyPurge(own, planOf(20))).toMatchObject({ failed: 20, unattempted: 0 });
  });

  const stops: [number, string, string, Record<string, string>?][] = [
    [401, "authentication_error", "credentials_refused"],
    [402, "billing_error", "billing"],
    [403, "forbidden", "blocked"],
    [429, "rate_limit_error", "rate_limited", { "retry-after": "3600" }],
    [429, "rate_limit_error", "rate_limited", { "x-should-retry": "false" }],
  ];
  test.each(stops)("stops at a %i %s: the rest is unattempted", async (
    status,
    type,
    reason,
    headers,
  ) => {
    const { client, seen } = stub([refusal(status, type, headers)], { maxRetries: 0 });
    const { outcomes, summary } = await drain(applyPurge(client, planOf(20)));
    addsUp(summary, outcomes);
    expect(summary).toEqual({ ...none, planned: 20, failed: 1, unattempted: 19, hasMore: true });
    expect(outcomes[0]).toMatchObject({ outcome: "failed", error: { code: "ERR_API", status } });
    expect(outcomes[19]).toEqual({ outcome: "unattempted", id: "msgbatch_20", reason });
    expect(seen).toHaveLength(1);
    expect(everythingIn(outcomes)).not.toContain(apiKey);
  });

  test("goes on after a 403: it may be about one batch, even if that is the first", async () => {
    const { sandbox, client } = seeded(20);
    const path = /_(1|2|5|6|9)$/;
    sandbox.fail({ method: "DELETE", path, status: 403, type: "permission_error", times: 5 });
    const options = { concurrency: 1 };
    const { outcomes, summary } = await drain(applyPurge(client, planOf(20), options));
    addsUp(summary, outcomes);
    expect(summary).toEqual({ ...none, planned: 20, deleted: 15, failed: 5 });
  });

  test("stops at three 403 in a row, which go alone where nothing else came before", async () => {
    const { client, seen } = stub([refusal(403, "permission_error")], { maxRetries: 0 });
    const { outcomes, summary } = await drain(applyPurge(client, planOf(20)));
    addsUp(summary, outcomes);
    expect(summary).toEqual({ ...none, planned: 20, failed: 3, unattempted: 17, hasMore: true });
    expect(outcomes[19]).toMatchObject({ reason: "credentials_refused" });
    expect(seen).toHaveLength(3);
  });

  test.each([["a lost connection", lost], ["a 500", refusal(500, "api_error")]])(
    "stops at ten in a row of %s, and not before",
    async (_, answer) => {
      const concurrency = 1;
      const { client } = stub([answer], { maxRetries: 0 });
      const { summary } = await drain(applyPurge(client, planOf(20), { concurrency }));
      expect(summary).toMatchObject({ failed: 10, unattempted: 10 });
      const nine = stub([...Array(9).fill(answer), refusal(400, "invalid_request_error"), answer], {
        maxRetries: 0,
      });
      const { summary: later } = await drain(
        applyPurge(nine.client, planOf(20), { concurrency }),
      );
      expect(later).toMatchObject({ failed: 20, unattempted: 0 });
    },
  );

  test("survives lost answers and overload: all are deleted, each once", async () => {
    const { sandbox, client, deletes } = seeded(200, {}, { maxRetries: 9 });
    sandbox.fail({ method: "DELETE", connection: "lost_after", probability: 0.05 });
    sandbox.fail({ method: "DELETE", status: 529, probability: 0.05 });
    const { outcomes, summary } = await drain(applyPurge(client, planOf(200)));
    addsUp(summary, outcomes);
    expect(summary).toEqual({ ...none, planned: 200, deleted: 200 });
    expect(sandbox.size).toBe(0);
    const sent = outcomes.map((one) => one.outcome === "deleted" ? one.attempts : 0);
    expect(sent.reduce((sum, count) => sum + count)).toBe(deletes().length);
    expect(deletes().length).toBeGreaterThan(205);
    expect(outcomes.some((one) => "evidence" in one && one.evidence === "absent_after_retry")).toBe(
      true,
    );
  });

  test("fails nothing because of 429s, and records each deletion once", async () => {
    const auditTrail = createMemoryAuditTrail();
    const { sandbox, client } = seeded(60, {}, { auditTrail, maxRetries: 0 });
    sandbox.fail({ method: "DELETE", status: 429, probability: 0.4 });
    const { outcomes, summary } = await drain(applyPurge(client, planOf(60)));
    addsUp(summary, outcomes);
    expect(summary).toEqual({ ...none, planned: 60, deleted: 60 });
    expect(sandbox.requests.some(({ status }) => status === 429)).toBe(true);
    expect(auditTrail.entries).toHaveLength(120);
  });

  test("stops when nothing comes but 429, after ten rests, and goes on when it is applied again", async () => {
    const auditTrail = createMemoryAuditTrail();
    const { sandbox, client } = seeded(60, {}, { auditTrail, maxRetries: 0 });
    sandbox.fail({ method: "DELETE", path: /_[2-6][0-9]$/, status: 429, times: 999 });
    const first = await drain(applyPurge(client, planOf(60)));
    addsUp(first.summary, first.outcomes);
    expect(first.summary.failed).toBeLessThanOrEqual(3);
    const rest = first.outcomes.filter(({ outcome }) => outcome === "unattempted");
    expect(rest).not.toEqual([]);
    for (const one of rest) expect(one).toMatchObject({ reason: "rate_limited" });
    expect(first.summary.deleted).toBe(60 - sandbox.size);
    sandbox.clearFaults();
    const history = auditTrail.entries.slice();
    const { summary } = await drain(applyPurge(client, planOf(60), { history }));
    expect(summary).toEqual({ ...none, planned: 60, deleted: 60 });
  });

  test("keeps to the limit that the API tells of, with all its requests", async () => {
    const rateLimit = { perMinute: 3_000, burst: 50, headers: true };
    const { sandbox, client } = play({ rateLimit, cancelingTime: 0 }, { maxRetries: 0 });
    const running = { processing_status: "in_progress" } as const;
    for (let index = 0; index < 50; index += 1) sandbox.seed(index % 2 ? running : {});
    const plan = await planPurge(client, { filter: "*", cancelInProgress: true });
    const { summary } = await drain(applyPurge(client, plan));
    expect(summary).toEqual({ ...none, planned: 50, deleted: 50 });
    expect(sandbox.requests.filter(({ status }) => status === 429)).toEqual([]);
    expect(sandbox.requests).toHaveLength(1 + 25 + 3 * 25); // the list, deletions, and 25 canceled
    expect(sandbox.now() - now).toBeGreaterThanOrEqual(1_000);
  });

  test("takes the pace of the client, where it has one", async () => {
    const asked: string[] = [];
    const pace: Pace = {
      permit: () => {
        asked.push("permit");
        return Promise.resolve(() => false);
      },
    };
    const { client } = seeded(5, {}, { pace });
    const plan = await planPurge(client, { filter: "*" });
    await drain(applyPurge(client, plan));
    expect(asked).toHaveLength(1 + 5);
  });
});

describe("applyPurge(), with batches that have not ended,", () => {
  const unended = async (count: number, options = {}) => {
    const played = play({ cancelingTime: 3_600_000, processingTime: 80_000_000, ...options });
    for (let index = 0; index < count; index += 1) {
      played.sandbox.seed({ processing_status: "in_progress" });
    }
    const plan = await planPurge(played.client, { filter: "*", cancelInProgress: true });
    played.sandbox.clearRequests();
    return { ...played, plan };
  };

  test("cancels them all before it waits for any, however few requests may be under way", async () => {
    const { sandbox, client, plan } = await unended(60);
    const { summary } = await drain(applyPurge(client, plan, { concurrency: 2 }));
    expect(summary).toEqual({ ...none, planned: 60, deleted: 60 });
    const paths = sandbox.requests.map(({ method, path }) => `${method} ${path}`);
    const lastCancel = paths.findLastIndex((path) => path.endsWith("/cancel"));
    expect(paths.slice(0, 120).filter((path) => path.endsWith("/cancel"))).toHaveLength(60);
    expect(lastCancel).toBeLessThan(120);
  });

  test("waits for 500 at a time", async () => {
    const { sandbox, client, plan } = await unended(510);
    await drain(applyPurge(client, plan));
    const seen = new Set<string>();
    for (const { method, path } of sandbox.requests) {
      if (method === "DELETE") break;
      seen.add(path.split("/")[4] ?? "");
    }
    expect(seen.size).toBe(500);
    expect(sandbox.size).toBe(0);
  });

  test("leaves them all at once when the run stops: no wait goes on, no more is asked", async () => {
    const { sandbox, client, plan } = await unended(60);
    sandbox.fail({ method: "GET", status: 401, times: 999 });
    const { outcomes, summary } = await drain(applyPurge(client, plan));
    addsUp(summary, outcomes);
    expect(summary.failed + summary.unattempted).toBe(60);
    expect(outcomes).toContainEqual(
      expect.objectContaining({ outcome: "unattempted", reason: "credentials_refused" }),
    );
    expect(sandbox.requests.length).toBeLessThanOrEqual(4);
    sandbox.clearFaults();

    const { fetch: send } = client;
    let looks = 0;
    const revoked: Client = {
      ...client,
      fetch: async (url, init) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        if (init.method === "GET" && (looks += 1) === 200) {
          sandbox.clearRequests();
          sandbox.fail({ status: 401, times: 999 });
        }
        return await send?.(url, init) ?? Response.error();
      },
    };
    const late = await drain(applyPurge(revoked, plan));
    addsUp(late.summary, late.outcomes);
    // What was canceled cannot be undone, so it is not called unattempted.
    const { deleted, skipped, unattempted, hasMore } = late.summary;
    expect([deleted, hasMore]).toEqual([0, true]);
    expect(skipped + unattempted).toBeGreaterThan(20);
    for (const one of late.outcomes) {
      if (one.outcome === "failed") continue;
      const canceled = sandbox.batch(one.id)?.cancel_initiated_at !== null;
      expect([one.id, one.canceled, one.outcome]).toEqual(
        canceled ? [one.id, true, "skipped"] : [one.id, undefined, "unattempted"],
      );
    }
    expect(sandbox.requests.length).toBeLessThanOrEqual(32 + 8);
  });
});

describe("applyPurge(), when it is aborted,", () => {
  test("finishes what is under way, leaves the rest, and reports the truth", async () => {
    const controller = new AbortController();
    const { sandbox, client, deletes } = seeded(90);
    const { signal } = controller;
    const run = applyPurge(client, planOf(90), { signal });
    const outcomes: DeletionOutcome[] = [];
    for (let index = 0; index < 7; index += 1) {
      const { value, done } = await run.next();
      if (!done) outcomes.push(value);
    }
    controller.abort(new Error("enough"));
    const rest = await drain(run);
    outcomes.push(...rest.outcomes);
    addsUp(rest.summary, outcomes);
    expect(sandbox.size).toBe(90 - rest.summary.deleted);
    expect(deletes()).toHaveLength(rest.summary.deleted);
    expect(rest.summary.deleted).toBeLessThanOrEqual(7 + 32);
    expect(outcomes.filter(({ outcome }) => outcome === "unattempted")).toHaveLength(
      90 - rest.summary.deleted,
    );
  });

  test("ends the wait for another attempt, and says what is not known", async () => {
    const controller = new AbortController();
    const sleep = (_: number, signal?: AbortSignal) => {
      controller.abort(new Error("enough"));
      signal?.throwIfAborted();
      return Promise.resolve();
    };
    const run = (answers: Parameters<typeof stub>[0]) => {
      const { client, clock } = stub(answers);
      const { signal } = controller;
      return drain(applyPurge({ ...client, clock: { ...clock, sleep } }, planOf(2), { signal }));
    };
    const { outcomes } = await run([lost]);
    expect(outcomes).toMatchObject([
      { outcome: "failed", error: { code: "ERR_ABORTED" } },
      { outcome: "unattempted", reason: "interrupted" },
    ]);
    const { summary } = await run([receipt("msgbatch_1")]);
    expect(summary).toMatchObject({ unattempted: 2 });
  });

  test("says unattempted of what was turned away at the door", async () => {
    const controller = new AbortController();
    const { client, clock } = stub([refusal(429, "rate_limit_error")]);
    const sleep = () => {
      controller.abort();
      return new Promise<void>(() => {});
    };
    const { signal } = controller;
    const { outcomes } = await drain(
      applyPurge({ ...client, clock: { ...clock, sleep } }, planOf(1), { signal }),
    );
    expect(outcomes).toEqual([{ outcome: "unattempted", id: "msgbatch_1", reason: "interrupted" }]);
  });

  test("waits for what is under way when the iteration is ended, and not for a batch to end", async () => {
    const { sandbox, client } = play();
    const ended = ["msgbatch_1", "msgbatch_2", "msgbatch_3"];
    for (const id of ended) sandbox.seed({ id, created_at: daysAgo(9) });
    sandbox.seed({ id: "msgbatch_4", processing_status: "in_progress" });
    let under = 0;
    const slow: Client = {
      ...client,
      fetch: async (url, init) => {
        under += 1;
        await new Promise((resolve) => setTimeout(resolve, 5 * sandbox.size));
        under -= 1;
        return await client.fetch?.(url, init) ?? Response.error();
      },
      clock: { now: sandbox.now, random: () => 0, sleep: () => new Promise(() => {}) },
    };
    const plan = await planPurge(slow, { filter: "*", cancelInProgress: true });
    let seen = 0;
    for await (const _ of applyPurge(slow, plan)) if ((seen += 1) === 2) break;
    expect([under, sandbox.size]).toEqual([0, 1]);
  });
});

describe("applyPurge(), with the record of an earlier run,", () => {
  test("settles every batch truthfully after a crash at any point", async () => {
    const whole = createMemoryAuditTrail();
    const count = 6;
    const plan = planOf(count);
    const options = { concurrency: 2 };
    await drain(applyPurge(seeded(count, {}, { auditTrail: whole }).client, plan, options));
    expect(whole.entries).toHaveLength(2 * count);
    for (let point = 0; point <= 2 * count; point += 1) {
      const auditTrail = createMemoryAuditTrail();
      const { sandbox, client, deletes } = seeded(count);
      const alive = {
        ...auditTrail,
        append: async (entry: AuditEntry) => {
          if (auditTrail.entries.length >= point) throw new Error("The process died");
          await auditTrail.append(entry);
        },
      };
      await drain(applyPurge({ ...client, auditTrail: alive }, plan, options)).catch(
        () => {},
      );
      const gone = count - sandbox.size;
      const recorded = auditTrail.entries.filter(({ phase }) => phase === "outcome").length;
      sandbox.clearRequests();
      const history = auditTrail.entries.slice();
      const { outcomes, summary } = await drain(
        applyPurge({ ...client, auditTrail }, plan, { ...options, history }),
      );
      addsUp(summary, outcomes);
      expect(summary).toEqual({ ...none, planned: count, deleted: count });
      expect(deletes()).toHaveLength(count - recorded);
      const unseen = outcomes.filter((one) =>
        one.outcome === "deleted" && one.evidence === "absent_after_retry"
      );
      expect(unseen).toHaveLength(gone - recorded);
    }
  });

  const deleted = {
    outcome: "deleted",
    evidence: "receipt",
    requestId: "req_9",
    attempts: 2,
  } as const;
  const unsure = { code: "ERR_TIMEOUT", message: "", outcomeKnown: false };
  const sure = { code: "ERR_API", message: "", outcomeKnown: true };
  const intent = intentOf("msgbatch_1");
  const other = intentOf("msgbatch_1");
  const doubt = { outcome: "failed", evidence: undefined, error: unsure } as const;
  const refused = { outcome: "failed", evidence: undefined, error: sure } as const;
  const missing = { outcome: "missing", evidence: "missing" } as const;
  const settled = { ...deleted, evidence: "absent_after_retry", settled: true } as const;
  const unseen = { evidence: "absent_after_retry" };
  const table: [string, AuditEntry[], Partial<Record<string, unknown>>, number][] = [
    ["a receipt", [intent, outcomeOf(intent, deleted)], { id: "msgbatch_1", ...deleted }, 0],
    // It may rest on one 404, and no list is read again.
    ["an absence", [intent, outcomeOf(intent, missing)], { outcome: "missing" }, 1],
    [
      "an absence, then a doubt",
      [intent, outcomeOf(intent, missing), other, outcomeOf(other, doubt)],
      unseen,
      4,
    ],
    ["an intent", [intent], unseen, 4],
    ["a doubt", [intent, outcomeOf(intent, doubt)], unseen, 4],
    [
      "a doubt, then a refusal",
      [intent, outcomeOf(intent, doubt), other, outcomeOf(other, refused)],
      unseen,
      4,
    ],
    ["a refusal", [intent, outcomeOf(intent, refused)], { outcome: "missing" }, 1],
    [
      "two intents, of which one has an outcome",
      [intent, other, outcomeOf(other, refused)],
      unseen,
      4,
    ],
    [
      "a failure that says nothing more",
      [intent, outcomeOf(intent, { ...doubt, error: undefined })],
      unseen,
      4,
    ],
    // An outcome without its intent closes no other one.
    ["an intent, and a refusal without its own", [intent, outcomeOf(other, refused)], unseen, 4],
    [
      "a refusal without its intent, then an intent",
      [outcomeOf(other, refused), intent],
      unseen,
      4,
    ],
    ["a receipt without its intent", [outcomeOf(intent, deleted)], deleted, 0],
    ["a settled intent", [intent, outcomeOf(intent, settled)], unseen, 0],
    [
      "an intent that was settled because the batch was still there",
      [intent, outcomeOf(intent, { ...refused, settled: true })],
      { outcome: "missing" },
      1,
    ],
    [
      "an intent that was settled before its own outcome came",
      [intent, outcomeOf(intent, settled), outcomeOf(intent, refused)],
      { outcome: "missing" },
      1,
    ],
    [
      "an intent that was settled after its own outcome came",
      [intent, outcomeOf(intent, deleted), outcomeOf(intent, { ...refused, settled: true })],
      deleted,
      0,
    ],
    [
      "an evidence that is not known here",
      [outcomeOf(intent, { ...deleted, evidence: "hearsay" })],
      {
        outcome: "missing",
      },
      1,
    ],
    ["another kind", [outcomeOf(intent, { ...deleted, resource: "file" })], {
      outcome: "missing",
    }, 1],
    [
      "what an earlier clock wrote",
      [outcomeOf(intent, { ...deleted, time: daysAgo(1) })],
      deleted,
      0,
    ],
    ["another plan", [outcomeOf(intent, { ...deleted, plan: "0".repeat(16) })], {
      outcome: "missing",
    }, 1],
    ["another workspace", [intent, outcomeOf(intent, { ...deleted, workspaceId: "wrkspc_2" })], {
      outcome: "missing",
    }, 1],
  ];
  test.each(table)("makes of %s what it says", async (_, entries, expected, requests) => {
    const { client, seen } = stub([refusal(404, "not_found_error")]);
    const plan = planOf(1, { workspaceId: "wrkspc_1" });
    const { outcomes } = await drain(
      applyPurge(client, plan, { history: ofPlan(plan, entries) }),
    );
    expect(outcomes).toEqual([expect.objectContaining(expected)]);
    expect(seen).toHaveLength(requests);
  });
});

describe("applyPurge(), with a plan that was stored,", () => {
  test("refuses another key where neither plan nor answers name a workspace", async () => {
    const other = "sk-ant-api03-another-key";
    const answers = () => stub([page([batchOf("msgbatch_1")]), receipt("msgbatch_1")]);
    const made = answers();
    const plan = await planPurge(made.client, { filter: "*" });
    expect(plan.keyFingerprint).toMatch(/^[0-9a-f]{16}$/);
    expect(everythingIn(plan)).not.toContain(apiKey);
    const apply = (client: Client, given: PurgePlan, options?: ApplyPurgeOptions) =>
      rejection(drain(applyPurge({ ...client, apiKey: other }, given, options)));
    const { client, seen } = answers();
    const error = await apply(client, plan);
    expect(error).toBeInstanceOf(PurgeRefusedError);
    expect(error).toMatchObject({ why: expect.stringContaining("another API key") });
    expect(seen).toEqual([]);
    const isDone = "The promise did not reject";
    const named = { ...plan, workspaceId: "wrkspc_1" };
    const { keyFingerprint: _, ...old } = plan;
    const asked = { apiKey: () => other };
    for (
      const run of [
        () => apply(stub([receipt("msgbatch_1")]).client, plan, { allowOtherKey: true }),
        () => apply(stub([receipt("msgbatch_1")]).client, named),
        () => apply(stub([receipt("msgbatch_1")]).client, old),
      ]
    ) await expect(run()).rejects.toThrow(isDone);
    const run = applyPurge({ ...stub([receipt("msgbatch_1")]).client, ...asked }, plan);
    expect(await run).toMatchObject({ deleted: 1 });
  });

  test("takes no absence from another key where no answer names the workspace", async () => {
    const keys = [apiKey, "sk-ant-api03-another-key", () => "sk-ant-api03-another-key"];
    const named = { "anthropic-workspace-id": "wrkspc_1" };
    const { client } = stub([page([batchOf("msgbatch_1")])], { workspaceId: "wrkspc_1" });
    const plan = await planPurge(client, { filter: "*" });
    expect(plan.workspaceId).toBe("wrkspc_1"); // as the client says, and no answer
    const become = async (key: Client["apiKey"], headers = {}, options?: ApplyPurgeOptions) => {
      const auditTrail = createMemoryAuditTrail();
      const { client } = stub([refusal(404, "not_found_error", headers)], { auditTrail });
      const { outcomes } = await drain(applyPurge({ ...client, apiKey: key }, plan, options));
      return outcomes.map(({ outcome }) => outcome);
    };
    expect(await Promise.all(keys.map((key) => become(key)))).toEqual([
      ["missing"],
      ["failed"],
      ["missing"],
    ]);
    expect(await become(keys[1], named)).toEqual(["missing"]);
    expect(await become(keys[1], {}, { allowOtherKey: true })).toEqual(["missing"]);
  });

  test("says in the audit trail that it was changed, and still finds its history", async () => {
    const { client } = seeded(3);
    const plan = await planPurge(client, { filter: "*" });
    const changed = { ...plan, items: plan.items.slice(1) };
    const auditTrail = createMemoryAuditTrail();
    expect(await applyPurge({ ...client, auditTrail }, changed)).toMatchObject({ deleted: 2 });
    for (const entry of auditTrail.entries) {
      expect(entry).toMatchObject({
        plan: plan.fingerprint,
        changedPlan: fingerprintPlan(changed),
      });
    }
    const again = applyPurge(client, changed, { history: auditTrail.entries });
    expect((await drain(again)).outcomes).toMatchObject(Array(2).fill({ recorded: true }));
    const whole = createMemoryAuditTrail();
    await applyPurge({ ...client, auditTrail: whole }, plan);
    for (const entry of whole.entries) expect(entry.changedPlan).toBeUndefined();
  });
});

describe("applyPurge() refuses", () => {
  const plan = planOf(2);
  const [one] = plan.items;
  const bad: [string, unknown][] = [
    ["no plan", null],
    ["another version", { ...plan, version: 2 }],
    ["another base URL", { ...plan, baseUrl: "https://example.com" }],
    ["no items", { ...plan, items: undefined }],
    ["an empty filter", { ...plan, filter: {} }],
    ["no filter", { ...plan, filter: undefined }],
    ["an item that is none", { ...plan, items: [apiKey] }],
    ["an id that is a path", { ...plan, items: [{ ...one, id: "../files/1" }] }],
    ["an id that is a key", { ...plan, items: [{ ...one, id: apiKey }] }],
    ["an unknown action", { ...plan, items: [{ ...one, action: apiKey }] }],
    ["an id twice", { ...plan, items: [one, one] }],
    ["a deletion of what has not ended", { ...plan, items: [{ ...one, status: "in_progress" }] }],
    ["a time that is none", { ...plan, createdAt: apiKey }],
  ];
  test.each(bad)("%s, before any request", async (_, input) => {
    const { client, seen } = stub([receipt("msgbatch_1")]);
    const error = await rejection(drain(applyPurge(client, input as PurgePlan)));
    expect(error).toBeInstanceOf(PurgeRefusedError);
    expect(error).toMatchObject({ code: "ERR_PURGE_REFUSED", name: "PurgeRefusedError" });
    expect(everythingIn(error)).not.toContain("sentinel");
    expect(seen).toHaveLength(0);
  });

  test("a plan in words that name the place", () => {
    expect(() => parsePurgePlan({ ...plan, items: [one, { ...one, id: "" }] }))
      .toThrow("Cannot apply the purge plan: plan.items.1.id is not an id of a batch");
    expect(() => parsePurgePlan({ ...plan, items: [{}] })).toThrow("plan.items.0.id is missing");
    expect(() => parsePurgePlan({ ...plan, items: [1] })).toThrow("plan.items.0 is not an object");
    expect(() => parsePurgePlan(1)).toThrow("plan is not an object");
    expect(() => parsePurgePlan({ ...plan, version: "1" })).toThrow("plan.version is not 1");
    expect(() => parsePurgePlan({ ...plan, filter: {} })).toThrow("plan.filter is empty");
    expect(() => parsePurgePlan({ ...plan, filter: { oldest: 0 } }))
      .toThrow("Cannot apply the purge plan: plan.filter.oldest is not a whole number above 0");
  });

  test("a plan for another workspace than the client names", async () => {
    for (const workspaceId of ["wrkspc_2", undefined]) {
      const { client, seen } = stub([receipt("msgbatch_1")], { workspaceId: "wrkspc_1" });
      const run = applyPurge(client, planOf(1, { workspaceId }));
      await expect(run.next()).rejects.toThrow(PurgeRefusedError);
      expect(seen).toHaveLength(0);
    }
  });

  test("to take the 404 of another workspace for an absence", async () => {
    const auditTrail = createMemoryAuditTrail();
    const { client, deletes } = play({}, { auditTrail });
    const elsewhere = planOf(9, { workspaceId: "wrkspc_2" });
    const { outcomes, summary } = await drain(applyPurge(client, elsewhere));
    expect(summary).toEqual({ ...none, planned: 9, failed: 1, unattempted: 8, hasMore: true });
    expect(outcomes[0]).toMatchObject({ error: { code: "ERR_PURGE_REFUSED" } });
    expect(outcomes[1]).toMatchObject({ reason: "other_workspace" });
    expect(deletes()).toHaveLength(1);
  });

  test("to go on after a receipt of another workspace", async () => {
    const { client, deletes } = seeded(9);
    const elsewhere = planOf(9, { workspaceId: "wrkspc_2" });
    const { outcomes, summary } = await drain(applyPurge(client, elsewhere));
    expect(summary).toEqual({ ...none, planned: 9, deleted: 1, unattempted: 8, hasMore: true });
    expect(outcomes[1]).toMatchObject({ reason: "other_workspace" });
    expect(deletes()).toHaveLength(1);
  });

  test("a plan whose texts forge what is shown", () => {
    for (const text of ["a\nb", "a\u2028b", "a\u001b[1m", "a".repeat(1_001)]) {
      expect(() => parsePurgePlan({ ...plan, workspaceId: text })).toThrow("plan.workspaceId");
    }
  });

  test("to delete what it cannot record, reports all, then throws the trail's error", async () => {
    const { sandbox, client } = seeded(5);
    const reason = new Error("The disk is full");
    const auditTrail = { append: () => Promise.reject(reason) };
    const run = applyPurge({ ...client, auditTrail }, planOf(5));
    const outcomes: DeletionOutcome[] = [];
    const error = await rejection((async () => {
      for await (const outcome of run) outcomes.push(outcome);
    })());
    expect(error).toBe(reason);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([
      "failed",
      ...Array(4).fill("unattempted"),
    ]);
    expect(sandbox.size).toBe(5);
  });
});

test("a purge deletes nothing unended, held or outside its plan, whatever goes wrong", async () => {
  const filters = fc.record(conditions, { requiredKeys: [] })
    .map((filter) => Object.keys(filter).length === 0 ? "*" : filter);
  const faults = fc.array(
    fc.constantFrom(
      { status: 500, after: true },
      { status: 529 },
      { status: 429 },
      { status: 401 },
      { connection: "lost_after" as const },
      { connection: "lost_before" as const },
    ),
    { maxLength: 3 },
  );
  const held = fc.array(fc.integer({ min: 1, max: 30 }).map((number) => `msgbatch_${number}`));
  await fc.assert(
    fc.asyncProperty(anyBatches, filters, faults, held, fc.integer(), fc.nat(20), async (
      batches,
      filter,
      kinds,
      holds,
      seed,
      abortAfter,
    ) => {
      const { sandbox, client, deletes, mostAtOnce } = play({ random: seededRandom(seed) });
      for (const { id, processing_status, created_at, ended_at } of batches) {
        const isReal = processing_status !== "paused"; // there, the sandbox shows in_progress
        const status = isReal ? processing_status as "ended" : "in_progress";
        sandbox.seed({ id, processing_status: status, created_at, ended_at });
      }
      const plan = await planPurge(client, { filter });
      for (const kind of kinds) sandbox.fail({ method: "DELETE", probability: 0.2, ...kind });
      const before = new Set(plan.items.map(({ id }) => id).filter((id) => sandbox.batch(id)));
      const controller = new AbortController();
      const run = applyPurge(client, plan, { holds, signal: controller.signal });
      const outcomes: DeletionOutcome[] = [];
      let summary: PurgeSummary | undefined;
      while (summary === undefined) {
        const { done, value } = await run.next();
        if (done) summary = value;
        else if (outcomes.push(value) === abortAfter) controller.abort();
      }
      addsUp(summary, outcomes, plan.items.some(({ code }) => code === "not_among_oldest"));
      const allowed = plan.items.filter(({ action, status }) =>
        action === "delete" && status === "ended"
      )
        .map(({ id }) => id).filter((id) => !holds.includes(id));
      for (const id of deletes()) expect(allowed).toContain(id);
      const gone = [...before].filter((id) => sandbox.batch(id) === undefined);
      for (const id of gone) expect(deletes()).toContain(id);
      for (const { outcome, id } of outcomes) {
        if (outcome === "deleted") expect(gone).toContain(id);
        if (["skipped", "unattempted"].includes(outcome)) expect(gone).not.toContain(id);
      }
      expect(mostAtOnce()).toBeLessThanOrEqual(32);
    }),
    { numRuns: 60 },
  );
});
