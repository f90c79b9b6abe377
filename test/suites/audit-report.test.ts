import { describe, expect, test } from "vitest";
import { type AuditEntry, reportAuditTrail, verifyAuditTrail } from "../../src/audit/mod.ts";
import { intentOf, linesOf, outcomeOf, textOf } from "../fixtures/audit-entries.ts";

const now = Date.parse("2026-11-22T12:00:00Z");
const bytesOf = (entries: readonly AuditEntry[]) => [
  new TextEncoder().encode(textOf(linesOf(entries))),
];
const report = (...entries: readonly AuditEntry[]) => reportAuditTrail(bytesOf(entries), { now });

/** An intent and its outcome. */
const pair = (id: string, more: Partial<AuditEntry> = {}, asked: Partial<AuditEntry> = {}) => {
  const intent = intentOf(id, asked);
  return [intent, outcomeOf(intent, more)] as const;
};
const failedWith = (outcomeKnown: boolean): Partial<AuditEntry> => ({
  outcome: "failed",
  evidence: undefined,
  error: { code: "ERR_CONNECTION", message: "Cannot reach the API", outcomeKnown },
});

describe("reportAuditTrail()", () => {
  test("counts what was asked for and what became of it, each once", async () => {
    const open = intentOf("msgbatch_8");
    const inFlight = intentOf("msgbatch_9", { time: "2026-11-22T11:50:00.000Z" });
    const entries = [
      ...pair("msgbatch_1"),
      ...pair("msgbatch_2", { evidence: "absent_after_retry" }),
      ...pair("msgbatch_3", { outcome: "missing", evidence: "missing" }),
      ...pair("msgbatch_4", failedWith(true)),
      ...pair("msgbatch_5", failedWith(false)),
      ...pair("msgbatch_6", { outcome: "canceled", evidence: undefined }, { operation: "cancel" }),
      open,
      inFlight,
    ];
    const { total, groups, failures, ...found } = await report(...entries);
    expect(total).toEqual({
      asked: 8,
      receipt: 1,
      absentAfterRetry: 1,
      missing: 1,
      canceled: 1,
      failed: 1,
      unknown: 1,
      open: 1,
      inFlight: 1,
    });
    expect(groups.map(({ operation, counts }) => [operation, counts.asked]))
      .toEqual([["delete", 7], ["cancel", 1]]);
    expect(failures.map(({ objectId }) => objectId)).toEqual(["msgbatch_4", "msgbatch_5"]);
    expect(found).toEqual({
      ...await verifyAuditTrail(bytesOf(entries), { now }),
      since: open.time,
      until: inFlight.time,
      withoutIntent: 0,
    });
  });

  test("groups by what, who, why, plan and policy", async () => {
    const plan = { actor: "ci", reason: "30 days", plan: "0123456789abcdef" };
    const { groups } = await report(
      ...pair("msgbatch_1", {}, plan),
      ...pair("msgbatch_2", {}, { ...plan, changedPlan: "f".repeat(16) }),
      ...pair("msgbatch_3", failedWith(true), plan),
      ...pair("msgbatch_4", {}, { webhookId: "msg_1" }),
      ...pair("msgbatch_5", {}, { webhookId: "msg_2" }),
      ...pair("file_1", {}, { resource: "file" }),
      ...pair("msgbatch_6", {}, { actor: "retention", policy: "a".repeat(16) }),
    );
    const common = { operation: "delete", resource: "message_batch", webhook: false };
    expect(groups).toMatchObject([
      { ...common, ...plan, counts: { asked: 2, receipt: 1, failed: 1 } },
      { ...common, ...plan, changedPlan: "f".repeat(16), counts: { asked: 1 } },
      { ...common, webhook: true, counts: { asked: 2, receipt: 2 } },
      { ...common, resource: "file", counts: { asked: 1, receipt: 1 } },
      { ...common, actor: "retention", policy: "a".repeat(16), counts: { asked: 1 } },
    ]);
    expect(groups[2]).not.toHaveProperty("webhookId");
  });

  test("names a failure until a later outcome shows that the object is gone", async () => {
    const failed = pair("msgbatch_1", failedWith(false));
    expect((await report(...failed)).failures).toHaveLength(1);
    expect((await report(...failed, ...pair("msgbatch_2"))).failures).toHaveLength(1);
    const later = await report(...failed, ...pair("msgbatch_1", failedWith(true)));
    expect(later.failures).toEqual([expect.objectContaining({ error: failedWith(true).error })]);
    const { failures, total } = await report(...failed, ...pair("msgbatch_1"));
    expect([failures, total.unknown, total.receipt]).toEqual([[], 1, 1]);
  });

  test("counts the own outcome of a deletion that was settled, and settles none twice", async () => {
    const [intent, own] = pair("msgbatch_1");
    const settled = outcomeOf(intent, { ...failedWith(true), settled: true });
    expect((await report(intent, settled)).total).toMatchObject({ asked: 1, failed: 1 });
    expect(await report(intent, settled, own)).toMatchObject({
      total: { asked: 1, failed: 0, receipt: 1 },
      failures: [],
      withoutIntent: 0,
    });
    for (const more of [[settled], [settled, settled]]) {
      expect(await report(intent, own, ...more)).toMatchObject({
        total: { asked: 1, failed: 0, receipt: 1 },
        failures: [],
        withoutIntent: more.length,
      });
    }
    expect(await report(intent, settled, own, own)).toMatchObject({
      total: { asked: 1, failed: 0, receipt: 1 },
      withoutIntent: 1,
    });
    expect(await report(own)).toMatchObject({ total: { asked: 0, receipt: 0 }, withoutIntent: 1 });
  });

  test("adds up for entries that were written twice, and for those that lie", async () => {
    const [intent, outcome] = pair("msgbatch_1", {}, { actor: "a" });
    const other = { ...intent, objectId: "msgbatch_2" };
    const failed = pair("msgbatch_3", failedWith(true));
    const lie = outcomeOf(other, { objectId: "msgbatch_3", actor: "b" });
    for (
      const [entries, counts, left] of [
        [[intent, intent, outcome, outcome], { asked: 1, receipt: 1 }, []],
        [[intent, intent], { asked: 1, open: 1 }, []],
        [[intent, other, outcome], { asked: 2, receipt: 1, open: 1 }, []],
        [[...failed, other, lie], { asked: 2, receipt: 1, failed: 1 }, ["msgbatch_3"]],
      ] as const
    ) {
      const { total, groups, failures } = await report(...entries);
      for (const { asked, ...rest } of [total, ...groups.map(({ counts }) => counts)]) {
        expect(Object.values(rest).reduce((sum, count) => sum + count)).toBe(asked);
      }
      expect(total).toMatchObject(counts);
      expect(failures.map(({ objectId }) => objectId)).toEqual(left);
    }
  });

  test("is empty for an empty trail, and refuses an unknown option", async () => {
    const { since, total, groups } = await report();
    expect([since, total.asked, groups]).toEqual([undefined, 0, []]);
    await expect(reportAuditTrail([], { heads: "" } as object)).rejects.toThrow(
      'did you mean "head"?',
    );
  });
});
