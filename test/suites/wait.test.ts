import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  APIConnectionError,
  APIError,
  type Client,
  InvalidResponseError,
  type MessageBatch,
  NotFoundError,
  WaitTimeoutError,
  waitUntilMessageBatchEnded,
} from "../../mod.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import {
  createDurableSteps,
  createStepStore,
  createVirtualTime,
} from "../fixtures/durable-steps.ts";
import { apiKey, lost, refusal, rejection, stub, type StubAnswer } from "../fixtures/stub.ts";

const day = 86_400_000;
const get = "/v1/messages/batches/{message_batch_id}";

/** A sandbox in virtual time, with one batch in it. */
function setUp(processingTime: number, overrides: Partial<Client> = {}) {
  const time = createVirtualTime();
  const sandbox = createSandbox({ now: time.clock.now, processingTime });
  const { id } = sandbox.seed({ processing_status: "in_progress" });
  const client: Client = {
    apiKey,
    fetch: sandbox.fetch,
    clock: time.clock,
    maxRetries: 0,
    ...overrides,
  };
  return { ...time, sandbox, id, client };
}

const enough = { operation: "do", subject: "this", why: "enough" };

describe("waitUntilMessageBatchEnded() resolves", () => {
  test("with a batch that has ended after one look, without a wait", async () => {
    const { client, sandbox, id, sleeps } = setUp(0);
    expect(await waitUntilMessageBatchEnded(client, id)).toEqual(sandbox.batch(id));
    expect(sandbox.requests.map(({ method }) => method)).toEqual(["GET"]);
    expect(sleeps).toEqual([]);
  });

  test("with the steps of an engine after pauses of up to an hour: 45 looks in 24 hours", async () => {
    const { client, id, sandbox, sleeps, clock } = setUp(86_400_000);
    const steps = createDurableSteps(createStepStore(), clock);
    expect((await waitUntilMessageBatchEnded(client, id, { steps })).processing_status).toBe(
      "ended",
    );
    expect(Math.max(...sleeps)).toBe(3_600_000);
    expect(sandbox.requests.length).toBeLessThanOrEqual(45);
  });

  test("after looks at intervals that grow by half, from a second to a minute", async () => {
    const { client, id, sleeps, sandbox } = setUp(300_000);
    const batch = await waitUntilMessageBatchEnded(client, id);
    expect(batch.processing_status).toBe("ended");
    expect(sleeps.slice(0, 4)).toEqual([1_000, 1_500, 2_250, 3_375]);
    expect(sleeps.slice(10)).toEqual([1_000 * 1.5 ** 10, 60_000, 60_000, 60_000]);
    expect(sandbox.requests).toHaveLength(sleeps.length + 1);
  });

  test("with a batch that needs all of the API's 24 hours, by default, and no longer", async () => {
    for (const ends of [true, false]) {
      const { client, id, sandbox, clock } = setUp(day);
      // Every sleep is too long, as on a computer that was asleep: so that it takes few turns.
      const sleep = (duration: number) => clock.sleep(duration + 3_600_000);
      if (!ends) sandbox.fail({ status: 200, body: { ...sandbox.batch(id) }, times: 99 });
      const call = waitUntilMessageBatchEnded({ ...client, clock: { ...clock, sleep } }, id);
      if (ends) expect(await call).toMatchObject({ processing_status: "ended" });
      else expect(String(await rejection(call))).toMatch(/ after 86400000 ms$/);
      expect(sandbox.requests).toHaveLength(25);
    }
  });

  test("with a batch that ends at the last moment of the timeout", async () => {
    const { client, id } = setUp(10_000);
    const batch = await waitUntilMessageBatchEnded(client, id, { waitTimeout: 10_000 });
    expect(batch.processing_status).toBe("ended");
  });

  for (
    const fault of [
      { status: 404, times: 2 },
      { status: 408, times: 9 },
      { status: 429, times: 9 },
      { status: 529, times: 9 },
      { connection: "lost_before", times: 9 },
      { truncate: true, status: 500, times: 9 },
    ] as const
  ) {
    test(`though ${JSON.stringify(fault)} comes between`, async () => {
      const { client, id, sandbox } = setUp(1_000);
      sandbox.fail(fault);
      expect((await waitUntilMessageBatchEnded(client, id)).processing_status).toBe("ended");
      expect(sandbox.requests.length).toBe(fault.times + 1);
    });
  }

  test("when 404s and failures are broken by a look that finds the batch", async () => {
    const { client, id, sandbox } = setUp(600_000);
    const faults = [
      404,
      404,
      200,
      404,
      404,
      200,
      ...Array(9).fill(500),
      200,
      ...Array(9).fill(500),
    ];
    for (const status of faults) {
      sandbox.fail(status === 200 ? { headers: { "x-fine": "1" } } : { status });
    }
    expect((await waitUntilMessageBatchEnded(client, id)).processing_status).toBe("ended");
  });

  test("after a wait as long as the API asks for, within the timeout", async () => {
    const { client, id, sandbox, sleeps } = setUp(100_000);
    sandbox.fail({ status: 404, headers: { "retry-after": "20" } });
    sandbox.fail({ status: 429, headers: { "retry-after": "90" } });
    await waitUntilMessageBatchEnded(client, id);
    expect(sleeps).toEqual([20_000, 90_000]);
    const hurried = setUp(1_000);
    hurried.sandbox.fail({ status: 429, headers: { "retry-after": "90" } });
    await waitUntilMessageBatchEnded(hurried.client, hurried.id, { waitTimeout: 5_000 });
    expect(hurried.sleeps).toEqual([5_000]);
  });

  test("when its process dies at any step and it is made again, with the same turns", async () => {
    const whole = setUp(10_000);
    const steps = createDurableSteps(createStepStore(), whole.clock);
    const batch = await waitUntilMessageBatchEnded(whole.client, whole.id, { steps });
    expect(steps.turns.slice(0, 4)).toEqual(["start", "look 1", "wait 1", "look 2"]);
    for (let turn = 0; turn < steps.turns.length; turn += 1) {
      for (const when of ["before", "unwritten", "after"] as const) {
        const { client, id, clock } = setUp(10_000);
        const store = createStepStore();
        const first = createDurableSteps(store, clock, { turn, when });
        await rejection(waitUntilMessageBatchEnded(client, id, { steps: first }));
        const second = createDurableSteps(store, clock);
        const again = await waitUntilMessageBatchEnded(client, id, { steps: second });
        expect({ ...again, id: "" }).toEqual({
          ...batch,
          id: "",
          results_url: again.results_url,
        });
        expect(second.turns).toEqual(steps.turns);
      }
    }
  });

  test("when the key fails for a moment, and an engine repeats the step", async () => {
    let asked = 0;
    const flaky = () => {
      asked += 1;
      if (asked < 4) throw new Error("The vault is sealed");
      return apiKey;
    };
    const { client, id, clock } = setUp(0, { apiKey: flaky });
    const steps = createDurableSteps(createStepStore(), clock);
    expect(await waitUntilMessageBatchEnded(client, id, { steps })).toMatchObject({ id });
  });
});

describe("waitUntilMessageBatchEnded() rejects", () => {
  test("at the timeout, exactly, with the last status", async () => {
    const { client, id, sandbox, started, sleeps } = setUp(day);
    const error = await rejection(waitUntilMessageBatchEnded(client, id, { waitTimeout: 10_000 }));
    expect(error).toBeInstanceOf(WaitTimeoutError);
    expect(error).toMatchObject({
      code: "ERR_WAIT_TIMEOUT",
      name: "WaitTimeoutError",
      lastStatus: "in_progress",
      message: `Cannot wait any longer for message batch "${id}": it is still in_progress after ` +
        "10000 ms",
      canceled: false,
    });
    expect(sandbox.now() - started).toBe(10_000);
    expect(sandbox.requests.at(-1)?.time).toBe(started + 10_000);
    expect(sleeps).toEqual([1_000, 1_500, 2_250, 3_375, 1_875]);
  });

  test("at the timeout without a status where no look saw the batch", async () => {
    const { client, id, sandbox } = setUp(0);
    sandbox.fail({ status: 404, times: 2 });
    const error = await rejection(waitUntilMessageBatchEnded(client, id, { waitTimeout: 500 }));
    expect(error).toBeInstanceOf(WaitTimeoutError);
    expect(String(error)).toMatch(/: its status is not known after 500 ms$/);
    expect(error).toHaveProperty("lastStatus", undefined);
  });

  test("at the timeout without a text of the server", async () => {
    const { client, id, sandbox } = setUp(day);
    const body = { ...sandbox.batch(id), processing_status: `${apiKey}\n${"x".repeat(1e5)}` };
    sandbox.fail({ status: 200, body, times: 99 });
    const error = await rejection(waitUntilMessageBatchEnded(client, id, { waitTimeout: 500 }));
    expect(error).toBeInstanceOf(WaitTimeoutError);
    expect(error).toHaveProperty("lastStatus", undefined);
    expect(JSON.stringify(error)).not.toContain(apiKey);
  });

  test("with the timeout counted from before its process died", async () => {
    const { client, id, clock, sandbox, started } = setUp(day);
    const store = createStepStore();
    const first = createDurableSteps(store, clock, { turn: 4, when: "before" });
    const options = { waitTimeout: 10_000 };
    await rejection(waitUntilMessageBatchEnded(client, id, { ...options, steps: first }));
    await clock.sleep(60_000);
    const steps = createDurableSteps(store, clock);
    const error = await rejection(waitUntilMessageBatchEnded(client, id, { ...options, steps }));
    expect(error).toBeInstanceOf(WaitTimeoutError);
    expect(sandbox.requests.filter(({ time }) => time >= started + 60_000)).toHaveLength(1);
  });

  test("as not found after three looks that found nothing, failures between them or not", async () => {
    const gone = refusal(404, "not_found_error");
    for (const answers of [[gone], [gone, lost, gone, refusal(500, "api_error"), gone]]) {
      const { client, seen } = stub(answers, { maxRetries: 0 });
      const error = await rejection(waitUntilMessageBatchEnded(client, "msgbatch_1"));
      expect(error).toBeInstanceOf(NotFoundError);
      expect(seen).toHaveLength(Math.max(3, answers.length));
    }
  });

  test("after ten looks that failed", async () => {
    const { client, seen } = stub([lost], { maxRetries: 0 });
    const error = await rejection(waitUntilMessageBatchEnded(client, "msgbatch_1"));
    expect(error).toBeInstanceOf(APIConnectionError);
    expect(error).toMatchObject({ attempts: 1, outcomeKnown: true });
    expect(seen).toHaveLength(10);
  });

  const spent = () =>
    Response.json({
      type: "error",
      error: {
        type: "rate_limit_error",
        message: "x",
        details: { error_code: "enforced_spend_limit_reached" },
      },
    }, { status: 429 });
  const final: [string, StubAnswer, new (...args: never[]) => Error][] = [
    ["401", refusal(401, "authentication_error"), APIError],
    ["403", refusal(403, "permission_error"), APIError],
    ["a 404 that is not the API's", () => new Response("<html>", { status: 404 }), APIError],
    ["a limit that is spent", spent, APIError],
    ["an answer that is no batch", () => Response.json({}), InvalidResponseError],
  ];
  for (const [name, answer, type] of final) {
    test(`${name} at once, through durable steps as without`, async () => {
      for (const durable of [false, true]) {
        const { client, seen, clock } = stub([answer], { maxRetries: 0 });
        const steps = durable ? createDurableSteps(createStepStore(), clock) : undefined;
        const error = await rejection(waitUntilMessageBatchEnded(client, "msgbatch_1", { steps }));
        expect(error).toBeInstanceOf(type);
        expect(seen).toHaveLength(1);
      }
    });
  }

  test("with an error that is the same whether it came through JSON or not", async () => {
    for (const [, answer] of final) {
      const errors = await Promise.all([false, true].map((durable) => {
        const { client, clock } = stub([answer], { maxRetries: 0 });
        const steps = durable ? createDurableSteps(createStepStore(), clock) : undefined;
        return rejection(waitUntilMessageBatchEnded(client, "msgbatch_1", { steps }));
      }));
      expect(JSON.stringify(errors[1])).toBe(JSON.stringify(errors[0]));
    }
  });

  test("with the caller's reason, untouched, when it is aborted in a wait", async () => {
    for (const durable of [false, true]) {
      // An error of this library is a reason as any other.
      const reason = new APIConnectionError({
        reason: "unknown",
        sent: true,
        ...enough,
        attempts: 1,
        outcomeKnown: true,
      });
      const controller = new AbortController();
      const { client, id, sandbox, clock } = setUp(day);
      const never = () => {
        controller.abort(reason);
        return new Promise<void>(() => {});
      };
      const slow = {
        ...clock,
        sleep: (_: number, signal?: AbortSignal) =>
          new Promise<void>((_, reject) => {
            expect(signal).toBe(controller.signal); // so that no timer is left
            signal?.addEventListener("abort", () => reject(signal.reason));
            controller.abort(reason);
          }),
      };
      const steps = durable
        ? createDurableSteps(createStepStore(), { ...clock, sleep: never })
        : undefined;
      const options = { signal: controller.signal, steps };
      const call = waitUntilMessageBatchEnded({ ...client, clock: slow }, id, options);
      expect(await rejection(call)).toBe(reason);
      expect(sandbox.requests).toHaveLength(1);
    }
  });

  test("with the caller's reason, untouched, when it is aborted before or in a look", async () => {
    for (const durable of [false, true]) {
      const reason = new APIError({ ...enough, status: 401, attempts: 1, outcomeKnown: true });
      const controller = new AbortController();
      const { client, seen, clock } = stub([() => {
        controller.abort(reason);
        return new Promise(() => {});
      }]);
      const { signal } = controller;
      const create = () => createDurableSteps(createStepStore(), clock);
      const steps = durable ? create() : undefined;
      const during = waitUntilMessageBatchEnded(client, "msgbatch_1", { signal, steps });
      expect(await rejection(during)).toBe(reason);
      const late = create();
      const early = waitUntilMessageBatchEnded(client, "msgbatch_1", { signal, steps: late });
      expect(await rejection(early)).toBe(reason);
      expect(late.turns).toEqual([]);
      expect(seen).toHaveLength(1);
    }
  });

  const wrong: [string, string, object][] = [
    ["an id that is empty", "", {}],
    ["an id that is no path segment", "..", {}],
    ["a timeout of 0", "msgbatch_1", { waitTimeout: 0 }],
    ["a timeout below 0", "msgbatch_1", { waitTimeout: -1 }],
    ["a timeout that is no number", "msgbatch_1", { waitTimeout: NaN }],
    ["a timeout that is text", "msgbatch_1", { waitTimeout: "1" }],
    ["a beta with a line break", "msgbatch_1", { betas: ["a\nb"] }],
  ];
  for (const [name, id, options] of wrong) {
    test(`${name} before any step`, async () => {
      const { client, seen, clock } = stub([lost]);
      const steps = createDurableSteps(createStepStore(), clock);
      const call = waitUntilMessageBatchEnded(client, id, { ...options, steps });
      const error = await rejection(call);
      expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
      expect([seen.length, steps.turns.length]).toEqual([0, 0]);
    });
  }
});

describe("waitUntilMessageBatchEnded()", () => {
  /** What a look can find, and the answer to it. */
  const batch = (processing_status: string): StubAnswer => () => {
    const sandbox = createSandbox();
    return Response.json({ ...sandbox.seed({ id: "msgbatch_1" }), processing_status });
  };
  const answers = {
    in_progress: batch("in_progress"),
    canceling: batch("canceling"),
    ended: batch("ended"),
    missing: refusal(404, "not_found_error"),
    failed: refusal(500, "api_error"),
    lost,
    refused: refusal(401, "authentication_error"),
  };
  type Seen = keyof typeof answers;
  const often: Seen[] = ["in_progress", "canceling", "missing", "failed", "lost"];
  const looks = fc.array(
    fc.oneof(
      { weight: 15, arbitrary: fc.constantFrom(...often) },
      { weight: 1, arbitrary: fc.constantFrom<Seen>("ended", "refused") },
    ),
    { minLength: 1, maxLength: 40 },
  );

  /** What the rules make of a sequence: at which look it is over, and how. */
  function expected(sequence: readonly Seen[]): [looks: number, end: string] {
    let [misses, failures] = [0, 0];
    for (const [index, seen] of sequence.entries()) {
      if (seen === "ended") return [index + 1, "ended"];
      if (seen === "refused") return [index + 1, "ERR_API"];
      if (seen === "in_progress" || seen === "canceling") [misses, failures] = [0, 0];
      else if (seen === "missing") misses += 1;
      else failures += 1;
      if (misses === 3) return [index + 1, "ERR_NOT_FOUND"];
      if (failures === 10) return [index + 1, seen === "lost" ? "ERR_CONNECTION" : "ERR_API"];
    }
    return [sequence.length + 1, "ended"];
  }

  test("ends as its rules say, whatever the looks find and wherever it dies", async () => {
    await fc.assert(
      fc.asyncProperty(looks, fc.nat(90), fc.boolean(), async (sequence, turn, dies) => {
        const all = [...sequence.map((seen) => answers[seen]), answers.ended];
        const { client, seen } = stub(all, { maxRetries: 0 });
        const { clock } = createVirtualTime();
        const store = createStepStore();
        const run = (steps: ReturnType<typeof createDurableSteps>) =>
          waitUntilMessageBatchEnded({ ...client, clock }, "msgbatch_1", { steps })
            .then((batch: MessageBatch) => batch.processing_status)
            .catch((error: unknown) => Object(error).code ?? error);
        if (dies) await run(createDurableSteps(store, clock, { turn, when: "after" }));
        const end = await run(createDurableSteps(store, clock));
        expect([seen.length, end]).toEqual(expected(sequence));
      }),
      { numRuns: 150 },
    );
  });

  test("is never late, nor early, at its timeout", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 300_000 }), async (waitTimeout) => {
        const { client, id, sandbox, started } = setUp(day);
        sandbox.fail({ path: get, status: 503, probability: 0.1 });
        const error = await rejection(waitUntilMessageBatchEnded(client, id, { waitTimeout }));
        expect(error).toBeInstanceOf(WaitTimeoutError);
        expect(sandbox.now() - started).toBe(waitTimeout);
      }),
      { numRuns: 40 },
    );
  });
});
