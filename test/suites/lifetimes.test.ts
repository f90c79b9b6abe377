import { describe, expect, test } from "vitest";
import {
  type CallOptions,
  type Client,
  deleteMessageBatch,
  listMessageBatches,
  waitUntilMessageBatchEnded,
} from "../../mod.ts";
import { applyPurge, createPace, planPurge } from "../../src/purge/mod.ts";
import { parseRetentionPolicy, runRetention } from "../../src/retention/mod.ts";
import { batchOf, day, drain, now } from "../fixtures/batches.ts";
import { createMemoryStore } from "../fixtures/memory-sink.ts";
import { apiKey, stub } from "../fixtures/stub.ts";

/** Counts the timers of the runtime that were begun and neither ended nor stopped. */
function countTimers(): Disposable & { open(): number } {
  const { setTimeout, clearTimeout } = globalThis;
  const open = new Set<unknown>();
  globalThis.setTimeout = ((call: () => void, ...rest: unknown[]) => {
    const timer = Reflect.apply(setTimeout, undefined, [() => {
      open.delete(timer);
      call();
    }, ...rest]);
    open.add(timer);
    return timer;
  }) as typeof setTimeout;
  globalThis.clearTimeout = ((timer: undefined) => {
    open.delete(timer);
    clearTimeout(timer);
  }) as typeof clearTimeout;
  return {
    open: () => open.size,
    [Symbol.dispose]: () => void Object.assign(globalThis, { setTimeout, clearTimeout }),
  };
}

/** A signal that counts what listens to it. */
function countListeners(): { readonly signal: AbortSignal; count(): number } {
  const { signal } = new AbortController();
  const listeners = new Set<unknown>();
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (type: string, listener: never) => {
    listeners.add(listener);
    addEventListener.call(signal, type, listener);
  };
  signal.removeEventListener = (type: string, listener: never) => {
    listeners.delete(listener);
    removeEventListener.call(signal, type, listener);
  };
  return { signal, count: () => listeners.size };
}

/** Signals of the runtime that Deno never lets go of. */
function refuseLastingSignals(): Disposable {
  const { any, timeout } = AbortSignal;
  const refuse = () => {
    throw new Error("It would outlive its call in Deno");
  };
  Object.assign(AbortSignal, { any: refuse, timeout: refuse });
  return { [Symbol.dispose]: () => void Object.assign(AbortSignal, { any, timeout }) };
}

const old = { created_at: new Date(now - 40 * day).toISOString(), ended_at: null };
const batches = Array.from({ length: 20 }, (_, number) => {
  const id = `msgbatch_${number}`;
  const results_url = `https://api.anthropic.com/v1/messages/batches/${id}/results`;
  return batchOf(id, { ...old, ended_at: old.created_at, results_url });
});

/** Plays an API that answers every request by a 529 at first. */
function busyApi(): Client {
  const refused = new Set<string>();
  return stub([], {
    pace: createPace(),
    fetch: (url, { method }) => {
      const request = `${method} ${url}`;
      if (!refused.delete(request)) {
        refused.add(request);
        return Promise.resolve(new Response("", { status: 529 }));
      }
      const { pathname } = new URL(url);
      const id = pathname.split("/")[4] ?? "";
      const line = JSON.stringify({ custom_id: "a", result: { type: "succeeded" } });
      return Promise.resolve(
        pathname.endsWith("/results")
          ? new Response(`${line}\n`)
          : method === "DELETE"
          ? Response.json({ id, type: "message_batch_deleted" })
          : Response.json(
            batches.find((batch) => batch.id === id) ?? { data: batches, has_more: false },
          ),
      );
    },
  }).client;
}

const month = parseRetentionPolicy({
  version: 1,
  rules: [{ type: "delete_after", days: 30, since: "ended" }],
  holds: [],
});

const uses: Record<string, (client: Client, options: CallOptions) => Promise<unknown>> = {
  deleteMessageBatch: (client, options) => deleteMessageBatch(client, "msgbatch_1", options),
  waitUntilMessageBatchEnded: (client, options) =>
    waitUntilMessageBatchEnded(client, "msgbatch_1", options),
  listMessageBatches: async (client, options) => {
    for await (const { id } of listMessageBatches(client, options)) {
      expect(id).toMatch(/^msgbatch_/);
    }
  },
  "applyPurge with results": async (client, { signal }) => {
    const plan = await planPurge(client, { filter: "*", signal });
    const { summary } = await drain(
      applyPurge(client, plan, { signal, exportTo: createMemoryStore() }),
    );
    expect(summary.deleted).toBe(batches.length);
  },
  runRetention: async (client, { signal }) => {
    const { deleted } = await runRetention(client, month, { signal });
    expect(deleted).toBe(batches.length);
  },
};

describe("no listener and no timer outlives its call:", () => {
  test.each(Object.entries(uses))("%s", async (_, use) => {
    using _signals = refuseLastingSignals();
    using timers = countTimers();
    const { signal, count } = countListeners();
    const client = { ...busyApi(), apiKey };
    for (let calls = 0; calls < 5; calls += 1) {
      await use(client, { signal });
      expect([count(), timers.open()]).toEqual([0, 0]);
    }
  });
});
