import { describe, expect, test } from "vitest";
import type { Client, DeleteOptions, RequestEvent } from "../../mod.ts";
import { createMemoryAuditTrail } from "../fixtures/memory-audit-trail.ts";
import * as library from "../../src/resources.ts";
import { createSandbox, type ResourceObject, type ResourceType } from "../../src/sandbox/mod.ts";
import {
  type DeleteFunctionName,
  type ResourceFixture,
  resourceFixtures,
} from "../fixtures/resources.ts";
import { lost, refusal, rejection, stub } from "../fixtures/stub.ts";

/** What the functions have in common. */
type Remove = (client: Client, id: unknown, options?: DeleteOptions) => Promise<unknown>;

const kinds = library.resourceKinds.map((resource) => {
  const words = resource.name.split("_").map((word) => word[0]?.toUpperCase() + word.slice(1));
  const name = `delete${words.join("")}` as DeleteFunctionName;
  const fixture: ResourceFixture = resourceFixtures[name];
  return { name, remove: library[name] as unknown as Remove, resource, fixture };
});

const answer = (body: unknown) => () => Response.json(body, { headers: { "request-id": "req_1" } });

describe("the table of kinds", () => {
  test("has each kind once, with a function and a fixture", () => {
    const names = ["message_batch", ...kinds.map(({ resource }) => resource.name)];
    expect(new Set(names).size).toBe(names.length);
    expect(kinds.filter(({ remove, fixture }) => !remove || !fixture)).toEqual([]);
    expect(kinds.map(({ name }) => name).sort()).toEqual(Object.keys(resourceFixtures).sort());
  });
});

test("deleteWorkspaceMember() reports the one it has asked for, whatever its argument says later", async () => {
  const answers = ["user_1", "user_2", "user_3"];
  const member = {
    workspace_id: "wrkspc_1",
    get user_id() {
      return answers.shift() ?? "";
    },
  };
  const { client, seen } = stub([answer({
    type: "workspace_member_deleted",
    workspace_id: "wrkspc_1",
    user_id: "user_1",
  })]);
  expect(await library.deleteWorkspaceMember(client, member)).toMatchObject({ user_id: "user_1" });
  expect(seen[0]?.url).toMatch(/members\/user_1$/);
});

for (const { name, remove, resource, fixture } of kinds) {
  const { id, path, receipt } = fixture;
  const gone = { ...receipt, type: `${resource.name}_deleted` };

  describe(`${name}()`, () => {
    test("sends one DELETE to its path, with a beta it needs and those of the call", async () => {
      const { client, seen } = stub([answer(receipt)]);
      await remove(client, id, { betas: ["made-up-2030-01-01"] });
      expect(seen.map(({ method, url }) => [method, url])).toEqual([
        ["DELETE", `https://api.anthropic.com${path}`],
      ]);
      const betas = [...resource.betas?.slice(0, 1) ?? [], "made-up-2030-01-01"];
      expect(seen[0]?.headers.get("anthropic-beta")).toBe(betas.join(","));
    });

    test("sends no beta of its own where client or call names one that will do", async () => {
      for (const beta of resource.betas ?? []) {
        for (const where of ["client", "call"]) {
          const betas = [beta];
          const { client, seen } = stub([answer(receipt)], where === "client" ? { betas } : {});
          await remove(client, id, where === "call" ? { betas } : {});
          expect(seen[0]?.headers.get("anthropic-beta")).toBe(beta);
        }
      }
    });

    test("resolves with the receipt, validated, and tells event and trail", async () => {
      const events: RequestEvent[] = [];
      const auditTrail = createMemoryAuditTrail();
      const { client } = stub([answer(receipt)], {
        auditTrail,
        onRequest: (one) => events.push(one),
      });
      expect(await remove(client, id)).toEqual({
        ...gone,
        evidence: "receipt",
        requestId: "req_1",
        attempts: 1,
      });
      expect(events.map(({ pathTemplate }) => pathTemplate)).toEqual([resource.path]);
      const recorded = typeof id === "string" ? id : Object.values(id).join("/");
      expect(auditTrail.entries.map((entry) => [entry.phase, entry.resource, entry.objectId]))
        .toEqual([
          ["intent", resource.name, recorded],
          ["outcome", resource.name, recorded],
        ]);
    });

    test("rejects a receipt with another value in any of its fields", async () => {
      for (const field of Object.keys(receipt)) {
        for (const value of [`${receipt[field]}x`, null, 1, [receipt[field]]]) {
          const refused = refusal(401, "authentication_error"); // of a look
          const { client, seen } = stub([answer({ ...receipt, [field]: value }), refused]);
          const error = await rejection(remove(client, id));
          expect(error).toMatchObject({ code: "ERR_INVALID_RESPONSE", status: 200 });
          expect(seen).toHaveLength(2);
        }
      }
    });

    test("rejects a receipt without one of its fields, but for a type that is optional", async () => {
      for (const field of Object.keys(receipt)) {
        const { [field]: _, ...rest } = receipt;
        const { client } = stub([answer(rest)]);
        const result: unknown = await remove(client, id).catch((error: unknown) => error);
        if (field === "type" && resource.typeOptional) {
          expect(result).toMatchObject({ ...gone, evidence: "receipt" });
        } else expect(result).toMatchObject({ code: "ERR_INVALID_RESPONSE" });
      }
    });

    test("resolves with the evidence of three looks after a lost answer and a 404", async () => {
      const { client, seen } = stub([lost, refusal(404, "not_found_error")]);
      expect(await remove(client, id)).toMatchObject({ ...gone, evidence: "absent_after_retry" });
      expect(seen.map(({ method }) => method).join(" ")).toBe("DELETE DELETE GET GET GET");
      expect(new Set(seen.map(({ url }) => url))).toEqual(
        new Set([`https://api.anthropic.com${path}`]),
      );
      const [beta] = resource.betas ?? [];
      for (const { headers } of seen) expect(headers.get("anthropic-beta")).toBe(beta ?? null);
    });

    test("is repeated once where a look finds the object", async () => {
      const { type: _, ...named } = receipt;
      const object = answer({ version: "x", ...named, type: resource.name });
      const noReceipt = answer({});
      const { client, seen } = stub([noReceipt, object, answer(receipt)]);
      expect(await remove(client, id)).toMatchObject({ evidence: "receipt", attempts: 2 });
      expect(seen.map(({ method }) => method).join(" ")).toBe("DELETE GET DELETE");
      const alive = stub([noReceipt, object, noReceipt, object]);
      expect(await rejection(remove(alive.client, id))).toMatchObject({
        code: "ERR_INVALID_RESPONSE",
        outcomeKnown: false,
        attempts: 2,
      });
      expect(alive.seen).toHaveLength(4);
    });

    test("rejects a 404 at once, or calls it missing where that is allowed", async () => {
      const answers = [refusal(404, "not_found_error")];
      const error = await rejection(remove(stub(answers).client, id));
      expect(error).toMatchObject({ code: "ERR_NOT_FOUND" });
      expect(await remove(stub(answers).client, id, { allowMissing: true }))
        .toEqual({ ...gone, evidence: "missing", requestId: "req_2", attempts: 1 });
    });

    test("rejects a refusal in words that name it", async () => {
      const { client, seen } = stub([refusal(400, "invalid_request_error")]);
      const error = await rejection(remove(client, id));
      expect(error).toMatchObject({ code: "ERR_API", status: 400 });
      expect(String(error)).toContain(`Cannot delete ${resource.name.replaceAll("_", " ")} "`);
      expect(seen).toHaveLength(1);
    });

    test("deletes one from the sandbox, with the key it takes and with no other", async () => {
      const sandbox = createSandbox();
      const type = resource.name as ResourceType;
      const params = sandbox.seedResource({ type });
      const object = { type, ...params } as ResourceObject;
      const id = Object.keys(params).length === 1 ? Object.values(params)[0] : params;
      const { client } = stub([], { fetch: sandbox.fetch });
      const admin = { ...client, apiKey: "sk-ant-admin01-example" };
      const [right, wrong] = resource.administrative ? [admin, client] : [client, admin];
      expect(await rejection(remove(wrong, id))).toMatchObject({ status: 401 });
      expect(sandbox.hasResource(object)).toBe(true);
      expect(await remove(right, id)).toMatchObject({
        evidence: "receipt",
        type: `${resource.name}_deleted`,
      });
      expect(sandbox.hasResource(object)).toBe(false);
    });

    test("refuses what does not name one object before any request", async () => {
      const { client, seen } = stub([answer(receipt)]);
      const bad = typeof id === "string"
        ? ["", "..", "a/b", 1, null, undefined, {}]
        : Object.keys(id).flatMap((param) =>
          ["", "..", "a/b", 1, undefined].map((value) => ({ ...id, [param]: value }))
        );
      for (const wrong of [...bad, typeof id === "string" ? [id] : "a/b"]) {
        expect(await rejection(remove(client, wrong))).toBeInstanceOf(TypeError);
      }
      expect(seen).toHaveLength(0);
    });
  });
}
