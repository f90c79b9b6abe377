import { describe, expect, test } from "vitest";
import type { Client } from "../../mod.ts";
import { createService, type LogRecord } from "../../src/service/mod.ts";
import { timersOf } from "../fixtures/timers.ts";
import { intentOf, outcomeOf } from "../fixtures/audit-entries.ts";
import { daysAgo, now, play } from "../fixtures/batches.ts";
import { deletionsAsked } from "../fixtures/deletions-asked.ts";
import { gatewayTokens, otherToken, token } from "../fixtures/gateway.ts";
import { createMemoryStorage } from "../fixtures/memory-storage.ts";
import { deletion, secret, webhook, withHeaders } from "../fixtures/webhook.ts";

const id = "msgbatch_one";
const minutes = 60_000;

/** Services before one sandbox with one ended batch, with one database: as many isolates. */
async function setUp(overrides: Partial<Client> = {}, more: Record<string, string> = {}) {
  const { sandbox, client } = play({}, overrides);
  sandbox.seed({ id, created_at: daysAgo(3) });
  const storage = createMemoryStorage();
  const log: LogRecord[] = [];
  const environment = { WEBHOOK_SECRETS: secret, GATEWAY_TOKENS: await gatewayTokens(), ...more };
  const create = () =>
    createService({ client, storage, environment, log: (record) => log.push(record) });
  const service = create();
  return { sandbox, storage, log, service, other: create() };
}

type SetUp = Awaited<ReturnType<typeof setUp>>;

const event = () => webhook(deletion(id));

/** A request of an official SDK, by how often it has repeated it, or of curl. */
const call = (repeats?: number, apiKey = token) =>
  new Request(`http://localhost/v1/messages/batches/${id}`, {
    method: "DELETE",
    headers: {
      "x-api-key": apiKey,
      ...(repeats === undefined ? {} : { "x-stainless-retry-count": String(repeats) }),
    },
  });

async function answers(...responses: readonly Promise<Response>[]) {
  return await Promise.all(responses.map(async (one) => {
    const response = await one;
    return { status: response.status, ...await response.json() };
  }));
}

/** The trail of the storage, as one word an entry. */
const words = ({ storage }: SetUp) => storage.written.map(({ phase, outcome }) => outcome ?? phase);

test("a call that joins one that has vanished ends in its own time, and the next deletes", async () => {
  const { service, storage, sandbox } = await setUp();
  const { isHeld } = storage;
  const begun = Promise.withResolvers<void>();
  storage.isHeld = () => {
    begun.resolve();
    return new Promise(() => {});
  };
  let isShort = true;
  using _limits = timersOf(22_500, () => isShort ? 20 : 22_500);
  void service.fetch(call());
  await begun.promise;
  expect(await answers(service.fetch(call())))
    .toMatchObject([{ status: 504, error: { type: "timeout_error" } }]);
  storage.isHeld = isHeld;
  isShort = false;
  expect(await answers(service.fetch(call()))).toMatchObject([{ status: 200 }]);
  expect(deletionsAsked(sandbox)).toEqual([id]);
});

describe("a webhook is 200", () => {
  test("when it is delivered again, with the recorded receipt and without a request", async () => {
    const { service, other, sandbox, storage } = await setUp();
    const [first] = await answers(service.fetch(event()));
    expect(first).toMatchObject({ status: 200, evidence: "receipt", attempts: 1 });
    expect(storage.written.map(({ webhookId }) => webhookId))
      .toEqual(Array(2).fill(event().headers.get("webhook-id")));
    sandbox.clearRequests();
    expect(await answers(service.fetch(event()), other.fetch(event()))).toEqual([first, first]);
    expect(sandbox.requests).toHaveLength(0);
  });

  test("when it is delivered twice at once, with one deletion", async () => {
    const { service, sandbox } = await setUp();
    const [one, two] = await answers(service.fetch(event()), service.fetch(event()));
    expect(one).toMatchObject({ status: 200, evidence: "receipt" });
    expect(two).toEqual(one);
    expect(deletionsAsked(sandbox)).toEqual([id]);
  });

  test("when it is delivered again while the API deletes", async () => {
    let go = () => {};
    let asked = () => {};
    const isAsked = new Promise<void>((resolve) => asked = resolve);
    const goes = new Promise<void>((resolve) => go = resolve);
    const { service, sandbox } = await setUp({
      fetch: async (url, init) => {
        const response = await sandbox.fetch(url, init);
        if (init.method === "DELETE") {
          asked();
          await goes;
        }
        return response;
      },
    });
    const first = service.fetch(event());
    await isAsked;
    const second = service.fetch(event());
    go();
    const [one, two] = await answers(first, second);
    expect(one).toMatchObject({ status: 200, evidence: "receipt" });
    expect(two).toEqual(one);
    expect(deletionsAsked(sandbox)).toEqual([id]);
  });

  test("when it is delivered twice at once to two isolates", async () => {
    const { service, other } = await setUp();
    const both = await answers(service.fetch(event()), other.fetch(event()));
    expect(both.map(({ status }) => status)).toEqual([200, 200]);
    expect(both.map(({ evidence }) => evidence)).toContain("receipt");
  });

  test("after an answer of unknown outcome, as what that came to", async () => {
    const set = await setUp({ maxRetries: 0 });
    set.sandbox.fail({ method: "DELETE", connection: "lost_after" });
    const [first, second, third] = [
      ...await answers(set.service.fetch(event())),
      ...await answers(set.other.fetch(event())),
      ...await answers(set.service.fetch(event())),
    ];
    expect(first).toMatchObject({ status: 502, outcomeKnown: false });
    expect(second).toMatchObject({ status: 200, evidence: "absent_after_retry" });
    expect(third).toEqual(second);
    expect(words(set)).toEqual(["intent", "failed", "intent", "deleted"]);
  });

  test("after a refusal that did nothing, with a receipt", async () => {
    const { service, sandbox } = await setUp({ maxRetries: 0 });
    sandbox.fail({ method: "DELETE", status: 429, headers: { "retry-after": "1" } });
    expect(await answers(service.fetch(event()))).toMatchObject([{ status: 503 }]);
    expect(await answers(service.fetch(event()))).toMatchObject([{
      status: 200,
      evidence: "receipt",
    }]);
  });

  test("for another event about the same batch, with the recorded receipt", async () => {
    const { service, sandbox } = await setUp();
    await service.fetch(call());
    sandbox.clearRequests();
    expect(await answers(service.fetch(event()))).toMatchObject([{
      status: 200,
      evidence: "receipt",
      requestId: expect.any(String),
    }]);
    expect(sandbox.requests).toHaveLength(0);
  });

  test("after a process that was killed, whatever it did", async () => {
    for (const isThere of [true, false]) {
      const { service, sandbox, storage } = await setUp();
      storage.written.push(intentOf(id, { time: new Date(now - minutes).toISOString() }));
      if (!isThere) sandbox.fail({ status: 404, times: 5 });
      expect(await answers(service.fetch(event()))).toMatchObject([{
        status: 200,
        evidence: isThere ? "receipt" : "absent_after_retry",
      }]);
    }
  });

  test("for a batch that is gone, as missing, again without a deletion", async () => {
    const { service, sandbox } = await setUp();
    const gone = () => webhook(deletion("msgbatch_gone"));
    const [first] = await answers(service.fetch(gone()));
    expect(first).toMatchObject({ status: 200, evidence: "missing" });
    sandbox.clearRequests();
    expect(await answers(service.fetch(gone()))).toEqual([first]);
    expect(sandbox.requests).toHaveLength(0);
  });

  test("with the names of Svix", async () => {
    const { service } = await setUp();
    const request = event();
    const names = ["id", "timestamp", "signature"].flatMap((name) => [
      [`svix-${name}`, request.headers.get(`webhook-${name}`) ?? ""],
      [`webhook-${name}`, undefined],
    ]);
    expect((await service.fetch(withHeaders(request, Object.fromEntries(names)))).status).toBe(200);
  });
});

describe("a call of the gateway", () => {
  test("that an SDK repeats has the recorded receipt, without a request", async () => {
    const { service, other, sandbox } = await setUp();
    const [first] = await answers(service.fetch(call(0)));
    sandbox.clearRequests();
    expect(await answers(service.fetch(call(1)), other.fetch(call(2)))).toEqual([first, first]);
    expect(sandbox.requests).toHaveLength(0);
  });

  test.each<[string, (set: SetUp) => Request]>([
    ["that is another call", () => call(0)],
    ["of curl", () => call()],
    ["with another token", () => call(1, otherToken)],
    ["after ten minutes", ({ sandbox }) => {
      sandbox.advance(10 * minutes + 1);
      return call(1);
    }],
  ])("%s is the API's 404 once the batch is gone", async (_, next) => {
    const set = await setUp();
    await set.service.fetch(call(0));
    const response = await set.service.fetch(next(set));
    expect(response.status).toBe(404);
    expect(response.headers.get("request-id")).toEqual(expect.any(String));
  });

  test("has its own recorded receipt, whatever somebody else has found since", async () => {
    const { service, storage } = await setUp();
    const [first] = await answers(service.fetch(call(0)));
    const intent = intentOf(id, { time: new Date(now).toISOString(), actor: "retention" });
    storage.written.push(intent, outcomeOf(intent, { outcome: "missing" }));
    expect(await answers(service.fetch(call(0, otherToken)), service.fetch(call(1))))
      .toMatchObject([{ status: 404 }, first ?? {}]);
  });

  test("that is repeated is doubt if nothing is recorded: three looks settle it", async () => {
    const { service, sandbox } = await setUp({}, { AUDIT: "off" });
    await service.fetch(call(0));
    sandbox.clearRequests();
    expect(await answers(service.fetch(call(1)))).toMatchObject([{ status: 200, id }]);
    expect(sandbox.requests.map(({ method }) => method).join(" ")).toBe("GET DELETE GET GET GET");
    expect(await answers(service.fetch(call(0)))).toMatchObject([{ status: 404 }]);
  });

  test("about a batch that never was is 404, repeated or not", async () => {
    const { service, sandbox } = await setUp();
    sandbox.fail({ status: 404, times: 100 });
    for (const repeats of [0, 1, 2]) {
      expect((await service.fetch(call(repeats))).status).toBe(404);
    }
  });

  test("of unknown outcome is not passed on as repeatable, and told if it is repeated", async () => {
    const set = await setUp({ maxRetries: 1 });
    set.sandbox.fail({ method: "DELETE", connection: "lost_after" });
    set.sandbox.fail({ method: "DELETE", status: 429 });
    const first = await set.service.fetch(call(0));
    expect(first.status).toBe(502);
    expect(first.headers.get("x-should-retry")).toBe("false");
    expect(await first.text()).toContain("an attempt before may have deleted it");
    // A 429 to the repetition leaves the doubt.
    set.sandbox.fail({ method: "DELETE", status: 429 });
    const second = await set.service.fetch(call(1));
    expect([second.status, second.headers.get("x-should-retry")]).toEqual([502, "false"]);
    expect(await answers(set.service.fetch(call(2)))).toEqual([
      { status: 200, id, type: "message_batch_deleted" },
    ]);
  });

  test("is repeated after a 429 where an attempt before may have deleted the batch", async () => {
    const { service, sandbox } = await setUp();
    sandbox.fail({ method: "DELETE", connection: "lost_after" });
    sandbox.fail({ method: "DELETE", status: 429 });
    expect((await service.fetch(call(0))).status).toBe(200);
  });

  test.each([429, 529])("is not repeated after a %i if the caller repeats it", async (status) => {
    const { service, sandbox } = await setUp();
    for (const [repeats, requests] of [[0, 1], [undefined, 3]] as const) {
      sandbox.clearRequests();
      sandbox.fail({ status, times: requests });
      const response = await service.fetch(call(repeats));
      expect([response.status, response.headers.get("x-should-retry")]).toEqual([status, null]);
      expect(sandbox.requests).toHaveLength(requests);
    }
  });
});

describe("a call that takes too long", () => {
  test.each(["GET", "DELETE", "looks"])("is aborted in its %s, and recorded", async (where) => {
    const { sandbox, client } = play({}, {
      fetch: (url, init) =>
        init.method === where || (where === "looks" && deletionsAsked(sandbox, 404).length > 0)
          ? new Promise((_, reject) =>
            init.signal?.addEventListener("abort", () => reject(init.signal?.reason))
          )
          : sandbox.fetch(url, init),
      timeout: 600_000,
    });
    sandbox.seed({ id, created_at: daysAgo(3) });
    if (where === "looks") sandbox.fail({ method: "DELETE", status: 404 });
    const storage = createMemoryStorage();
    const service = createService({
      client,
      storage,
      environment: { GATEWAY_TOKENS: await gatewayTokens(), GRACE_PERIOD: "0.1" },
    });
    const response = await service.fetch(call());
    expect(response.status).toBe(504);
    expect(response.headers.get("x-should-retry")).toBe("false");
    expect(storage.written.map(({ error }) => error?.outcomeKnown))
      .toEqual(where === "GET" ? [] : [undefined, false]);
  });
});
