import { describe, expect, test } from "vitest";
import { parsePurgePlan, planPurge, PurgeRefusedError } from "../../mod.ts";
import { batchOf, daysAgo, now, play } from "../fixtures/batches.ts";
import { everythingIn } from "../fixtures/everything-in.ts";
import { apiKey, page, rejection, stub } from "../fixtures/stub.ts";

describe("planPurge()", () => {
  test("says for each batch what will happen and why, and changes nothing", async () => {
    const { sandbox, client } = play();
    const { id: old } = sandbox.seed({ created_at: daysAgo(40) });
    const { id: young } = sandbox.seed({ created_at: daysAgo(1) });
    const { id: unended } = sandbox.seed({ processing_status: "in_progress" });
    const plan = await planPurge(client, { filter: { minDaysSinceEnded: 30 } });
    expect(plan).toEqual({
      version: 1,
      createdAt: "2026-11-22T00:00:00.000Z",
      baseUrl: "https://api.anthropic.com",
      workspaceId: "wrkspc_011CZkZaBF1tNoB5wlCeusgy",
      filter: { minDaysSinceEnded: 30 },
      items: [
        expect.objectContaining({
          id: unended,
          status: "in_progress",
          endedAt: null,
          action: "keep",
        }),
        expect.objectContaining({ id: young, action: "keep" }),
        {
          id: old,
          createdAt: daysAgo(40),
          endedAt: expect.any(String),
          status: "ended",
          action: "delete",
          reason: "It ended at least 30 days ago",
        },
      ],
    });
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
    expect(parsePurgePlan(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
    expect(sandbox.size).toBe(3);
    expect(sandbox.requests.map(({ method }) => method)).toEqual(["GET"]);
  });

  test("cancels what is in progress only where that is asked for", async () => {
    const { sandbox, client } = play();
    sandbox.seed({ processing_status: "in_progress" });
    const actions = async (cancelInProgress?: boolean) =>
      (await planPurge(client, { filter: "*", cancelInProgress })).items.map((item) => item.action);
    expect(await actions()).toEqual(["keep"]);
    expect(await actions(true)).toEqual(["cancel_and_delete"]);
  });

  test("leaves out what arrives while it lists, counts duplicates once", async () => {
    const batches = [batchOf("msgbatch_1"), batchOf("msgbatch_2")];
    const before = batchOf("msgbatch_1", { processing_status: "in_progress", ended_at: null });
    const arrived = batchOf("msgbatch_3", { created_at: "2026-11-22T00:00:01Z" });
    const { client, seen } = stub([
      page([before, ...batches.slice(1)], { has_more: true }),
      page([...batches.toReversed(), arrived]),
    ]);
    const plan = await planPurge(client, { filter: "*" });
    expect(plan.items.map(({ id, action }) => [id, action])).toEqual([
      ["msgbatch_1", "delete"],
      ["msgbatch_2", "delete"],
      ["msgbatch_3", "keep"],
    ]);
    expect(seen[1]?.url).toContain("after_id=msgbatch_2");
  });

  test("keeps the newest where its clock is behind, unless they are named", async () => {
    const { sandbox, client } = play();
    const { id } = sandbox.seed({ created_at: new Date(now + 5_000).toISOString() });
    const action = async (filter: Parameters<typeof planPurge>[1]["filter"]) =>
      (await planPurge(client, { filter })).items[0]?.action;
    expect(await action("*")).toBe("keep");
    expect(await action({ ids: [id] })).toBe("delete");
  });

  test("believes nothing that it cannot read, and lets no secret into the plan", async () => {
    const batch = batchOf("msgbatch_1", {
      created_at: apiKey,
      ended_at: `now ${apiKey}`,
      processing_status: apiKey,
    });
    const { client } = stub([
      page([batch], { headers: { "anthropic-workspace-id": `ws ${apiKey}` } }),
    ]);
    const plan = await planPurge(client, { filter: "*" });
    expect(plan.items[0]).toMatchObject({
      createdAt: null,
      endedAt: null,
      status: "unknown",
      action: "keep",
    });
    expect(everythingIn(plan)).not.toContain("sentinel");
    const bad = stub([page([batchOf(apiKey)])]);
    const error = await rejection(planPurge(bad.client, { filter: "*" }));
    expect(error).toBeInstanceOf(PurgeRefusedError);
    expect(everythingIn(error)).not.toContain("sentinel");
  });

  test("refuses answers of another workspace, or of several", async () => {
    const headers = { "anthropic-workspace-id": "wrkspc_2" };
    const other = stub([page([], { headers })], { workspaceId: "wrkspc_1" });
    await expect(planPurge(other.client, { filter: "*" })).rejects.toThrow(PurgeRefusedError);
    const first = { headers: { "anthropic-workspace-id": "wrkspc_1" }, has_more: true };
    const both = stub([page([batchOf("msgbatch_1")], first), page([], { headers })]);
    await expect(planPurge(both.client, { filter: "*" })).rejects.toThrow("several workspaces");
    const none = stub([page([])], { workspaceId: "wrkspc_1" });
    expect((await planPurge(none.client, { filter: "*" })).workspaceId).toBe("wrkspc_1");
  });

  test("refuses what it cannot use, before any request", async () => {
    const { client, seen } = stub([page([])]);
    // @ts-expect-error A filter is needed.
    await expect(planPurge(client, {})).rejects.toThrow(TypeError);
    // @ts-expect-error Options are needed.
    await expect(planPurge(client)).rejects.toThrow(TypeError);
    await expect(planPurge(client, { filter: {} })).rejects.toThrow("it is empty");
    const yes = "yes" as unknown as boolean;
    await expect(planPurge(client, { filter: "*", cancelInProgress: yes })).rejects.toThrow(
      TypeError,
    );
    expect(seen).toHaveLength(0);
  });

  test("rejects with the reason of an abort", async () => {
    const { client } = stub([page([])]);
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    expect(await rejection(planPurge(client, { filter: "*", signal }))).toBe(reason);
  });

  test("plans 20,000 batches in seconds", async () => {
    const { sandbox, client } = play();
    for (let index = 0; index < 20_000; index += 1) {
      sandbox.seed({ created_at: new Date(now - index * 100_000 - 1).toISOString() });
    }
    const plan = await planPurge(client, { filter: { minDaysSinceCreated: 5, oldest: 10_000 } });
    expect(plan.items).toHaveLength(20_000);
    expect(plan.items.filter(({ action }) => action === "delete")).toHaveLength(10_000);
    expect(plan.items.slice(-10_000).every(({ action }) => action === "delete")).toBe(true);
  });
});

describe("parsePurgePlan()", () => {
  const item = {
    id: "msgbatch_1",
    createdAt: daysAgo(40),
    endedAt: daysAgo(40),
    status: "ended",
    action: "delete",
    reason: "It ended at least 30 days ago",
  };
  const policy = {
    version: 1,
    rules: [{ type: "delete_after", days: 30, since: "ended" }, { type: "of_later", any: [1] }],
    holds: ["msgbatch_2"],
    minimumAge: "P1D",
  };
  const plan = {
    version: 1,
    createdAt: daysAgo(0),
    baseUrl: "https://api.anthropic.com",
    items: [item],
  };

  test("keeps the policy that a plan was made from, as data of its own", () => {
    const input = structuredClone({ ...plan, policy });
    const parsed = parsePurgePlan(input);
    expect(parsed).toStrictEqual({ ...plan, policy });
    input.policy.rules.pop();
    expect(parsed).toStrictEqual({ ...plan, policy });
    expect(parsePurgePlan({ ...plan, filter: "*" })).toStrictEqual({ ...plan, filter: "*" });
  });

  const cycle: Record<string, unknown> = { ...policy };
  cycle["rules"] = [cycle];
  const refused: [string, object, string][] = [
    ["neither a filter nor a policy", {}, "it has neither a filter nor a policy"],
    ["both", { filter: "*", policy }, "it has both a filter and a policy"],
    ["a policy that is none", { policy: "keep all" }, "plan.policy is not an object"],
    ["a policy that is a list", { policy: [] }, "plan.policy.version is missing"],
    ["a policy of another version", { policy: { ...policy, version: 2 } }, "version is not 1"],
    ["a policy without holds", { policy: { version: 1 } }, "plan.policy.holds is missing"],
    ["a hold that is no id", { policy: { ...policy, holds: [apiKey] } }, "holds[0] is not an id"],
    ["a policy that is no JSON", { policy: cycle }, "plan.policy is not JSON, or too long"],
    ["a long policy", { policy: { ...policy, note: "x".repeat(2 ** 24) } }, "too long"],
    [
      "a deletion of what its policy holds",
      { policy: { ...policy, holds: ["msgbatch_1"] } },
      "it deletes a batch that its policy holds",
    ],
    [
      "a cancellation by a policy",
      { policy, items: [{ ...item, status: "in_progress", action: "cancel_and_delete" }] },
      "it cancels a batch, and was made from a policy, which never does",
    ],
  ];
  test.each(refused)("refuses a plan with %s", (_, change, message) => {
    const parse = () => parsePurgePlan({ ...plan, ...change });
    expect(parse).toThrow(PurgeRefusedError);
    expect(parse).toThrow(message);
    expect(parse).not.toThrow(/sentinel/);
  });
});
