import { describe, expect, test } from "vitest";
import { deleteMessageBatch, listMessageBatches } from "../../mod.ts";
import { applyPurge, planPurge } from "../../src/purge/mod.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { daysAgo, now } from "../fixtures/batches.ts";

import { createMemoryStore } from "../fixtures/memory-sink.ts";
import { createStrictGateway } from "../fixtures/strict-gateway.ts";
import { rejection } from "../fixtures/stub.ts";

function setUp(count: number) {
  const sandbox = createSandbox({ now: () => now });
  for (let index = 0; index < count; index += 1) sandbox.seed({ created_at: daysAgo(9) });
  return { sandbox, ...createStrictGateway(sandbox) };
}

describe("behind a gateway with rules of its own", () => {
  test("listMessageBatches() yields every batch, in pages that the gateway takes", async () => {
    const { client, strangers } = setUp(250);
    const ids = new Set<string>();
    for await (const { id } of listMessageBatches(client)) ids.add(id);
    expect([ids.size, strangers]).toEqual([250, []]);
  });

  test("applyPurge() stores results by the documented path, and deletes", async () => {
    const { client, sandbox, strangers } = setUp(3);
    const plan = await planPurge(client, { filter: { minDaysSinceEnded: 1 } });
    expect(plan.workspaceId).toBe("wrkspc_011CZkZaBF1tNoB5wlCeusgy");
    const exportTo = createMemoryStore();
    expect(await applyPurge(client, plan, { exportTo })).toMatchObject({ deleted: 3 });
    expect([exportTo.kept.size, sandbox.size, strangers]).toEqual([3, 0, []]);
  });

  test("deleteMessageBatch() gives ids that come twice once", async () => {
    const { client, sandbox } = setUp(0);
    const { id } = sandbox.seed();
    const deletion = await deleteMessageBatch(client, id);
    expect(deletion).toMatchObject({
      requestId: expect.stringMatching(/^req_\w+$/),
      workspaceId: "wrkspc_011CZkZaBF1tNoB5wlCeusgy",
    });
  });

  test("deleteMessageBatch() does not take the gateway's own 404 for an absence", async () => {
    const { client, sandbox } = setUp(1);
    const wrong = { ...client, baseUrl: `${client.baseUrl}/api` };
    const error = await rejection(
      deleteMessageBatch(wrong, "msgbatch_1", { allowMissing: true }),
    );
    expect(error).toMatchObject({ code: "ERR_API", status: 404 });
    expect(sandbox.size).toBe(1);
  });
});
