import { describe, expect, test } from "vitest";
import {
  applyPurge,
  type ApplyPurgeOptions,
  createPace,
  evaluateFilter,
  planPurge,
} from "../../src/purge/mod.ts";
import { verifyAuditTrail } from "../../src/audit/mod.ts";
import {
  type AuditEntry,
  cancelAndDeleteMessageBatch,
  type CancelAndDeleteOptions,
  deleteMessageBatch,
  exportMessageBatchResults,
  retrieveMessageBatch,
  waitUntilMessageBatchEnded,
} from "../../mod.ts";
import type { RetentionPolicy } from "../../src/retention/mod.ts";
import {
  evaluateRetention,
  runRetention,
  type RunRetentionOptions,
} from "../../src/retention/mod.ts";
import { createOperations, createService, createStorage } from "../../src/service/mod.ts";
import { batchOf, daysAgo, drain, now, play } from "../fixtures/batches.ts";
import { createMemorySink, createMemoryStore } from "../fixtures/memory-sink.ts";
import { rejection } from "../fixtures/stub.ts";

/** What came from JavaScript, or out of JSON, where a type was promised. */
const wrong = (options: unknown) => options as never;

const policy: RetentionPolicy = {
  version: 1,
  rules: [{ type: "delete_after", days: 1, since: "ended" }],
  holds: [],
};

const played = () => {
  const { sandbox, ...rest } = play();
  for (let index = 0; index < 3; index += 1) sandbox.seed({ created_at: daysAgo(9) });
  const { id } = sandbox.seed({ processing_status: "in_progress" });
  return { sandbox, id, ...rest };
};

/** No signals: absent is only what is undefined. */
const noSignals: [string, unknown][] = [
  ["null", null],
  ["a text", ""],
  ["an object", {}],
  ["a controller", new AbortController()],
];

/** Options of somebody's own making: none of them is a property of its own. */
const inherited = (options: object) => wrong(Object.create(options));

describe("applyPurge() and runRetention() read inherited options,", () => {
  test("a store for the results, and a signal", async () => {
    const { client, sandbox } = played();
    const plan = await planPurge(client, { filter: "*" });
    const aborted = { signal: AbortSignal.abort() };
    await drain(applyPurge(client, plan, inherited(aborted)));
    await runRetention(client, policy, inherited(aborted));
    expect(sandbox.size).toBe(4);
    const exportTo = createMemoryStore();
    await drain(applyPurge(client, plan, inherited({ exportTo })));
    expect([exportTo.kept.size, sandbox.size]).toEqual([3, 1]);
  });
});

test("evaluateFilter() takes options that inherit from nothing", () => {
  const options = Object.assign(Object.create(null), { holds: ["msgbatch_1"] });
  const decisions = evaluateFilter("*", [batchOf("msgbatch_1")], now, options);
  expect(decisions.get("msgbatch_1")).toMatchObject({ action: "keep", code: "held" });
  expect(evaluateFilter("*", [], now, Object.create(null))).toEqual(new Map());
});

/** Options that nothing could be taken from: a protection in them would be absent, and not missed. */
const noOptions: [string, unknown][] = [
  ["null", null],
  ["a text", "holds"],
  ["a list", ["msgbatch_1"]],
  ["a map", new Map([["holds", ["msgbatch_1"]]])],
  ["a promise", Promise.resolve({ holds: ["msgbatch_1"] })],
  ["a signal", AbortSignal.abort()],
  ["a misspelt member", { hold: ["msgbatch_1"] }],
];

describe.each(noOptions)("options that are %s are refused before the first request", (_, given) => {
  const options = wrong(given);
  const storage = { run: () => Promise.resolve([]) };
  type Call = (given: ReturnType<typeof played>) => unknown;
  test.each<[string, Call]>([
    ["deleteMessageBatch", ({ client, id }) => deleteMessageBatch(client, id, options)],
    ["retrieveMessageBatch", ({ client, id }) => retrieveMessageBatch(client, id, options)],
    ["retrieveMessageBatch, of the client,", ({ id }) => retrieveMessageBatch(options, id)],
    ["planPurge", ({ client }) => planPurge(client, options)],
    ["runRetention", ({ client }) => runRetention(client, policy, options)],
    ["evaluateFilter", () => evaluateFilter("*", [], 0, options)],
    ["evaluateRetention", () => evaluateRetention(policy, [], 0, options)],
    ["createPace", () => createPace(options)],
    ["verifyAuditTrail", () => verifyAuditTrail([], options)],
    ["createStorage", () => createStorage(storage, options)],
    ["createService", () => createService(options)],
    ["createOperations", () => createOperations(options)],
  ])("by %s()", async (_, call) => {
    const stage = played();
    const error = await rejection((async () => await call(stage))());
    expect(error).toMatchObject({
      name: "TypeError",
      message: expect.stringMatching(/^Cannot use /),
    });
    expect(stage.sandbox.requests).toEqual([]);
  });
});

test("the holds of a decision are ids", () => {
  for (const holds of ["msgbatch_1", [null], ["msgbatch_*"], null]) {
    expect(() => evaluateFilter("*", [], 0, wrong({ holds }))).toThrow("Cannot use holds");
    expect(() => evaluateRetention(policy, [], 0, wrong({ holds }))).toThrow("Cannot use holds");
  }
});

describe("applyPurge() refuses before the first request, and reads no history,", () => {
  const refused: [string, unknown, string, string][] = [
    ["no time", { waitTimeout: 0 }, "RangeError", "waitTimeout: it is not above 0"],
    ["less than no time", { waitTimeout: -1 }, "RangeError", "waitTimeout: it is not above 0"],
    [
      "a time that is no number",
      { waitTimeout: NaN },
      "RangeError",
      "waitTimeout: it is not above 0",
    ],
    ["a time of text", { waitTimeout: "30m" }, "TypeError", "waitTimeout: it is not a number"],
    ["a time of null", { waitTimeout: null }, "TypeError", "waitTimeout: it is not a number"],
    ["a store of null", { exportTo: null }, "TypeError", "exportTo: it is not a ResultStore"],
    ["a store of no text", { exportTo: "" }, "TypeError", "exportTo"],
    ["a store of text", { exportTo: "results" }, "TypeError", "exportTo"],
    ["a store that does not open", { exportTo: { open: true } }, "TypeError", "exportTo"],
    ["a store of false", { exportTo: false }, "TypeError", "exportTo"],
    [
      "archived without a store",
      { archived: "keep" },
      "TypeError",
      "archived: there is no exportTo",
    ],
    ["holds of null", { holds: null }, "TypeError", "holds: it is not a list of ids"],
    ["holds of no text", { holds: "" }, "TypeError", "holds"],
    ["holds of an object", { holds: {} }, "TypeError", "holds"],
    ["holds that are false", { holds: false }, "TypeError", "holds"],
    ["a list as options", ["msgbatch_1"], "TypeError", "options: they are not a plain object"],
    ["options of null", null, "TypeError", "options"],
    ["options of text", "msgbatch_1", "TypeError", "options"],
    ...noSignals.map(([what, signal]): [string, unknown, string, string] => [
      `a signal that is ${what}`,
      { signal },
      "TypeError",
      "signal: it is not an AbortSignal",
    ]),
  ];
  test.each(refused)("%s", async (_, options, name, message) => {
    const { client, sandbox } = played();
    const plan = await planPurge(client, { filter: "*", cancelInProgress: true });
    sandbox.clearRequests();
    let read = false;
    const history: Iterable<AuditEntry> = {
      [Symbol.iterator]() {
        read = true;
        return [][Symbol.iterator]();
      },
    };
    const given = options && typeof options === "object" && !Array.isArray(options)
      ? { history, ...options }
      : options;
    const error = await rejection(drain(applyPurge(client, plan, wrong(given))));
    expect(error).toMatchObject({ name, message: expect.stringContaining(`use ${message}`) });
    expect([sandbox.requests, sandbox.size, read]).toEqual([[], 4, false]);
  });

  const histories: [string, unknown][] = [
    ["null", null],
    ["a text", ""],
    ["an object", {}],
    ["false", false],
    ["the lines of a file", ['{"version":1}']],
    ["a list of null", [null]],
  ];
  test.each(histories)("a history that is %s", async (_, history) => {
    const { client, sandbox } = played();
    const plan = await planPurge(client, { filter: "*" });
    sandbox.clearRequests();
    const error = await rejection(drain(applyPurge(client, plan, wrong({ history }))));
    expect(error).toMatchObject({
      name: "TypeError",
      message: expect.stringMatching(/^Cannot use history: /),
    });
    expect([sandbox.requests, sandbox.size]).toEqual([[], 4]);
  });

  test("and takes what may be undefined", async () => {
    const { client, sandbox } = played();
    const plan = await planPurge(client, { filter: "*", cancelInProgress: true });
    const options: Required<{ [Name in keyof ApplyPurgeOptions]: undefined }> = {
      signal: undefined,
      holds: undefined,
      concurrency: undefined,
      waitTimeout: undefined,
      exportTo: undefined,
      history: undefined,
      archived: undefined,
      allowOtherKey: undefined,
    };
    const { summary } = await drain(applyPurge(client, plan, options));
    expect([summary.deleted, sandbox.size]).toEqual([4, 0]);
  });

  test("and takes every kind of list, of history and of store", async () => {
    for (const history of [[], new Set<AuditEntry>(), (async function* () {})()]) {
      const { client, sandbox, id } = played();
      const plan = await planPurge(client, { filter: "*", cancelInProgress: true });
      class Store {
        open = createMemoryStore().open;
      }
      const holds = new Set([id]).values();
      const options = { history, holds, exportTo: new Store(), waitTimeout: Infinity };
      await drain(applyPurge(client, plan, options));
      expect(sandbox.batch(id)).toBeDefined();
      expect(sandbox.size).toBe(1);
    }
  });
});

describe("a signal that is none is refused before the first request", () => {
  const calls: [string, (given: ReturnType<typeof played>, options: never) => Promise<unknown>][] =
    [
      [
        "planPurge",
        ({ client }, options: CancelAndDeleteOptions) =>
          planPurge(client, { filter: "*", ...options }),
      ],
      [
        "planPurge, of a policy,",
        ({ client }, options: CancelAndDeleteOptions) => planPurge(client, { policy, ...options }),
      ],
      [
        "waitUntilMessageBatchEnded",
        ({ client, id }, options) => waitUntilMessageBatchEnded(client, id, options),
      ],
      [
        "cancelAndDeleteMessageBatch",
        ({ client, id }, options) => cancelAndDeleteMessageBatch(client, id, options),
      ],
      [
        "runRetention",
        ({ client }, options: RunRetentionOptions) => runRetention(client, policy, options),
      ],
    ];
  test.each(calls)("by %s()", async (_, call) => {
    for (const [, signal] of noSignals) {
      const given = played();
      const error = await rejection(call(given, wrong({ signal })));
      expect(error).toMatchObject({
        name: "TypeError",
        message: "Cannot use signal: it is not an AbortSignal",
      });
      expect(given.sandbox.requests).toEqual([]);
    }
  });

  test("by exportMessageBatchResults(), and the sink is aborted", async () => {
    for (const [, signal] of noSignals) {
      const { client, sandbox } = play();
      const batch = await retrieveMessageBatch(client, sandbox.seed().id);
      sandbox.clearRequests();
      const { sink, state } = createMemorySink();
      const error = await rejection(
        exportMessageBatchResults(client, batch, sink, wrong({ signal })),
      );
      expect(error).toMatchObject({ message: "Cannot use signal: it is not an AbortSignal" });
      expect([sandbox.requests, state()]).toEqual([[], "aborted"]);
    }
  });
});

describe("cancelAndDeleteMessageBatch() refuses before it cancels", () => {
  const noSteps: [string, unknown][] = [
    ["null", null],
    ["an object", {}],
    ["unable to sleep", { do: (_: string, __: unknown, run: () => unknown) => run() }],
  ];
  test.each(noSteps)("steps that are %s", async (_, steps) => {
    const { client, sandbox, id } = played();
    const error = await rejection(cancelAndDeleteMessageBatch(client, id, wrong({ steps })));
    expect(error).toMatchObject({
      name: "TypeError",
      message: expect.stringMatching(/^Cannot use steps: /),
    });
    expect(sandbox.requests).toEqual([]);
  });
});

describe("runRetention() refuses before the first request", () => {
  const refused: [string, unknown, RegExp][] = [
    ["a share of null", { maxShare: null }, /^Cannot use maxShare: /],
    ["a share of text", { maxShare: "0.5" }, /^Cannot use maxShare: /],
    ["holds of null", { holds: null }, /^Cannot use holds: /],
    ["a hold of null", { holds: [null] }, /^Cannot use holds: /],
    ["open intents of text", { openIntents: "[]" }, /^Cannot use openIntents: /],
    ["a number of requests of null", { requests: null }, /^Cannot use requests: /],
    ["the store of an earlier version", { store: {} }, /^Cannot use option "store": /],
  ];
  test.each(refused)("%s", async (_, options, message) => {
    const { client, sandbox } = played();
    const run = runRetention(client, policy, wrong(options));
    expect(await rejection(run)).toMatchObject({ message: expect.stringMatching(message) });
    expect(sandbox.requests).toEqual([]);
  });
});
