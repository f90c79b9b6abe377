import { describe, expect, test } from "vitest";
import {
  cancelMessageBatch,
  type Client,
  listMessageBatches,
  type MessageBatch,
  retrieveMessageBatch,
} from "../../mod.ts";
import { planPurge } from "../../src/purge/mod.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { batchOf } from "../fixtures/batches.ts";
import { createRemoteSandbox } from "../fixtures/remote-sandbox.ts";
import { apiKey, lost, page, refusal, rejection, stub } from "../fixtures/stub.ts";

function setUp(count: number) {
  const sandbox = createSandbox();
  const ids = Array.from({ length: count }, () => sandbox.seed().id).reverse();
  const { client } = stub([], { fetch: sandbox.fetch });
  return { sandbox, client, ids };
}

async function collect(batches: AsyncIterable<MessageBatch>, most = Infinity) {
  const ids: string[] = [];
  for await (const { id } of batches) {
    ids.push(id);
    if (ids.length >= most) break;
  }
  return ids;
}

describe("listMessageBatches()", () => {
  test("goes on as long as no more pages in a row are old than there were new ones", async () => {
    const [a, b, c] = ["a", "b", "c"].map((id) => [batchOf(id)]);
    const pages = [a, a, b, b, a, c].map((data = [], index) =>
      page(data, { has_more: index < 5, last_id: `cursor_${index}` })
    );
    expect(await collect(listMessageBatches(stub(pages).client))).toEqual(["a", "b", "c"]);
  });

  test("yields every batch once, newest first, over several pages", async () => {
    const { client, ids, sandbox } = setUp(25);
    expect(await collect(listMessageBatches(client, { pageSize: 10 }))).toEqual(ids);
    expect(sandbox.requests.map(({ search }) => search)).toEqual([
      "?limit=10",
      `?limit=10&after_id=${ids[9]}`,
      `?limit=10&after_id=${ids[19]}`,
    ]);
  });

  test("asks for 1000 a page, and for no page it does not need", async () => {
    const { client, ids, sandbox } = setUp(1001);
    expect(await collect(listMessageBatches(client), 1000)).toEqual(ids.slice(0, 1000));
    expect(sandbox.requests.map(({ search }) => search)).toEqual(["?limit=1000"]);
  });

  test("asks for nothing before it is asked, and once for an empty list", async () => {
    const { client, sandbox } = setUp(0);
    const batches = listMessageBatches(client);
    expect(sandbox.requests).toHaveLength(0);
    expect(await collect(batches)).toEqual([]);
    expect(sandbox.requests).toHaveLength(1);
  });

  test("reads its pages over HTTP", async () => {
    const sandbox = await createRemoteSandbox();
    for (let count = 0; count < 3; count += 1) await sandbox.control({ seed: {} });
    const client = { apiKey, baseUrl: sandbox.url };
    expect(await collect(listMessageBatches(client, { pageSize: 2 }))).toHaveLength(3);
  });

  test("ends in an error where a page leads nowhere or in a circle", async () => {
    const { sandbox } = setUp(0);
    const batch = sandbox.seed();
    const circle = stub([page([batch], { has_more: true, last_id: batch.id })]);
    expect(await rejection(collect(listMessageBatches(circle.client)))).toMatchObject({
      code: "ERR_INVALID_RESPONSE",
    });
    expect(circle.seen).toHaveLength(2);
    let count = 0;
    const nowhere = stub([() => page([], { has_more: true, last_id: `c${count++}` })()]);
    expect(await rejection(collect(listMessageBatches(nowhere.client)))).toMatchObject({
      code: "ERR_INVALID_RESPONSE",
    });
    expect(nowhere.seen).toHaveLength(1);
    const empty = page([], { has_more: true, last_id: "msgbatch_0" });
    const later = stub([page([batchOf("msgbatch_1")], { has_more: true }), empty, page([])]);
    expect(await rejection(collect(listMessageBatches(later.client)))).toMatchObject({
      code: "ERR_INVALID_RESPONSE",
    });
  });

  test("goes on after a batch that cannot be read, and names it at the end", async () => {
    const odd = { ...batchOf("msgbatch_2"), request_counts: apiKey };
    const { client } = stub([
      page([batchOf("msgbatch_1"), odd], { has_more: true }),
      page([batchOf(apiKey), batchOf("msgbatch_3")]),
    ]);
    const seen: string[] = [];
    const error = await rejection((async () => {
      for await (const { id } of listMessageBatches(client)) seen.push(id);
    })());
    expect(seen).toEqual(["msgbatch_1", "msgbatch_3"]);
    expect(error).toMatchObject({
      code: "ERR_INVALID_RESPONSE",
      message: expect.stringMatching(/^Cannot list message batch "msgbatch_2": .*request_counts/),
    });
    expect(JSON.stringify(error)).not.toContain(apiKey);
  });

  test("goes on after the last batch that has an id, where the page has no cursor", async () => {
    const [a, b] = [batchOf("msgbatch_a"), batchOf("msgbatch_b")];
    const { client, seen } = stub([page([a, null, {}], { has_more: true }), page([null, {}, b])]);
    expect(await planPurge(client, { filter: "*" }))
      .toMatchObject({ items: [{ id: a.id }, { id: b.id }], unreadable: 2 });
    expect(seen.at(-1)?.url).toMatch(/after_id=msgbatch_a$/);
    const none = stub([page([null, {}], { has_more: true })]);
    expect(await rejection(collect(listMessageBatches(none.client)))).toMatchObject({
      code: "ERR_INVALID_RESPONSE",
    });
    expect(none.seen).toHaveLength(1);
  });

  test.each([404, 400])(
    "begins again where its cursor is gone (%i): none comes twice",
    async (status) => {
      const [a, b, c, d] = ["a", "b", "c", "d"].map((id) => batchOf(`msgbatch_${id}`));
      const gone = refusal(status, status === 404 ? "not_found_error" : "invalid_request_error");
      const { client, seen } = stub([
        page([a, b], { has_more: true }),
        gone,
        page([a, c], { has_more: true }),
        gone,
        page([a, d]),
      ]);
      expect(await collect(listMessageBatches(client))).toEqual([a, b, c, d].map((one) => one?.id));
      expect(seen).toHaveLength(5);
      const never = stub([
        page([a], { has_more: true }),
        gone,
        page([a], { has_more: true }),
        gone,
      ]);
      expect(await rejection(collect(listMessageBatches(never.client)))).toMatchObject({ status });
      expect(never.seen).toHaveLength(4);
    },
  );

  test("asks for smaller pages where the server refuses them, and for no more than it gives", async () => {
    const { sandbox, ids, client } = setUp(250);
    const limit = (most: number, status?: number): Client => ({
      ...client,
      fetch: async (url, init) => {
        const asked = new URL(url);
        const size = Number(asked.searchParams.get("limit"));
        if (status && size > most) return new Response("<html>", { status });
        asked.searchParams.set("limit", String(Math.min(size, most)));
        return await sandbox.fetch(asked.href, init);
      },
    });
    for (const most of [100, 20]) {
      for (const status of [400, 413, 422, undefined]) {
        expect(await collect(listMessageBatches(limit(most, status)))).toEqual(ids);
      }
    }
    expect(await rejection(collect(listMessageBatches(limit(19, 400))))).toMatchObject({
      status: 400,
    });
  });

  test("rejects where a page says that there are more, and not after which", async () => {
    for (const data of [[], [{ id: 7 }]]) {
      const { client, seen } = stub([page(data, { has_more: true })]);
      expect(await rejection(collect(listMessageBatches(client))))
        .toMatchObject({ code: "ERR_INVALID_RESPONSE" });
      expect(seen).toHaveLength(1);
    }
  });

  test("rejects with the caller's reason between pages", async () => {
    const { client, sandbox } = setUp(20);
    const controller = new AbortController();
    const batches = listMessageBatches(client, { pageSize: 10, signal: controller.signal });
    for (let count = 0; count < 10; count += 1) await batches.next();
    controller.abort("enough");
    expect(await rejection(batches.next())).toBe("enough");
    expect(sandbox.requests).toHaveLength(1);
  });

  for (const pageSize of [0, 1001, 1.5, NaN, "10"]) {
    test(`refuses ${JSON.stringify(pageSize)} as a page size before any request`, async () => {
      const { client, seen } = stub([page([])]);
      const options = { pageSize: pageSize as number };
      expect(await rejection(listMessageBatches(client, options).next()))
        .toBeInstanceOf(typeof pageSize === "number" ? RangeError : TypeError);
      expect(seen).toHaveLength(0);
    });
  }
});

describe("retrieveMessageBatch()", () => {
  test("resolves with the batch, whatever the API adds to it", async () => {
    const { sandbox, client } = setUp(0);
    const batch = sandbox.seed({ override: { priority: "low", archived_at: undefined } });
    const retrieved = await retrieveMessageBatch(client, batch.id);
    expect(retrieved).toEqual({ ...batch, priority: "low", archived_at: null });
  });

  test("rejects what is no batch, without quoting it", async () => {
    const answer = () => Response.json({ id: 7, processing_status: apiKey });
    const error = await rejection(retrieveMessageBatch(stub([answer]).client, "msgbatch_1"));
    expect(error).toMatchObject({ code: "ERR_INVALID_RESPONSE" });
    expect(JSON.stringify(error)).not.toContain(apiKey);
    expect(JSON.stringify(error)).toContain("request_counts");
  });

  test("rejects another batch than the one that was asked for", async () => {
    const { sandbox } = setUp(0);
    const other = sandbox.seed({ processing_status: "in_progress" });
    for (const call of [retrieveMessageBatch, cancelMessageBatch]) {
      const error = await rejection(call(stub([() => Response.json(other)]).client, "msgbatch_1"));
      expect(error).toMatchObject({ code: "ERR_INVALID_RESPONSE", issues: [{ path: "id" }] });
    }
  });

  test("rejects an unknown batch", async () => {
    const error = await rejection(retrieveMessageBatch(setUp(0).client, "msgbatch_1"));
    expect(error).toMatchObject({ code: "ERR_NOT_FOUND" });
  });
});

describe("cancelMessageBatch()", () => {
  test("says that a cancellation may have happened before it was refused", async () => {
    const { client } = stub([lost, refusal(403, "permission_error")]);
    expect(await rejection(cancelMessageBatch(client, "msgbatch_1"))).toMatchObject({
      status: 403,
      outcomeKnown: false,
    });
  });

  test("does not know what was done where a 200 is no batch", async () => {
    const { client } = stub([() => Response.json({})]);
    expect(await rejection(cancelMessageBatch(client, "msgbatch_1"))).toMatchObject({
      code: "ERR_INVALID_RESPONSE",
      outcomeKnown: false,
    });
  });

  test("resolves with the batch, canceling", async () => {
    const { sandbox, client } = setUp(0);
    const { id } = sandbox.seed({ processing_status: "in_progress" });
    const batch = await cancelMessageBatch(client, id);
    expect(batch).toMatchObject({ id, processing_status: "canceling" });
    expect(sandbox.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      `POST /v1/messages/batches/${id}/cancel`,
    ]);
  });

  test("is repeated after a lost answer: it changes nothing twice", async () => {
    const { sandbox } = setUp(0);
    const { id } = sandbox.seed({ processing_status: "in_progress" });
    sandbox.fail({ connection: "lost_after" });
    const { client } = stub([], { fetch: sandbox.fetch });
    expect(await cancelMessageBatch(client, id)).toMatchObject({ processing_status: "canceling" });
    expect(sandbox.requests).toHaveLength(2);
  });

  test("rejects where the batch has ended", async () => {
    const { sandbox, client } = setUp(0);
    const error = await rejection(cancelMessageBatch(client, sandbox.seed().id));
    expect(error).toMatchObject({ code: "ERR_API", status: 400 });
  });

  test("rejects an id that is not one path segment before any request", async () => {
    const { client, seen } = stub([refusal(500, "api_error"), lost]);
    expect(await rejection(cancelMessageBatch(client, "../x"))).toBeInstanceOf(TypeError);
    expect(seen).toHaveLength(0);
  });
});
