import { describe, expect, inject, test } from "vitest";
import {
  APIError,
  deleteMessageBatch,
  exportMessageBatchResults,
  listMessageBatches,
  retrieveMessageBatch,
} from "../../mod.ts";
import { applyPurge, planPurge } from "../../src/purge/mod.ts";
import { drain } from "../fixtures/batches.ts";
import { createMemorySink, createMemoryStore } from "../fixtures/memory-sink.ts";
import { createRemoteSandbox } from "../fixtures/remote-sandbox.ts";
import { rejection } from "../fixtures/stub.ts";

/** A sandbox with batches that only a gateway can reach, and a client of the gateway. */
async function setUp(count: number) {
  const secret = crypto.randomUUID();
  const { url, control } = await createRemoteSandbox({ apiKeys: [`sk-ant-api03-${secret}`] });
  const ids: string[] = [];
  for (let number = 0; number < count; number += 1) {
    ids.push((await control({ seed: { requests: 2 } })).batch.id);
  }
  const baseUrl = inject("gateway") + new URL(url).pathname;
  const client = { apiKey: `sk-virtual-${secret}`, baseUrl };
  const asked = async () =>
    (await control()).requests.map(({ method, path }) => `${method} ${path.split("/").at(-1)}`);
  return { client, ids, asked };
}

describe("behind a gateway", () => {
  test("listMessageBatches() takes the pages that it gets", async () => {
    const { client, ids, asked } = await setUp(101);
    const listed: string[] = [];
    for await (const { id } of listMessageBatches(client)) listed.push(id);
    expect(listed.toSorted()).toEqual(ids.toSorted());
    expect(await asked()).toHaveLength(2); // the gateway refused the first
  });

  test("deleteMessageBatch() reads headers that came twice", async () => {
    const { client, ids: [id = ""] } = await setUp(1);
    const { requestId } = await deleteMessageBatch(client, id);
    expect(requestId).toMatch(/^req_\w+$/);
  });

  test("a wrong base path is not taken for absence", async () => {
    const { client } = await setUp(0);
    const wrong = { ...client, baseUrl: `${inject("gateway")}/v2/v1/else` };
    const error = await rejection(deleteMessageBatch(wrong, "msgbatch_1", { allowMissing: true }));
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ code: "ERR_API", status: 404 });
  });

  test("exportMessageBatchResults() does not need what results_url names", async () => {
    const { client, ids: [id = ""] } = await setUp(1);
    const batch = await retrieveMessageBatch(client, id);
    expect(batch.results_url).toMatch(/^https:\/\/upstream\.internal/);
    const { sink, text } = createMemorySink();
    expect(await exportMessageBatchResults(client, batch, sink)).toMatchObject({ lines: 2 });
    expect(text().trim().split("\n")).toHaveLength(2);
  });

  test("applyPurge() stores results, then deletes", async () => {
    const { client, ids, asked } = await setUp(3);
    const plan = await planPurge(client, { filter: "*" });
    const exportTo = createMemoryStore();
    const { summary } = await drain(applyPurge(client, plan, { exportTo }));
    expect(summary).toMatchObject({ planned: 3, deleted: 3 });
    expect([...exportTo.kept.keys()].sort()).toEqual(ids.toSorted());
    expect((await asked()).filter((line) => line === "GET results")).toHaveLength(3);
  });
});
