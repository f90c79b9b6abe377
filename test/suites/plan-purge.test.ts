import { describe, expect, test } from "vitest";
import {
  applyPurge,
  fingerprintPlan,
  type MessageBatchFilter,
  parsePurgePlan,
  planPurge,
  type PlanPurgeOptions,
  type PurgeItem,
} from "../../src/purge/mod.ts";
import { PurgeRefusedError } from "../../mod.ts";
import { runRetention } from "../../src/retention/mod.ts";
import { batchOf, daysAgo, now, play } from "../fixtures/batches.ts";
import { everythingIn } from "../fixtures/everything-in.ts";
import { createMemoryAuditTrail } from "../fixtures/memory-audit-trail.ts";
import { policyOf } from "../fixtures/policies.ts";
import { sha256Of } from "../fixtures/results.ts";
import { apiKey, page, refusal, rejection, stub } from "../fixtures/stub.ts";

const utc = new Date(now).toUTCString();

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
      keyFingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
      fingerprint: fingerprintPlan(plan),
      filter: { minDaysSinceEnded: 30 },
      items: [
        expect.objectContaining({
          id: unended,
          status: "in_progress",
          endedAt: null,
          action: "keep",
        }),
        expect.objectContaining({
          id: young,
          action: "keep",
          code: "condition",
          condition: "minDaysSinceEnded",
        }),
        {
          id: old,
          createdAt: daysAgo(40),
          endedAt: expect.any(String),
          status: "ended",
          archived: true,
          action: "delete",
          code: "matches",
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
    const action = async (filter: MessageBatchFilter | "*") =>
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
  });

  test("keeps what it cannot read, with its reason, and plans the rest", async () => {
    const odd = [
      { ...batchOf("msgbatch_1"), request_counts: apiKey },
      { ...batchOf("msgbatch_2"), created_at: 7 },
      batchOf(apiKey),
      batchOf("../files"),
      { ...batchOf("x"), id: null },
      null,
    ];
    const { client } = stub([page([batchOf("msgbatch_3"), ...odd, batchOf("msgbatch_4")])]);
    const plan = await planPurge(client, { filter: "*" });
    expect(plan.items.map(({ id, action, code }) => [id, action, code])).toEqual([
      ["msgbatch_3", "delete", "matches"],
      ["msgbatch_4", "delete", "matches"],
      ["msgbatch_1", "keep", "unreadable"],
      ["msgbatch_2", "keep", "unreadable"],
    ]);
    expect(plan.unreadable).toBe(4);

    const [one, two] = [batchOf("msgbatch_1"), batchOf("msgbatch_2")];
    const again = stub([
      page([null, {}, one], { has_more: true }),
      refusal(404, "not_found_error"), // the cursor is gone: the list begins again
      page([null, {}, two, 7]),
    ]);
    expect(await planPurge(again.client, { filter: "*" })).toMatchObject({ unreadable: 3 });
    expect(everythingIn(plan)).not.toContain("sentinel");
    expect(parsePurgePlan(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
  });

  test("takes the later look at a batch that comes twice, also where one cannot be read", async () => {
    const good = batchOf("msgbatch_1");
    const odd = { ...good, request_counts: null };
    for (const [looks, code] of [[[good, odd], "unreadable"], [[odd, good], "matches"]] as const) {
      const { client } = stub([page(looks.slice(0, 1), { has_more: true }), page(looks.slice(1))]);
      const plan = await planPurge(client, { filter: "*" });
      expect(plan.items).toMatchObject([{ id: "msgbatch_1", code }]);
      expect(parsePurgePlan(plan)).toEqual(plan);
    }
  });

  test("keeps what has no results to store, which does not count for the oldest", async () => {
    const { sandbox, client } = play();
    const ids = [50, 40, 9, 8].map((days) => sandbox.seed({ created_at: daysAgo(days) }).id);
    const decided = async (options: PlanPurgeOptions) =>
      (await planPurge(client, options)).items.toReversed().map(({ code }) => code);
    const filter = { oldest: 1 };
    const left = "not_among_oldest";
    expect(await decided({ filter })).toEqual(["matches", left, left, left]);
    expect(await decided({ filter, archived: "keep" }))
      .toEqual(["archived", "archived", "matches", left]);
    const policy = policyOf([{ type: "delete_after", days: 1, since: "created" }]);
    expect(await decided({ policy, archived: "keep" }))
      .toEqual(["archived", "archived", "matches", "matches"]);
    const wrong = { filter, archived: "archive" as "keep" };
    await expect(planPurge(client, wrong)).rejects.toThrow('it is neither "keep" nor "delete"');
    const plan = await planPurge(client, { filter, archived: "keep" });
    expect(parsePurgePlan(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
    expect(await applyPurge(client, plan)).toMatchObject({ deleted: 1 });
    expect(sandbox.batch(ids[0] ?? "")).toBeDefined();
  });

  test("refuses to judge by age where the clocks differ by more than five minutes", async () => {
    const dated = (seconds: number) => ({
      headers: { date: new Date(now + seconds * 1_000).toUTCString() },
    });
    const plan = (seconds: number, options: PlanPurgeOptions) =>
      planPurge(stub([page([batchOf("msgbatch_1")], dated(seconds))]).client, options);
    const byAge = { filter: { minDaysSinceEnded: 1 } };
    for (const seconds of [-300, 0, 300]) {
      expect((await plan(seconds, byAge)).items).toMatchObject([{ action: "delete" }]);
    }
    const policy = policyOf([{ type: "delete_after", days: 1, since: "created" }]);
    for (const options of [byAge, { filter: { minDaysSinceCreated: 1 } }, { policy }]) {
      await expect(plan(-301, options)).rejects.toThrow("301 s ahead of the API's: set it right");
      await expect(plan(301, options)).rejects.toThrow(PurgeRefusedError);
      expect((await plan(301, { ...options, maxClockSkew: 301_000 })).items).toHaveLength(1);
    }
    for (const filter of ["*", { ids: ["msgbatch_1"] }, { createdBefore: daysAgo(1) }] as const) {
      expect((await plan(-9_999, { filter })).items).toMatchObject([{ action: "delete" }]);
    }
  });

  test("judges by an earlier time where its clock is set back meanwhile", async () => {
    for (const wrong of [-40, 0, 40]) {
      const set = () => {
        const { clock, client } = stub([page([batchOf("msgbatch_1")], { headers: { date: utc } })]);
        let time = now + wrong * 86_400_000; // until it is asked for
        const fetch: typeof client.fetch = (url, init) => {
          time = now;
          return client.fetch?.(url, init) ?? Promise.reject();
        };
        return { ...client, fetch, clock: { ...clock, now: () => time } };
      };
      const filter = { minDaysSinceEnded: 30 };
      expect((await planPurge(set(), { filter })).items).toMatchObject([{ action: "keep" }]);
      const policy = policyOf([{ type: "delete_after", days: 30, since: "created" }]);
      expect(await runRetention(set(), policy)).toMatchObject({ listed: 1, due: 0 });
    }
  });

  test("holds its clock against the earliest of several dates of an answer", async () => {
    const hour = "Sun, 22 Nov 2026 01:00:00 GMT";
    const plan = (date: string, ahead = 0) => {
      const clock = { ...stub([]).clock, now: () => now + ahead };
      const answers = [page([batchOf("msgbatch_1")], { headers: { date } })];
      return planPurge(stub(answers, { clock }).client, { filter: { minDaysSinceEnded: 1 } });
    };
    for (const date of [`${utc}, ${hour}`, `${hour}, ${utc}`, `${utc}, soon`, `soon, ${utc}`]) {
      expect((await plan(date)).items).toHaveLength(1);
      await expect(plan(date, 3_600_000)).rejects.toThrow("3600 s ahead of the API's");
    }
    // A date of no time says nothing.
    for (const date of ["soon", "", "0", "Thu, 01 Jan 1970 00:00:00 GMT"]) {
      expect((await plan(date, 3_600_000)).items).toHaveLength(1);
    }
  });

  test("holds its clock against the newest answer that has a date", async () => {
    const hour = "Sun, 22 Nov 2026 01:00:00 GMT";
    const same = "Sun, 22 Nov 2026 00:00:00 GMT";
    for (const dates of [["yesterday"], [undefined], [hour, same], [hour, same, "today"], [hour]]) {
      const pages = dates.map((date, index) =>
        page([batchOf(`msgbatch_${index}`)], {
          has_more: index + 1 < dates.length,
          headers: date === undefined ? {} : { date },
        })
      );
      const planned = planPurge(stub(pages).client, { filter: { minDaysSinceEnded: 1 } });
      if (dates.length > 1 || dates[0] !== hour) {
        expect((await planned).items).toHaveLength(dates.length);
      } else await expect(planned).rejects.toThrow("3600 s behind the API's");
    }
  });

  test("keeps what is held, which does not count for the oldest", async () => {
    const { sandbox, client } = play();
    const ids = [9, 8, 7, 6].map((days) => sandbox.seed({ created_at: daysAgo(days) }).id);
    const holds = ids.slice(0, 2);
    const plan = await planPurge(client, { filter: { oldest: 1 }, holds });
    expect(plan.items.map(({ id, action, code }) => [id, action, code])).toEqual([
      [ids[3], "keep", "not_among_oldest"],
      [ids[2], "delete", "matches"],
      [ids[1], "keep", "held"],
      [ids[0], "keep", "held"],
    ]);
    expect(await applyPurge(client, plan)).toMatchObject({ deleted: 1, hasMore: true });
    const policy = policyOf([{ type: "delete_after", days: 1, since: "created" }]);
    const byPolicy = await planPurge(client, { policy, holds });
    expect(byPolicy.policy).toEqual(policy);
    expect(byPolicy.items.map(({ code }) => code)).toEqual(["matches", "held", "held"]);
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
    const policy = { version: 1, rules: [{ type: "keep_last", count: 1 }], holds: [] } as const;
    const one = { subject: "options", why: "give exactly one of filter and policy" };
    // @ts-expect-error A filter or a policy is needed.
    await expect(planPurge(client, {})).rejects.toMatchObject({ name: "TypeError", ...one });
    // @ts-expect-error Only one of them.
    await expect(planPurge(client, { filter: "*", policy })).rejects.toMatchObject({
      name: "TypeError",
      ...one,
    });
    // @ts-expect-error A policy never cancels.
    const canceling = planPurge(client, { policy, cancelInProgress: true });
    await expect(canceling).rejects.toThrow("Cannot use cancelInProgress: a policy never cancels");
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

describe("fingerprintPlan()", () => {
  const policy = {
    version: 1,
    rules: [{ type: "delete_after", days: 0.5, since: "ended" }],
    holds: ["msgbatch_2"],
  } as const;
  const planned = async () => {
    const { sandbox, client } = play();
    for (const id of ["msgbatch_1", "msgbatch_2"]) sandbox.seed({ id, created_at: daysAgo(9) });
    return await planPurge(client, { policy });
  };

  test("is the SHA-256 of the plan's canonical JSON", async () => {
    const { baseUrl, createdAt, workspaceId, items, keyFingerprint } = await planned();
    const itemOf = (item: PurgeItem | undefined) =>
      `{"action":"${item?.action}","code":"${item?.code}","createdAt":"${item?.createdAt}",` +
      `"endedAt":"${item?.endedAt}","id":"${item?.id}","status":"${item?.status}"}`;
    const canonical = `{"baseUrl":"${baseUrl}","createdAt":"${createdAt}",` +
      `"items":[${
        items.map(itemOf).join(",")
      }],"keyFingerprint":"${keyFingerprint}","policy":{"holds":["msgbatch_2"],` +
      `"rules":[{"days":0.5,"since":"ended","type":"delete_after"}],"version":1},` +
      `"version":1,"workspaceId":"${workspaceId}"}`;
    expect(fingerprintPlan(await planned())).toBe((await sha256Of(canonical)).slice(0, 16));
  });

  test("is the same for a plan that was stored, in whatever order its members are", async () => {
    const plan = await planned();
    const stored = JSON.stringify(Object.fromEntries(Object.entries(plan).reverse()));
    expect(stored).not.toBe(JSON.stringify(plan));
    expect(fingerprintPlan(parsePurgePlan(JSON.parse(stored)))).toBe(fingerprintPlan(plan));
  });

  test("is another one for any change, the order of the items included", async () => {
    const plan = await planned();
    const [one, other] = plan.items;
    const changed = [
      { ...plan, createdAt: daysAgo(1) },
      { ...plan, items: plan.items.toReversed() },
      { ...plan, items: [one] },
      { ...plan, items: [{ ...one, id: "msgbatch_3" }, other] },
      { ...plan, policy: { ...policy, holds: [] } },
      { ...plan, policy: { ...policy, rules: [{ ...policy.rules[0], days: 1 }] } },
      ...[1, 2].map((oldest) => ({ ...plan, policy: undefined, filter: { oldest } })),
    ];
    const prints = [plan, ...changed].map((each) => fingerprintPlan(each as typeof plan));
    expect(new Set(prints).size).toBe(prints.length);
    for (const print of prints) expect(print).toMatch(/^[0-9a-f]{16}$/);
  });

  test("names the plan and its policy in every entry of its run", async () => {
    const auditTrail = createMemoryAuditTrail();
    const { sandbox, client } = play({}, { auditTrail });
    sandbox.seed({ id: "msgbatch_1", created_at: daysAgo(9) });
    const plan = await planPurge(client, { policy });
    await applyPurge(client, plan);
    const canonical = `{"holds":["msgbatch_2"],` +
      `"rules":[{"days":0.5,"since":"ended","type":"delete_after"}],"version":1}`;
    const expected = [fingerprintPlan(plan), (await sha256Of(canonical)).slice(0, 16)];
    expect(auditTrail.entries.map((entry) => [entry.plan, entry.policy]))
      .toEqual([expected, expected]);
  });

  test("names the plan alone where it was made by a filter", async () => {
    const auditTrail = createMemoryAuditTrail();
    const { sandbox, client } = play({}, { auditTrail });
    sandbox.seed({ created_at: daysAgo(9) });
    sandbox.seed({ processing_status: "in_progress" });
    const plan = await planPurge(client, { filter: "*", cancelInProgress: true });
    await applyPurge(client, JSON.parse(JSON.stringify(plan)));
    expect(auditTrail.entries).toHaveLength(4);
    for (const { plan: named, policy } of auditTrail.entries) {
      expect([named, policy]).toEqual([fingerprintPlan(plan), undefined]);
    }
  });
});

describe("parsePurgePlan()", () => {
  const item = {
    id: "msgbatch_1",
    createdAt: daysAgo(40),
    endedAt: daysAgo(40),
    status: "ended",
    action: "delete",
    code: "matches",
  };
  const policy = {
    version: 1,
    rules: [{ type: "delete_after", days: 30, since: "ended" }, { type: "keep_last", count: 5 }],
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
    const { minimumAge: _, ...ageless } = policy;
    expect(parsePurgePlan({ ...plan, policy: { ...policy, minimumAge: undefined } }))
      .toStrictEqual({ ...plan, policy: ageless });
  });

  const cycle: Record<string, unknown> = { ...policy };
  cycle["rules"] = [cycle];
  const refused: [string, object, string][] = [
    ["neither a filter nor a policy", {}, "it has neither a filter nor a policy"],
    ["both", { filter: "*", policy }, "it has both a filter and a policy"],
    ["a policy that is none", { policy: "keep all" }, "plan.policy is not an object"],
    ["a policy that is a list", { policy: [] }, "plan.policy.version is missing"],
    ["a policy of another version", { policy: { ...policy, version: 2 } }, "version is not 1"],
    [
      "a policy without holds",
      { policy: { ...policy, holds: undefined } },
      "holds is not an array",
    ],
    ["a hold that is no id", { policy: { ...policy, holds: [apiKey] } }, "holds.0 is not an id"],
    ["a policy with a cycle", { policy: cycle }, "plan.policy.rules.0.type is no rule"],
    ["an unknown member of a policy", { policy: { ...policy, [apiKey]: 1 } }, "is no member"],
    ["an unknown rule", { policy: { ...policy, rules: [{ type: "of_later" }] } }, "is no rule"],
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
    ["holds of its own", { filter: "*", holds: ["msgbatch_1"] }, "holds is no member"],
    [
      "a batch that somebody marked",
      { filter: "*", items: [{ ...item, held: true }] },
      "plan.items.0.held is no member",
    ],
    [
      "a text beside a decision",
      { filter: "*", items: [{ ...item, reason: "A forged\nline" }] },
      "plan.items.0.reason is no member",
    ],
    ["a filter that is none", { filter: { oldest: 0 } }, "plan.filter.oldest is not a whole"],
  ];
  test.each(refused)("refuses a plan with %s", (_, change, message) => {
    const parse = () => parsePurgePlan({ ...plan, ...change });
    expect(parse).toThrow(PurgeRefusedError);
    expect(parse).toThrow(message);
    expect(parse).not.toThrow(/sentinel/);
  });

  const filter = { minDaysSinceEnded: 30, oldest: 2 };
  const keep = (code: string, more: object = {}) => ({ ...item, action: "keep", code, ...more });
  const made: [string, object, readonly object[]][] = [
    ["a filter", { filter }, [
      keep("held"),
      keep("not_ended"),
      keep("unknown_status"),
      keep("created_later"),
      keep("created_unknown"),
      keep("not_among_oldest"),
      keep("condition", { condition: "minDaysSinceEnded" }),
      { ...item, status: "canceling", action: "cancel_and_delete" },
    ]],
    ["a policy", { policy }, [
      keep("held"),
      keep("not_ended"),
      keep("ended_unknown"),
      keep("too_young"),
      keep("rule", { rule: 1 }),
    ]],
  ];
  test.each(made)("takes every decision that %s makes", (_, source, items) => {
    const input = items.map((one, index) => ({ ...one, id: `msgbatch_${index}` }));
    expect(parsePurgePlan({ ...plan, ...source, items: input }).items).toStrictEqual(input);
  });

  const unfit: [string, object, object][] = [
    ["without a code", { filter }, { ...item, code: undefined }],
    ["with an unknown code", { filter }, keep("kept_by_me")],
    ["with a reason in place of a code", { filter }, { ...item, code: undefined, reason: "It is" }],
    ["that is deleted for a reason to keep it", { filter }, { ...item, code: "held" }],
    ["that is kept because it matches", { filter }, keep("matches")],
    ["with a condition that there is not", { filter }, keep("condition", { condition: "age" })],
    ["with a condition of another filter", { filter }, keep("condition", { condition: "ids" })],
    ["with a condition of no filter", { policy }, keep("condition", { condition: "oldest" })],
    ["without its condition", { filter }, keep("condition")],
    ["not among the oldest of no limit", { filter: "*" }, keep("not_among_oldest")],
    ["with a rule of no policy", { filter }, keep("rule", { rule: 0 })],
    ["with a rule that the policy has not", { policy }, keep("rule", { rule: 2 })],
    ["with a part of a rule", { policy }, keep("rule", { rule: 0.5 })],
    ["without its rule", { policy }, keep("rule")],
    ["that is too young for a filter", { filter }, keep("too_young")],
  ];
  test.each(unfit)("refuses a batch %s", (_, source, one) => {
    const parse = () => parsePurgePlan({ ...plan, ...source, items: [one] });
    expect(parse).toThrow(PurgeRefusedError);
    expect(parse).toThrow(
      /^Cannot apply the purge plan: plan\.items\.0\.(code|action|condition|rule) /,
    );
  });

  test("keeps no member that a decision has not", () => {
    const more = { condition: "oldest", rule: 0 };
    const { items } = parsePurgePlan({ ...plan, filter, items: [{ ...item, ...more }] });
    expect(items).toStrictEqual([item] as PurgeItem[]);
  });
});
