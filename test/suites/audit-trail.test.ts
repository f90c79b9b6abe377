import { describe, expect, test } from "vitest";
import { type AuditEntry, type Client, deleteMessageBatch } from "../../mod.ts";
import { createMemoryAuditTrail } from "../fixtures/memory-audit-trail.ts";
import { sha256Of } from "../fixtures/results.ts";
import {
  apiKey,
  lost,
  receipt,
  refusal,
  rejection,
  stub,
  type StubAnswer,
} from "../fixtures/stub.ts";
import { timersOf } from "../fixtures/timers.ts";

const id = "msgbatch_013Zva2CMHLNnXjNJJKqJ2EF";
const time = "2026-11-22T00:00:00.000Z";
const both = {
  version: 1,
  id: expect.any(String),
  time,
  operation: "delete",
  resource: "message_batch",
  objectId: id,
};

async function recorded(answers: readonly StubAnswer[], options = {}) {
  const auditTrail = createMemoryAuditTrail();
  const { client } = stub(answers, { auditTrail, actor: "tests" });
  const result = await deleteMessageBatch(client, id, options).catch((error: unknown) => error);
  return { result, entries: auditTrail.entries };
}

describe("deleteMessageBatch() records", () => {
  test("an intent before the request, and what became of it after", async () => {
    const auditTrail = createMemoryAuditTrail();
    const atRequest: AuditEntry[] = [];
    const answer = async () => {
      atRequest.push(...auditTrail.entries);
      return new Response((await receipt(id)()).body, {
        headers: { "request-id": "req_1", "anthropic-workspace-id": "wrkspc_1" },
      });
    };
    const who = { actor: "tests", reason: "ticket 7" };
    await deleteMessageBatch(stub([answer], { auditTrail, ...who }).client, id);
    const keyFingerprint = (await sha256Of(`batchsweep:key:${apiKey}`)).slice(0, 16);
    const intent = { ...both, phase: "intent", ...who, keyFingerprint };
    expect(atRequest).toEqual([intent]);
    expect(auditTrail.entries).toEqual([intent, {
      ...both,
      intent: atRequest[0]?.id,
      phase: "outcome",
      ...who,
      keyFingerprint,
      outcome: "deleted",
      evidence: "receipt",
      requestId: "req_1",
      workspaceId: "wrkspc_1",
      attempts: 1,
    }]);
  });

  test("which key was used, and nothing of a token or of a key that a function gives", async () => {
    const kept = async (credential: Partial<Client>) => {
      const auditTrail = createMemoryAuditTrail();
      const { client } = stub([receipt(id)], { auditTrail, apiKey: undefined, ...credential });
      await deleteMessageBatch(client, id);
      return auditTrail.entries.map(({ keyFingerprint }) => keyFingerprint);
    };
    const [intent, outcome] = await kept({ apiKey });
    expect([intent, outcome]).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/), intent]);
    expect((await kept({ apiKey: `${apiKey}2` }))[0]).not.toBe(intent);
    for (const other of [{ authToken: apiKey }, { apiKey: () => apiKey }]) {
      expect(await kept(other)).toEqual([undefined, undefined]);
    }
  });

  test("the workspace that the client names before the request, and the one that answered", async () => {
    for (const [answered, recorded] of [["wrkspc_2", "wrkspc_2"], [undefined, "wrkspc_1"]]) {
      const auditTrail = createMemoryAuditTrail();
      const headers = answered === undefined ? {} : { "anthropic-workspace-id": answered };
      const answer = () => Response.json({ id, type: "message_batch_deleted" }, { headers });
      const { client } = stub([answer], { auditTrail, workspaceId: "wrkspc_1" });
      await deleteMessageBatch(client, id);
      expect(auditTrail.entries.map(({ workspaceId }) => workspaceId)).toEqual([
        "wrkspc_1",
        recorded,
      ]);
    }
  });

  test("nothing, and deletes nothing, where the trail never takes the intent", async () => {
    const auditTrail = { append: () => new Promise<void>(() => {}) };
    using _lastWait = timersOf(1_000, () => 10);
    const { client, seen } = stub([receipt(id)], { auditTrail, timeout: 20 });
    await expect(deleteMessageBatch(client, id)).rejects.toMatchObject({
      name: "TimeoutError",
      message: "Cannot write the audit trail: no answer within 20 ms",
    });
    expect(seen).toHaveLength(0);
  });

  test("how a lost answer became a deletion", async () => {
    const { entries } = await recorded([lost, refusal(404, "not_found_error")]);
    expect(entries[1]).toMatchObject({
      outcome: "deleted",
      evidence: "absent_after_retry",
      attempts: 2,
    });
  });

  test("a batch that was gone before as missing", async () => {
    const { entries } = await recorded([refusal(404, "not_found_error")], { allowMissing: true });
    expect(entries[1]).toMatchObject({ outcome: "missing", evidence: "missing" });
  });

  test("a refusal, and whether it may have been done", async () => {
    const { entries } = await recorded([refusal(403, "permission_error")]);
    expect(entries[1]).toMatchObject({
      outcome: "failed",
      requestId: "req_2",
      error: { code: "ERR_API", status: 403, type: "permission_error", outcomeKnown: true },
    });
    const unsure = await recorded([lost]);
    expect(unsure.entries[1]).toMatchObject({
      outcome: "failed",
      attempts: 3,
      error: { code: "ERR_CONNECTION", outcomeKnown: false },
    });
  });

  test("an aborted call as one of unknown outcome", async () => {
    const controller = new AbortController();
    const answer = () => {
      controller.abort(new Error(apiKey));
      return new Promise<Response>(() => {});
    };
    const { entries } = await recorded([answer], { signal: controller.signal });
    expect(entries[1]).toMatchObject({ outcome: "failed", error: { outcomeKnown: false } });
    expect(JSON.stringify(entries)).not.toContain(apiKey);
  });

  test("nothing where an argument or the configuration cannot be used", async () => {
    const auditTrail = createMemoryAuditTrail();
    const { client } = stub([receipt(id)], { auditTrail });
    await rejection(deleteMessageBatch(client, ".."));
    await rejection(deleteMessageBatch({ ...client, timeout: -1 }, id));
    expect(auditTrail.entries).toEqual([]);
  });
});

describe("deleteMessageBatch() with a trail that breaks", () => {
  const full = new Error("disk full");
  const breaking = (phase: string) => ({
    append: (entry: AuditEntry) => entry.phase === phase ? Promise.reject(full) : Promise.resolve(),
  });

  test("deletes nothing when the intent cannot be written", async () => {
    const { client, seen } = stub([receipt(id)], { auditTrail: breaking("intent") });
    expect(await rejection(deleteMessageBatch(client, id))).toBe(full);
    expect(seen).toHaveLength(0);
  });

  test("says beside the truth that the outcome could not be written", async () => {
    const { client } = stub([receipt(id)], { auditTrail: breaking("outcome") });
    expect(await deleteMessageBatch(client, id)).toEqual({
      id,
      type: "message_batch_deleted",
      evidence: "receipt",
      requestId: "req_1",
      attempts: 1,
      auditError: "disk full",
    });
    const odd = {
      append: ({ phase }: AuditEntry) =>
        phase === "outcome" ? Promise.reject(apiKey) : Promise.resolve(),
    };
    const thrown = stub([receipt(id)], { auditTrail: odd });
    expect((await deleteMessageBatch(thrown.client, id)).auditError).toBe("unknown reason");
    const failing = stub([refusal(403, "permission_error")], { auditTrail: breaking("outcome") });
    expect(await rejection(deleteMessageBatch(failing.client, id))).toMatchObject({
      code: "ERR_API",
      auditError: "disk full",
    });
  });
});
