import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  APIConnectionError,
  APIError,
  cancelAndDeleteMessageBatch,
  type Client,
  NotFoundError,
  type Steps,
  WaitTimeoutError,
} from "../../mod.ts";
import { createMemoryAuditTrail } from "../fixtures/memory-audit-trail.ts";
import { createSandbox, type SandboxOptions } from "../../src/sandbox/mod.ts";
import { deletionsAsked } from "../fixtures/deletions-asked.ts";
import {
  Crash,
  createDurableSteps,
  createStepStore,
  createVirtualTime,
} from "../fixtures/durable-steps.ts";
import { BATCHES, call } from "../fixtures/sandbox/call.ts";
import { apiKey, rejection } from "../fixtures/stub.ts";

type Status = "in_progress" | "canceling" | "ended";

/** A sandbox in virtual time, with one batch in it that is canceling for ten seconds. */
function setUp(status: Status = "in_progress", options: SandboxOptions = {}) {
  const time = createVirtualTime();
  const sandbox = createSandbox({ now: time.clock.now, processingTime: 3_600_000, ...options });
  const { id } = sandbox.seed({ processing_status: status });
  // What happens elsewhere when a request has been answered.
  let then: ((method: string) => unknown) | undefined;
  const client: Client = {
    apiKey,
    clock: time.clock,
    maxRetries: 0,
    fetch: async (url, init) => {
      const response = await sandbox.fetch(url, init);
      await then?.(init.method ?? "GET");
      return response;
    },
  };
  const path = `${BATCHES}/${id}`;
  const methods = (method: string) => sandbox.requests.filter((one) => one.method === method);
  return {
    ...time,
    sandbox,
    id,
    client,
    count: () => ({ cancels: methods("POST").length, deletes: methods("DELETE").length }),
    /** Lets something happen once after the first request of a method. */
    after(method: string, happens: () => unknown) {
      then = async (seen) => {
        if (seen !== method) return;
        then = undefined;
        await happens();
      };
    },
    deleteElsewhere: () => call(sandbox, "DELETE", path),
    cancelElsewhere: () => call(sandbox, "POST", `${path}/cancel`),
  };
}

const enough = { operation: "do", subject: "this", why: "enough" };

describe("cancelAndDeleteMessageBatch() deletes", () => {
  test("a batch in progress: one cancel, looks until it has ended, one deletion", async () => {
    const { client, id, sandbox, count, sleeps } = setUp();
    expect(await cancelAndDeleteMessageBatch(client, id)).toEqual({
      id,
      type: "message_batch_deleted",
      evidence: "receipt",
      requestId: sandbox.requests.at(-1)?.requestId,
      attempts: 1,
      workspaceId: "wrkspc_011CZkZaBF1tNoB5wlCeusgy",
      canceled: true,
    });
    expect(sandbox.requests.map(({ method }) => method).join(" ")).toBe(
      "GET POST GET GET GET GET GET DELETE",
    );
    expect(sleeps).toEqual([1_000, 1_500, 2_250, 3_375, 1_000 * 1.5 ** 4]);
    expect(count()).toEqual({ cancels: 1, deletes: 1 });
    expect(sandbox.size).toBe(0);
  });

  test("a batch that ends as it is canceled without another look", async () => {
    const { client, id, sandbox } = setUp("in_progress", { cancelingTime: 0 });
    await cancelAndDeleteMessageBatch(client, id);
    expect(sandbox.requests.map(({ method }) => method)).toEqual(["GET", "POST", "DELETE"]);
  });

  for (const status of ["canceling", "ended"] as const) {
    test(`a batch that is ${status} without a cancel`, async () => {
      const { client, id, count, sandbox } = setUp(status);
      expect(await cancelAndDeleteMessageBatch(client, id)).toMatchObject({ evidence: "receipt" });
      expect(count()).toEqual({ cancels: 0, deletes: 1 });
      expect(sandbox.size).toBe(0);
    });
  }

  test("a batch that ended between the look and the cancel", async () => {
    const { client, id, count, after, clock, sandbox } = setUp();
    after("GET", () => clock.sleep(3_600_000));
    expect(await cancelAndDeleteMessageBatch(client, id)).toMatchObject({ evidence: "receipt" });
    expect(sandbox.requests[1]).toMatchObject({ method: "POST", status: 400 });
    expect(count()).toEqual({ cancels: 1, deletes: 1 });
  });

  for (const status of [400, 409, 422]) {
    test(`a batch that somebody else canceled, where the cancel is refused by ${status}`, async () => {
      const { client, id, count, after, cancelElsewhere, sandbox } = setUp();
      after("GET", cancelElsewhere);
      sandbox.fail({ method: "POST", path: /cancel/, headers: { "x-theirs": "1" } });
      sandbox.fail({ method: "POST", status });
      expect(await cancelAndDeleteMessageBatch(client, id)).toMatchObject({ evidence: "receipt" });
      expect(count()).toEqual({ cancels: 2, deletes: 1 }); // one of them was not ours
    });
  }

  test("a batch whose cancel was done, but not answered, without a second one", async () => {
    const { client, id, count, sandbox } = setUp();
    sandbox.fail({ method: "POST", connection: "lost_after" });
    expect(await cancelAndDeleteMessageBatch(client, id)).toMatchObject({ evidence: "receipt" });
    expect(count()).toEqual({ cancels: 1, deletes: 1 });
  });

  test("a batch whose cancel did not arrive, was limited or failed, by another one", async () => {
    for (
      const fault of [{ connection: "lost_before" }, { status: 429 }, { status: 503 }, {
        status: 404,
      }] as const
    ) {
      const { client, id, count, sandbox } = setUp();
      sandbox.fail({ method: "POST", ...fault });
      expect(await cancelAndDeleteMessageBatch(client, id)).toMatchObject({ evidence: "receipt" });
      expect(count()).toEqual({ cancels: 2, deletes: 1 });
    }
  });

  test("a batch that the first looks do not find, and cancels it then", async () => {
    const { client, id, count, sandbox, started } = setUp();
    sandbox.fail({ method: "GET", status: 404, times: 2 });
    expect(await cancelAndDeleteMessageBatch(client, id)).toMatchObject({ evidence: "receipt" });
    expect(count()).toEqual({ cancels: 1, deletes: 1 });
    expect(sandbox.now() - started).toBeLessThan(60_000);
  });

  test("a batch that neither a cancel nor two looks after it find", async () => {
    const { client, id, count, after, sandbox } = setUp();
    sandbox.fail({ method: "POST", status: 404 });
    after("POST", () => sandbox.fail({ method: "GET", status: 404, times: 2 }));
    expect(await cancelAndDeleteMessageBatch(client, id)).toMatchObject({ evidence: "receipt" });
    expect(count()).toEqual({ cancels: 2, deletes: 1 });
  });

  test("a batch whose status is not known here, after a cancel", async () => {
    const { client, id, count, sandbox } = setUp();
    const body = { ...sandbox.batch(id), processing_status: "queued" };
    sandbox.fail({ method: "GET", status: 200, body });
    expect(await cancelAndDeleteMessageBatch(client, id)).toMatchObject({ evidence: "receipt" });
    expect(count()).toEqual({ cancels: 1, deletes: 1 });
  });

  test("a batch in progress that is shown late, without a second cancel", async () => {
    const { client, id, count, sandbox } = setUp();
    const stale = { ...sandbox.batch(id) };
    sandbox.fail({ method: "GET", headers: { "x-fine": "1" } });
    sandbox.fail({ method: "GET", status: 200, body: stale, times: 2 });
    expect(await cancelAndDeleteMessageBatch(client, id)).toMatchObject({ evidence: "receipt" });
    expect(count()).toEqual({ cancels: 1, deletes: 1 });
  });

  test("with absent_after_retry where the answer to the deletion was lost", async () => {
    const { client, id, sandbox } = setUp();
    sandbox.fail({ method: "DELETE", connection: "lost_after" });
    const deletion = await cancelAndDeleteMessageBatch({ ...client, maxRetries: 2 }, id);
    expect(deletion.evidence).toBe("absent_after_retry");
  });
});

describe("cancelAndDeleteMessageBatch() finds a batch missing", () => {
  const moments: Record<string, (world: ReturnType<typeof setUp>) => unknown> = {
    "before it came": ({ deleteElsewhere, clock }) =>
      clock.sleep(3_600_000).then(() => deleteElsewhere()),
    "between the look and the cancel": ({ after, clock, deleteElsewhere }) =>
      after("GET", () => clock.sleep(3_600_000).then(() => deleteElsewhere())),
    "during the wait": ({ after, clock, deleteElsewhere }) =>
      after("POST", () => clock.sleep(10_000).then(() => deleteElsewhere())),
  };
  for (const [moment, prepare] of Object.entries(moments)) {
    test(`that was deleted by somebody else ${moment}`, async () => {
      for (const allowMissing of [false, true]) {
        for (const durable of [false, true]) {
          const world = setUp();
          await prepare(world);
          const steps = durable ? createDurableSteps(createStepStore(), world.clock) : undefined;
          const auditTrail = createMemoryAuditTrail();
          const client = { ...world.client, auditTrail };
          const call = cancelAndDeleteMessageBatch(client, world.id, { allowMissing, steps });
          if (allowMissing) {
            expect(await call).toMatchObject({ id: world.id, evidence: "missing" });
            expect(auditTrail.entries.at(-1)).toMatchObject({ outcome: "missing" });
            expect(world.count().deletes).toBe(2);
          } else {
            expect(await rejection(call)).toBeInstanceOf(NotFoundError);
            expect(world.count().deletes).toBe(1);
          }
        }
      }
    });
  }

  test("but not that may be gone by its own deletion, since the last look found it", async () => {
    for (const allowMissing of [false, true]) {
      const { client, id, after, deleteElsewhere } = setUp("ended");
      after("GET", deleteElsewhere);
      const call = cancelAndDeleteMessageBatch(client, id, { allowMissing });
      expect(await call).toMatchObject({ evidence: "absent_after_retry", attempts: 1 });
    }
  });

  test("as absent_after_retry where an earlier call is said to be unknown", async () => {
    const { client, sandbox } = setUp();
    const call = cancelAndDeleteMessageBatch(client, "msgbatch_gone", {
      mayBeDeletedAlready: true,
    });
    expect(await call).toMatchObject({ evidence: "absent_after_retry" });
    expect(sandbox.size).toBe(1);
  });
});

describe("cancelAndDeleteMessageBatch() deletes nothing", () => {
  test("at the timeout, and says that the cancellation was requested", async () => {
    const { client, id, count, sandbox, started } = setUp("in_progress", { cancelingTime: 7e7 });
    const error = await rejection(
      cancelAndDeleteMessageBatch(client, id, { waitTimeout: 600_000, allowMissing: true }),
    );
    expect(error).toBeInstanceOf(WaitTimeoutError);
    expect(error).toMatchObject({
      lastStatus: "canceling",
      message: `Cannot delete message batch "${id}": it is still canceling after 600000 ms; ` +
        "its cancellation was requested, and nothing was deleted",
    });
    expect(count()).toEqual({ cancels: 1, deletes: 0 });
    expect(sandbox.now() - started).toBe(600_000);
    expect(sandbox.batch(id)?.processing_status).toBe("canceling");
  });

  test("at the timeout, and says that the cancellation was requested by somebody else", async () => {
    const { client, id, count } = setUp("canceling");
    const error = await rejection(cancelAndDeleteMessageBatch(client, id, { waitTimeout: 500 }));
    expect(String(error)).toContain("its cancellation was requested, and nothing was deleted");
    expect(count()).toEqual({ cancels: 0, deletes: 0 });
  });

  test("at the timeout, where the cancel came at the last look", async () => {
    const { client, id, count, sandbox } = setUp();
    sandbox.fail({ method: "GET", status: 503 });
    const error = await rejection(cancelAndDeleteMessageBatch(client, id, { waitTimeout: 500 }));
    expect(error).toMatchObject({ code: "ERR_WAIT_TIMEOUT", lastStatus: "canceling" });
    expect(count()).toEqual({ cancels: 1, deletes: 0 });
  });

  test("at the timeout, and knows of a cancellation from before its process died", async () => {
    const { client, id, sandbox, clock } = setUp();
    sandbox.fail({ method: "POST", connection: "lost_before" });
    const store = createStepStore();
    const run = (steps: Steps) =>
      rejection(cancelAndDeleteMessageBatch(client, id, { waitTimeout: 500, steps }));
    // Turns are: start, look, cancel, wait.
    const dying = createDurableSteps(store, clock, { turn: 3, when: "before" });
    expect(await run(dying)).toBeInstanceOf(Crash);
    sandbox.fail({ method: "GET", status: 503, times: 9 });
    const error = await run(createDurableSteps(store, clock));
    expect(error).toMatchObject({ code: "ERR_WAIT_TIMEOUT", canceled: "unknown" });
  });

  test("at the timeout, and says what it knows of the cancellation", async () => {
    const cases = [
      [{ connection: "lost_before" }, "may have been requested, and nothing was deleted"],
      [{ status: 429 }, "it is still in_progress after 500 ms; nothing was deleted"],
    ] as const;
    for (const [fault, said] of cases) {
      const { client, id, count, sandbox } = setUp();
      sandbox.fail({ method: "POST", times: 2, ...fault });
      const error = await rejection(cancelAndDeleteMessageBatch(client, id, { waitTimeout: 500 }));
      expect(error).toBeInstanceOf(WaitTimeoutError);
      expect(String(error)).toContain(said);
      expect(count()).toEqual({ cancels: 2, deletes: 0 });
    }
  });

  test("when the cancel is refused and the batch is still in progress", async () => {
    for (const status of [400, 409]) {
      const { client, id, count, sandbox } = setUp();
      sandbox.fail({ method: "POST", status });
      const error = await rejection(cancelAndDeleteMessageBatch(client, id));
      expect(error).toBeInstanceOf(APIError);
      expect(error).toMatchObject({ status });
      expect(String(error)).toContain(`Cannot cancel message batch "${id}"`);
      expect(count()).toEqual({ cancels: 1, deletes: 0 });
    }
  });

  test("when the key may not cancel", async () => {
    const { client, id, count, sandbox } = setUp();
    sandbox.fail({ method: "POST", status: 403 });
    expect(await rejection(cancelAndDeleteMessageBatch(client, id))).toMatchObject({ status: 403 });
    expect(count()).toEqual({ cancels: 1, deletes: 0 });
  });

  test("when ten cancels failed, though the looks did not", async () => {
    const { client, id, count, sandbox } = setUp();
    sandbox.fail({ method: "POST", connection: "lost_before", times: 99 });
    const error = await rejection(cancelAndDeleteMessageBatch(client, id));
    expect(error).toBeInstanceOf(APIConnectionError);
    expect(count()).toEqual({ cancels: 10, deletes: 0 });
  });

  test("when the caller aborts, wherever: it rejects with the reason, untouched", async () => {
    for (const durable of [false, true]) {
      for (const method of ["GET", "POST"]) {
        const { client, id, after, count, clock } = setUp();
        const controller = new AbortController();
        const reason = new APIConnectionError({
          reason: "unknown",
          sent: true,
          ...enough,
          attempts: 1,
          outcomeKnown: true,
        });
        after(method, () => controller.abort(reason));
        const steps = durable ? createDurableSteps(createStepStore(), clock) : undefined;
        const options = { signal: controller.signal, steps };
        expect(await rejection(cancelAndDeleteMessageBatch(client, id, options))).toBe(reason);
        expect(count()).toEqual({ cancels: method === "GET" ? 0 : 1, deletes: 0 });
      }
    }
  });

  test("for an id that cannot be used, and makes no step", async () => {
    const { client, clock, sandbox } = setUp();
    for (const id of ["", "..", "a/b", apiKey]) {
      const steps = createDurableSteps(createStepStore(), clock);
      const call = cancelAndDeleteMessageBatch(client, id, { steps, allowMissing: true });
      expect(await rejection(call)).toBeInstanceOf(TypeError);
      expect([steps.turns.length, sandbox.requests.length]).toEqual([0, 0]);
    }
  });
});

describe("cancelAndDeleteMessageBatch() records", () => {
  test("the abort of a deletion under way before it rejects", async () => {
    const { client, id, after } = setUp("ended");
    const controller = new AbortController();
    const reason = new APIConnectionError({
      reason: "unknown",
      sent: true,
      ...enough,
      attempts: 1,
      outcomeKnown: true,
    });
    const auditTrail = createMemoryAuditTrail();
    after("DELETE", () => controller.abort(reason));
    const call = cancelAndDeleteMessageBatch({ ...client, auditTrail }, id, controller);
    expect(await rejection(call)).toBe(reason);
    expect(auditTrail.entries.map(({ phase }) => phase)).toEqual(["intent", "outcome"]);
  });

  test("nothing on the reason of an abort, which is the caller's, in a step that is run again", async () => {
    const { client, id, after, clock } = setUp("ended");
    const controller = new AbortController();
    const reason = new APIConnectionError({
      reason: "unknown",
      sent: true,
      ...enough,
      attempts: 1,
      outcomeKnown: true,
    });
    after("DELETE", () => controller.abort(reason));
    const steps: Steps = {
      do: (_name, _config, run) => run({ attempt: 2 }),
      sleep: (_name, duration) => clock.sleep(duration),
    };
    const options = { steps, signal: controller.signal };
    expect(await rejection(cancelAndDeleteMessageBatch(client, id, options))).toBe(reason);
    expect(reason.outcomeKnown).toBe(true);
  });

  test("on its error that the trail failed, though the error came through JSON", async () => {
    const { client, id, sandbox, clock } = setUp("ended");
    sandbox.fail({ method: "DELETE", status: 403 });
    const append = ({ phase }: { readonly phase: string }) =>
      phase === "intent" ? Promise.resolve() : Promise.reject(new Error("The disk is full"));
    const steps = createDurableSteps(createStepStore(), clock);
    const call = cancelAndDeleteMessageBatch({ ...client, auditTrail: { append } }, id, { steps });
    expect(await rejection(call)).toMatchObject({
      status: 403,
      outcomeKnown: true,
      auditError: "The disk is full",
    });
  });
});

describe("cancelAndDeleteMessageBatch(), made again after its process died,", () => {
  test("deletes once and cancels once, whichever step it died at", async () => {
    for (const status of ["in_progress", "canceling", "ended"] as const) {
      const whole = setUp(status);
      const steps = createDurableSteps(createStepStore(), whole.clock);
      await cancelAndDeleteMessageBatch(whole.client, whole.id, { steps });
      const { turns } = steps;
      expect(turns.at(-1)).toBe("delete");
      for (const [turn, name] of turns.entries()) {
        for (const when of ["before", "unwritten", "after"] as const) {
          const { client, id, clock, sandbox, count } = setUp(status);
          const auditTrail = createMemoryAuditTrail();
          const recorded = { ...client, auditTrail };
          const store = createStepStore();
          const dying = createDurableSteps(store, clock, { turn, when });
          const call = cancelAndDeleteMessageBatch(recorded, id, { steps: dying });
          expect(await rejection(call)).toBeInstanceOf(Crash);

          const again = createDurableSteps(store, clock);
          const deletion = await cancelAndDeleteMessageBatch(recorded, id, { steps: again });
          const lostAnswer = name === "delete" && when === "unwritten";
          expect(deletion.evidence).toBe(lostAnswer ? "absent_after_retry" : "receipt");
          expect(again.turns).toEqual(turns);
          expect(sandbox.size).toBe(0);
          expect(deletionsAsked(sandbox, 200)).toHaveLength(1);
          expect(auditTrail.entries.at(-1)).toMatchObject({ outcome: "deleted" });
          // A cancel whose answer was not written is asked for again: the API takes it for the same.
          const twice = name.startsWith("cancel") && when === "unwritten" ? 1 : 0;
          expect(count()).toEqual({
            cancels: (status === "in_progress" ? 1 : 0) + twice,
            deletes: lostAnswer ? 2 : 1,
          });
        }
      }
    }
  });

  test("does not say that nothing was done where the deletion is refused the second time", async () => {
    for (const status of ["ended", "in_progress"] as const) {
      const { client, id, clock, sandbox } = setUp("ended");
      const store = createStepStore();
      const dying = createDurableSteps(store, clock, { turn: 2, when: "unwritten" });
      await rejection(cancelAndDeleteMessageBatch(client, id, { steps: dying }));
      expect(sandbox.size).toBe(0);
      // A batch that is shown after all, and has not ended, was not deleted.
      if (status === "in_progress") sandbox.seed({ id, processing_status: status });
      else sandbox.fail({ method: "DELETE", status: 403 });
      const steps = createDurableSteps(store, clock);
      const error = await rejection(cancelAndDeleteMessageBatch(client, id, { steps }));
      const code = status === "ended" ? "ERR_API" : "ERR_NOT_ENDED";
      expect(error).toMatchObject({ code, outcomeKnown: status !== "ended" });
    }
  });

  test("gives the same deletion again after it ended", async () => {
    const { client, id, clock, sandbox } = setUp();
    const store = createStepStore();
    const run = () =>
      cancelAndDeleteMessageBatch(client, id, { steps: createDurableSteps(store, clock) });
    const first = await run();
    const requests = sandbox.requests.length;
    expect(await run()).toEqual(first);
    expect(sandbox.requests).toHaveLength(requests);
  });

  test("gives the same refusal again, of the same class", async () => {
    const { client, id, clock, sandbox } = setUp();
    sandbox.fail({ method: "POST", status: 400 });
    const store = createStepStore();
    const run = () =>
      rejection(
        cancelAndDeleteMessageBatch(client, id, { steps: createDurableSteps(store, clock) }),
      );
    const first = await run();
    const second = await run();
    expect(second).toBeInstanceOf(APIError);
    expect(JSON.stringify(second)).toBe(JSON.stringify(first));
  });
});

describe("cancelAndDeleteMessageBatch(), whatever goes wrong,", () => {
  const fault = fc.record({
    method: fc.constantFrom("GET", "POST", "DELETE"),
    what: fc.constantFrom(
      { connection: "lost_before" } as const,
      { connection: "lost_after" } as const,
      ...[400, 404, 408, 409, 429, 500, 503, 529].map((status) => ({ status })),
      { status: 500, after: true },
      { truncate: true } as const,
    ),
  });

  test("says that a batch was deleted if and only if it is gone or that is unknown", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<Status>("in_progress", "canceling", "ended"),
        fc.array(fault, { maxLength: 8 }),
        fc.option(fc.nat(30), { nil: undefined }),
        fc.constantFrom("before" as const, "unwritten" as const, "after" as const),
        async (status, faults, turn, when) => {
          const { client, id, clock, sandbox } = setUp(status);
          for (const { method, what } of faults) sandbox.fail({ method, ...what });
          const store = createStepStore();
          const run = (steps: ReturnType<typeof createDurableSteps>) =>
            cancelAndDeleteMessageBatch(client, id, { steps }).catch((error: unknown) => error);
          if (turn !== undefined) await run(createDurableSteps(store, clock, { turn, when }));
          const result: unknown = await run(createDurableSteps(store, clock));
          expect(deletionsAsked(sandbox, 200).length).toBeLessThan(2);
          if (result instanceof Error) {
            expect(result).toHaveProperty("code");
            if (sandbox.size === 0) expect(result).toHaveProperty("outcomeKnown", false);
          } else {
            expect(result).toMatchObject({ id, type: "message_batch_deleted" });
            const invented = faults.some(({ method, what }) =>
              method === "DELETE" && "status" in what && what.status === 404
            );
            if (!invented) expect(sandbox.size).toBe(0);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});
