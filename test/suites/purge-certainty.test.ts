import { describe, expect, test } from "vitest";
import { type AuditEntry, type AuditTrail, type Client, deleteMessageBatch } from "../../mod.ts";
import { applyPurge, type PurgePlan } from "../../src/purge/mod.ts";
import { batchOf, daysAgo, drain, play } from "../fixtures/batches.ts";
import { createMemoryAuditTrail } from "../fixtures/memory-audit-trail.ts";
import { lost, receipt, refusal, rejection, stub } from "../fixtures/stub.ts";
import { timersOf } from "../fixtures/timers.ts";

const id = "msgbatch_1";

/** A plan that deletes batches by id. */
const planOf = (ids: readonly string[], more: Partial<PurgePlan> = {}): PurgePlan => ({
  version: 1,
  createdAt: "2026-11-21T00:00:00Z",
  baseUrl: "https://api.anthropic.com",
  filter: "*",
  items: ids.map((one) => ({
    id: one,
    createdAt: daysAgo(9),
    endedAt: daysAgo(9),
    status: "ended",
    action: "delete",
    code: "matches",
  })),
  ...more,
});

const notFound = (headers: Record<string, string> = {}) => refusal(404, "not_found_error", headers);

describe("an intent that is written after the call has given up", () => {
  /** A trail that writes an intent only when it is told to. */
  function slowTrail() {
    const entries: AuditEntry[] = [];
    let release = () => {};
    const gate = new Promise<void>((resolve) => release = resolve);
    const auditTrail: AuditTrail = {
      async append(entry) {
        if (entry.phase === "intent") await gate;
        entries.push(entry);
      },
    };
    return { auditTrail, entries, release: () => release() };
  }

  test("gets an outcome that says that nothing was sent, after an abort", async () => {
    const { auditTrail, entries, release } = slowTrail();
    const { client, seen } = stub([receipt(id)], { auditTrail });
    const controller = new AbortController();
    const call = deleteMessageBatch(client, id, { signal: controller.signal });
    await new Promise((resolve) => setTimeout(resolve, 1));
    controller.abort("enough");
    release();
    expect(await rejection(call)).toBe("enough");
    expect(seen).toEqual([]);
    expect(entries).toMatchObject([{ phase: "intent" }, {
      phase: "outcome",
      outcome: "failed",
      attempts: 0,
      error: { code: "ERR_ABORTED", outcomeKnown: true },
    }]);
  });

  test("gets it, too, after the time for it is over", async () => {
    const { auditTrail: { append }, entries, release } = slowTrail();
    const auditTrail: AuditTrail = {
      append(entry) {
        setTimeout(release, 30); // from here on: how long the call takes to come here is not known
        return append(entry);
      },
    };
    const { client, seen } = stub([receipt(id)], { auditTrail, timeout: 10 });
    expect(await rejection(deleteMessageBatch(client, id))).toMatchObject({ name: "TimeoutError" });
    expect(seen).toEqual([]);
    expect(entries.map(({ phase, error }) => [phase, error?.outcomeKnown])).toEqual([
      ["intent", undefined],
      ["outcome", true],
    ]);
  });

  test("does not delay an abort for long, where the trail never answers", async () => {
    const { client } = stub([receipt(id)], { auditTrail: { append: () => new Promise(() => {}) } });
    using _lastWait = timersOf(1_000, () => 10);
    const controller = new AbortController();
    const startedAt = performance.now();
    const call = deleteMessageBatch(client, id, { signal: controller.signal });
    controller.abort("enough");
    expect(await rejection(call)).toBe("enough");
    expect(performance.now() - startedAt).toBeLessThan(20_000); // `timeout` is a minute
  });
});

describe("absence counts only", () => {
  test("as a 404, whatever type another status says", async () => {
    for (const status of [410, 451]) {
      const { client, seen } = stub([refusal(status, "not_found_error")]);
      const error = await rejection(deleteMessageBatch(client, id, { allowMissing: true }));
      expect(error).toMatchObject({ code: "ERR_API", status, type: "not_found_error" });
      expect(seen).toHaveLength(1);
    }
  });

  test("as the API's not_found_error, after a lost answer, too", async () => {
    for (const type of ["api_error", "permission_error", "not_found"]) {
      const { client } = stub([lost, refusal(404, type)]);
      expect(await rejection(deleteMessageBatch(client, id))).toMatchObject({
        code: "ERR_API",
        outcomeKnown: false,
      });
      const allowed = stub([refusal(404, type)]);
      expect(await rejection(deleteMessageBatch(allowed.client, id, { allowMissing: true })))
        .toMatchObject({ code: "ERR_API" });
    }
  });

  test("with a request id, in the header or the body", async () => {
    const withId = (header: string | undefined, request_id: unknown) => () =>
      Response.json({ type: "error", error: { type: "not_found_error" }, request_id }, {
        status: 404,
        headers: header === undefined ? {} : { "request-id": header },
      });
    for (const wrong of [withId(undefined, undefined), withId("", null), withId(undefined, 7)]) {
      const { client, seen } = stub([wrong]);
      expect(await rejection(deleteMessageBatch(client, id, { allowMissing: true }))).toMatchObject(
        {
          message: `Cannot delete message batch "${id}": 404 not_found_error: ` +
            "it was answered by something else than the API",
          code: "ERR_API",
        },
      );
      expect(seen).toHaveLength(1);
    }
    for (const right of [withId("req_1", null), withId(undefined, "req_1")]) {
      expect(await deleteMessageBatch(stub([right]).client, id, { allowMissing: true }))
        .toMatchObject({ evidence: "missing", requestId: "req_1" });
    }
  });

  test("after three looks, in a single call", async () => {
    for (const times of [0, 1, 2]) { // looks that miss it at first
      const played = play();
      played.sandbox.seed({ id, processing_status: "ended" });
      played.sandbox.fail({ method: "DELETE", status: 404 });
      if (times > 0) played.sandbox.fail({ method: "GET", status: 404, times });
      const deletion = await deleteMessageBatch(played.client, id, { allowMissing: true });
      expect([deletion.evidence, deletion.attempts, played.sandbox.size]).toEqual([
        "receipt",
        2,
        0,
      ]);
    }
  });

  test("in the plan's workspace, after a lost answer, too", async () => {
    const elsewhere = { "anthropic-workspace-id": "wrkspc_2" };
    const { client } = stub([
      lost,
      ...Array(4).fill(notFound(elsewhere)), // the deletion and three looks
      receipt("msgbatch_2"),
    ]);
    const plan = planOf([id, "msgbatch_2"], { workspaceId: "wrkspc_1" });
    const { outcomes } = await drain(applyPurge(client, plan));
    expect(outcomes).toMatchObject([
      { id, outcome: "failed", error: { code: "ERR_PURGE_REFUSED" } },
      { id: "msgbatch_2", outcome: "unattempted", reason: "other_workspace" },
    ]);
    const here = stub([lost, notFound({ "anthropic-workspace-id": "wrkspc_1" })]);
    const same = await drain(applyPurge(here.client, planOf([id], { workspaceId: "wrkspc_1" })));
    expect(same.outcomes).toMatchObject([{ outcome: "deleted", evidence: "absent_after_retry" }]);
  });
});

describe("a look before the deletion", () => {
  const there = () => Response.json(batchOf(id));

  test("makes of a 404 a doubt, which three looks settle", async () => {
    const { client, seen } = stub([there, notFound()]);
    expect(await deleteMessageBatch(client, id, { lookFirst: true }))
      .toMatchObject({ evidence: "absent_after_retry", attempts: 1 });
    expect(seen.map(({ method }) => method).join(" ")).toBe("GET DELETE GET GET GET");
    const receipted = stub([there, receipt(id)]);
    expect(await deleteMessageBatch(receipted.client, id, { lookFirst: true }))
      .toMatchObject({ evidence: "receipt", attempts: 1 });
  });

  test("leaves a batch that was not there a batch that is not found", async () => {
    const { client, seen } = stub([notFound()]);
    expect(await rejection(deleteMessageBatch(client, id, { lookFirst: true })))
      .toMatchObject({ code: "ERR_NOT_FOUND", outcomeKnown: true });
    expect(seen.map(({ method }) => method).join(" ")).toBe("GET DELETE");
  });

  test("that fails ends the call before anything is deleted or recorded", async () => {
    const auditTrail = createMemoryAuditTrail();
    const { client, seen } = stub([refusal(403, "permission_error")], { auditTrail });
    expect(await rejection(deleteMessageBatch(client, id, { lookFirst: true })))
      .toMatchObject({ operation: "delete", status: 403, outcomeKnown: true });
    expect([seen.length, auditTrail.entries]).toEqual([1, []]);
  });
});

test("a doubt that no look settles is recorded as one, and an abort between looks too", async () => {
  const auditTrail = createMemoryAuditTrail();
  const { client, clock } = stub([lost, notFound()], { auditTrail });
  const controller = new AbortController();
  const sleep: typeof clock.sleep = (duration, signal) => {
    if (duration === 1_500) controller.abort("enough");
    return clock.sleep(duration, signal);
  };
  const call = deleteMessageBatch({ ...client, clock: { ...clock, sleep } }, id, controller);
  expect(await rejection(call)).toBe("enough");
  const { client: unsettled } = stub([lost, notFound(), lost], { auditTrail });
  await rejection(deleteMessageBatch(unsettled, id));
  const outcomes = auditTrail.entries.filter(({ phase }) => phase === "outcome");
  expect(outcomes.map(({ error, attempts }) => [error?.code, error?.outcomeKnown, attempts]))
    .toEqual([["ERR_ABORTED", false, 2], ["ERR_CONNECTION", false, 2]]);
});

describe("applyPurge(), interrupted, says of a batch that has not ended", () => {
  const running = (answers: Parameters<typeof stub>[0]) => {
    const controller = new AbortController();
    const { client, clock } = stub(answers);
    const sleep: typeof clock.sleep = (duration, signal) => {
      controller.abort("enough"); // at the first wait
      return clock.sleep(duration, signal);
    };
    const [item] = planOf([id]).items;
    const plan = {
      ...planOf([]),
      items: [{ ...item, status: "in_progress", action: "cancel_and_delete" }],
    } as PurgePlan;
    return drain(
      applyPurge({ ...client, clock: { ...clock, sleep } }, plan, { signal: controller.signal }),
    );
  };
  const shown = (status: string) => () =>
    Response.json(batchOf(id, { processing_status: status, ended_at: null }));

  test("that it was canceled, if the API said so", async () => {
    const { outcomes, summary } = await running([shown("in_progress"), shown("canceling")]);
    expect(outcomes).toEqual([{ outcome: "skipped", id, reason: "canceled", canceled: true }]);
    expect(summary).toMatchObject({ skipped: 1, unattempted: 0, hasMore: true });
  });

  test("that this is unknown, if the answer was lost", async () => {
    const { outcomes } = await running([shown("in_progress"), lost]);
    expect(outcomes).toEqual([{ outcome: "skipped", id, reason: "canceled", canceled: "unknown" }]);
  });

  test("that it was not attempted, if it was not canceled", async () => {
    const { outcomes } = await running([lost]);
    expect(outcomes).toEqual([{ outcome: "unattempted", id, reason: "interrupted" }]);
  });
});

test("applyPurge() learns the outcome of a deletion that may have happened before it stops", async () => {
  let failed = () => {};
  const anotherFails = new Promise<void>((resolve) => failed = resolve);
  let asked = 0;
  const { client, clock } = stub([]);
  const fetch: Client["fetch"] = async (url) => {
    if (url.endsWith("_1")) return await receipt("msgbatch_1")();
    if (url.endsWith("_2")) {
      asked += 1;
      return await (asked === 1 ? lost : notFound())();
    }
    failed();
    return await refusal(401, "authentication_error")();
  };
  const sleep: typeof clock.sleep = async (_duration, signal) => {
    await anotherFails;
    await new Promise((resolve) => setTimeout(resolve, 5)); // the run has stopped by now
    signal?.throwIfAborted();
  };
  const plan = planOf(["msgbatch_1", "msgbatch_2", "msgbatch_3", "msgbatch_4"]);
  const { outcomes } = await drain(
    applyPurge({ ...client, fetch, clock: { ...clock, sleep } }, plan, { concurrency: 2 }),
  );
  const byId = new Map(outcomes.map((outcome) => [outcome.id, outcome]));
  expect(byId.get("msgbatch_2")).toMatchObject({
    outcome: "deleted",
    evidence: "absent_after_retry",
    attempts: 2,
  });
  expect(byId.get("msgbatch_3")).toMatchObject({ outcome: "failed", error: { status: 401 } });
  expect(byId.get("msgbatch_4")).toMatchObject({ reason: "credentials_refused" });
});

describe("await applyPurge()", () => {
  test("says that a batch may be deleted where no request is left to look", async () => {
    const none = () => Promise.reject(new Error("Too many subrequests."));
    const { client } = stub([lost, none]);
    const { outcomes, summary } = await drain(applyPurge(client, planOf([id, "msgbatch_2"])));
    expect(outcomes).toMatchObject([
      {
        outcome: "failed",
        id,
        error: { code: "ERR_CONNECTION", why: expect.stringMatching(/may/) },
      },
      { outcome: "unattempted", id: "msgbatch_2", reason: "unreachable" },
    ]);
    expect(summary).toMatchObject({ failed: 1, unattempted: 1 });
  });

  const seeded = (count: number) => {
    const played = play();
    const ids = Array.from({ length: count }, (_, index) => `msgbatch_${index + 1}`);
    for (const one of ids) played.sandbox.seed({ id: one, created_at: daysAgo(9) });
    return { ...played, plan: planOf(ids) };
  };

  test("runs the plan to its end, once, and gives the summary", async () => {
    const { client, plan, deletes } = seeded(5);
    const run = applyPurge(client, plan);
    const [one, other] = await Promise.all([run, run]);
    expect(one).toMatchObject({ planned: 5, deleted: 5, hasMore: false });
    expect(other).toBe(one);
    expect(deletes()).toHaveLength(5);
  });

  test("gives the summary after an iteration, and after one that ended early", async () => {
    const whole = seeded(5);
    const run = applyPurge(whole.client, whole.plan);
    let outcomes = 0;
    for await (const { outcome } of run) outcomes += outcome === "deleted" ? 1 : 0;
    expect(await run).toMatchObject({ planned: 5, deleted: outcomes, unattempted: 0 });

    const part = seeded(50);
    const cut = applyPurge(part.client, part.plan, { concurrency: 2 });
    for await (const _ of cut) break;
    const summary = await cut;
    expect(summary.planned).toBe(50);
    expect(summary.deleted).toBe(50 - part.sandbox.size);
    expect(summary.unattempted).toBe(part.sandbox.size);
    expect(summary.hasMore).toBe(true);
  });

  test("rejects with what the iteration threw, and where the run never began", async () => {
    const { client } = seeded(1);
    const wrong = { ...planOf([id]), version: 2 } as never;
    expect(await rejection(Promise.resolve(applyPurge(client, wrong))))
      .toMatchObject({ code: "ERR_PURGE_REFUSED" });
    const run = applyPurge(client, wrong);
    await rejection(run.next());
    expect(await rejection(Promise.resolve(run))).toMatchObject({ code: "ERR_PURGE_REFUSED" });
    const unused = applyPurge(client, planOf([id]));
    await unused.return(undefined as never);
    expect(String(await rejection(Promise.resolve(unused)))).toContain("it never began");
  });
});
