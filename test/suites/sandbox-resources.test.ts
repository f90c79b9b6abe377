import { describe, expect, test } from "vitest";
import {
  createSandbox,
  type ResourceObject,
  type ResourceSeed,
  type ResourceType,
  type SandboxOptions,
} from "../../src/sandbox/mod.ts";
import { BATCHES, call, HEADERS } from "../fixtures/sandbox/call.ts";
import { ADMIN, DOCUMENTED, KEY, OLD_SKILLS } from "../fixtures/sandbox/documented-resources.ts";

const bearer = (headers: Readonly<Record<string, string>>) => {
  const { "x-api-key": key, ...rest } = headers;
  return { authorization: `Bearer ${key}`, ...rest };
};

/** A sandbox that has one object. */
function sandboxWith<Type extends ResourceType>(
  seed: ResourceSeed<Type>,
  options?: SandboxOptions,
) {
  const sandbox = createSandbox(options);
  sandbox.seedResource(seed);
  return sandbox;
}

/** An error of the API, whatever its message. */
const error = (type: string, details?: object) => ({
  type: "error",
  error: { type, message: expect.stringMatching(/./), ...(details && { details }) },
  request_id: expect.stringMatching(/^req_01/),
});

describe.each(DOCUMENTED)(
  "createSandbox() deletes a $title:",
  ({ object, template, path, headers, answer }) => {
    test("it answers as documented, and the object is gone", async () => {
      const sandbox = sandboxWith(object);
      expect(sandbox.hasResource(object)).toBe(true);
      const response = await call(sandbox, "DELETE", path, { headers });
      expect([response.status, response.json]).toEqual([200, answer]);
      expect(response.headers.get("content-type")).toBe("application/json");
      expect(sandbox.hasResource(object)).toBe(false);
    });

    test("in the documentation's order of members", async () => {
      const { text } = await call(sandboxWith(object), "DELETE", path, { headers });
      expect(text).toBe(JSON.stringify(answer));
    });

    test("a second time, and one that never was, are not found", async () => {
      const sandbox = sandboxWith(object);
      await call(sandbox, "DELETE", path, { headers });
      for (const missing of [path, `${path}x`]) {
        const { status, json } = await call(sandbox, "DELETE", missing, { headers });
        expect([status, json]).toEqual([404, error("not_found_error")]);
      }
    });

    test("only the one that is named is deleted", async () => {
      const sandbox = sandboxWith(object);
      const other = { type: object.type, ...sandbox.seedResource({ type: object.type }) };
      await call(sandbox, "DELETE", path, { headers });
      expect(sandbox.hasResource(other as ResourceObject)).toBe(true);
    });

    test("with a token, and with the newer version", async () => {
      const sandbox = sandboxWith(object);
      const newer = { ...bearer(headers), "anthropic-version": "2026-10-21" };
      const { json } = await call(sandbox, "DELETE", path, { headers: newer });
      expect(json).toEqual(answer);
    });

    test("the other kind of key is refused, and deletes nothing", async () => {
      const sandbox = sandboxWith(object);
      const { "x-api-key": key } = headers["x-api-key"] === ADMIN["x-api-key"] ? KEY : ADMIN;
      const wrong = { ...headers, "x-api-key": key };
      for (const headers of [wrong, bearer(wrong)]) {
        const { status, json } = await call(sandbox, "DELETE", path, { headers });
        expect([status, json]).toEqual([401, error("authentication_error")]);
      }
      expect(sandbox.hasResource(object)).toBe(true);
    });

    test("an unknown key is refused", async () => {
      const sandbox = sandboxWith(object, { apiKeys: [`${headers["x-api-key"]}-other`] });
      expect((await call(sandbox, "DELETE", path, { headers })).status).toBe(401);
    });

    test("another method is not allowed", async () => {
      const { status, headers: answered } = await call(sandboxWith(object), "PUT", path, {
        headers,
      });
      expect([status, answered.get("allow")]).toEqual([405, "DELETE, GET"]);
    });

    test("the request is logged, and its answer names request and workspace", async () => {
      const sandbox = sandboxWith(object, { workspaceId: "wrkspc_1" });
      const { headers: answered } = await call(sandbox, "DELETE", path, { headers });
      expect(sandbox.requests).toEqual([{
        method: "DELETE",
        path,
        search: "",
        time: expect.any(Number),
        apiVersion: "2023-06-01",
        betas: headers["anthropic-beta"] ? [headers["anthropic-beta"]] : [],
        credential: "x-api-key",
        requestId: answered.get("request-id"),
        status: 200,
      }]);
      expect(answered.get("anthropic-workspace-id")).toBe("wrkspc_1");
    });

    test("a fault strikes it by its template, before or after the effect", async () => {
      const sandbox = sandboxWith(object);
      sandbox.fail({ path: "/v1/messages/batches/{message_batch_id}", status: 500 });
      sandbox.fail({ path: template, status: 529 });
      sandbox.fail({ path: template, connection: "lost_after" });
      const remove = () => call(sandbox, "DELETE", path, { headers });
      expect((await remove()).status).toBe(529);
      expect(sandbox.hasResource(object)).toBe(true);
      await expect(remove()).rejects.toThrow(TypeError);
      expect(sandbox.hasResource(object)).toBe(false);
      expect((await remove()).status).toBe(404);
    });

    test("the rate limit counts it", async () => {
      const options = { now: () => 0, rateLimit: { perMinute: 60, burst: 1, headers: true } };
      const sandbox = sandboxWith(object, options);
      const first = await call(sandbox, "DELETE", path, { headers });
      const second = await call(sandbox, "DELETE", path, { headers });
      expect([first.status, second.status]).toEqual([200, 429]);
      expect(first.headers.get("anthropic-ratelimit-requests-remaining")).toBe("0");
      expect(second.headers.get("retry-after")).toBe("1");
    });
  },
);

test.each(
  [
    ["vault_credential", "vault", "vaults"],
    ["memory", "memory_store", "memory_stores"],
    ["session_resource", "session", "sessions"],
  ] as const,
)("a %s is gone with its %s, and stays when another one is deleted", async (type, whole, path) => {
  const sandbox = createSandbox();
  const [part, other] = [1, 2].map(() => ({ type, ...sandbox.seedResource({ type }) }));
  const id = Reflect.get(part ?? {}, `${whole}_id`);
  const beta = { "anthropic-beta": "managed-agents-2026-04-01" };
  const headers = { ...KEY, ...beta };
  expect((await call(sandbox, "DELETE", `/v1/${path}/${id}`, { headers })).status).toBe(200);
  const has = (object: unknown) => sandbox.hasResource(object as ResourceObject);
  expect([has(part), has(other)]).toEqual([false, true]);
});

describe("createSandbox() credentials of the organization's endpoints", () => {
  test("are an administrator's, and those of batches are not", async () => {
    const sandbox = createSandbox();
    expect((await call(sandbox, "GET", BATCHES, { headers: HEADERS })).status).toBe(200);
    const { status, json } = await call(sandbox, "GET", BATCHES, { headers: ADMIN });
    expect([status, json]).toEqual([401, error("authentication_error")]);
  });
});

describe("createSandbox() deletes a file", () => {
  test("without a type in the answer, if it is told so", async () => {
    const sandbox = createSandbox();
    const { file_id } = sandbox.seedResource({ type: "file", override: { type: undefined } });
    const { text } = await call(sandbox, "DELETE", `/v1/files/${file_id}`, { headers: KEY });
    expect(text).toBe(JSON.stringify({ id: file_id }));
  });

  test("under its old beta too", async () => {
    const sandbox = createSandbox();
    const { file_id } = sandbox.seedResource({ type: "file" });
    const headers = { ...KEY, "anthropic-beta": "files-api-2025-04-14" };
    const { json } = await call(sandbox, "DELETE", `/v1/files/${file_id}`, { headers });
    expect(json).toEqual({ id: file_id, type: "file_deleted" });
  });

  test("whose id is percent-encoded in the path", async () => {
    const sandbox = sandboxWith({ type: "file", file_id: "a/b ü" });
    const path = `/v1/files/${encodeURIComponent("a/b ü")}`;
    const { json } = await call(sandbox, "DELETE", path, { headers: KEY });
    expect(json).toEqual({ id: "a/b ü", type: "file_deleted" });
  });
});

describe("createSandbox() deletes a skill that has versions", () => {
  function skillWithVersions() {
    const sandbox = createSandbox();
    const first = sandbox.seedResource({ type: "skill_version", version: "1759178010641129" });
    const { skill_id } = first;
    const second = sandbox.seedResource({ type: "skill_version", skill_id });
    const other = sandbox.seedResource({ type: "skill_version" });
    const has = () => [
      sandbox.hasResource({ type: "skill", skill_id }),
      sandbox.hasResource({ type: "skill_version", ...first }),
      sandbox.hasResource({ type: "skill_version", ...second }),
      sandbox.hasResource({ type: "skill", skill_id: other.skill_id }),
      sandbox.hasResource({ type: "skill_version", ...other }),
    ];
    return { sandbox, skill_id, path: `/v1/skills/${skill_id}`, has };
  }

  test("with its versions, and with no other skill's", async () => {
    const { sandbox, skill_id, path, has } = skillWithVersions();
    expect(has()).toEqual([true, true, true, true, true]);
    const { json } = await call(sandbox, "DELETE", path, { headers: KEY });
    expect(json).toEqual({ id: skill_id, type: "skill_deleted" });
    expect(has()).toEqual([false, false, false, true, true]);
  });

  test("not under the old beta, until its versions are deleted", async () => {
    const { sandbox, skill_id, path, has } = skillWithVersions();
    const refused = await call(sandbox, "DELETE", path, { headers: OLD_SKILLS });
    expect([refused.status, refused.json]).toEqual([400, {
      type: "error",
      error: {
        type: "invalid_request_error",
        message: "Cannot delete skill with existing versions. Delete all versions first.",
      },
      request_id: refused.headers.get("request-id"),
    }]);
    expect(has()).toEqual([true, true, true, true, true]);

    const empty = sandbox.seedResource({ type: "skill" }).skill_id;
    const { json } = await call(sandbox, "DELETE", `/v1/skills/${empty}`, { headers: OLD_SKILLS });
    expect(json).toEqual({ id: empty, type: "skill_deleted" });
    expect(sandbox.hasResource({ type: "skill", skill_id })).toBe(true);
  });

  test("under the old beta, once they are", async () => {
    const sandbox = createSandbox();
    const { skill_id } = sandbox.seedResource({ type: "skill_version", version: "1" });
    const path = `/v1/skills/${skill_id}`;
    const statuses = [];
    for (const one of [path, `${path}/versions/1`, path]) {
      statuses.push((await call(sandbox, "DELETE", one, { headers: OLD_SKILLS })).status);
    }
    expect(statuses).toEqual([400, 200, 200]);
  });
});

describe("createSandbox() finds a skill version", () => {
  test("in its own skill only", async () => {
    const sandbox = createSandbox();
    const { version } = sandbox.seedResource({ type: "skill_version" });
    const { skill_id } = sandbox.seedResource({ type: "skill" });
    const path = `/v1/skills/${skill_id}/versions/${version}`;
    expect((await call(sandbox, "DELETE", path, { headers: KEY })).status).toBe(404);
  });
});

describe("createSandbox() removes no user", () => {
  const remove = (sandbox: ReturnType<typeof createSandbox>, id: string) =>
    call(sandbox, "DELETE", `/v1/organizations/users/${id}`, { headers: ADMIN });

  test("who is the only member, until there is another", async () => {
    const sandbox = createSandbox();
    const { user_id } = sandbox.seedResource({ type: "user", onlyMember: true });
    const { status, json } = await remove(sandbox, user_id);
    const details = { error_code: "cannot_remove_last_member" };
    expect([status, json]).toEqual([400, error("invalid_request_error", details)]);
    expect(sandbox.hasResource({ type: "user", user_id })).toBe(true);
    sandbox.seedResource({ type: "user" });
    expect((await remove(sandbox, user_id)).status).toBe(200);
  });
});

describe("createSandbox() asks for a memory store's beta:", () => {
  test.each([
    ["none", undefined, 400],
    ["another one", "files-api-2025-04-14", 400],
    ["the newer one among others", "files-api-2025-04-14,agent-memory-2026-07-22", 200],
    ["the newer one twice", "agent-memory-2026-07-22,agent-memory-2026-07-22", 200],
    ["the older one", "managed-agents-2026-04-01", 200],
    ["both", "managed-agents-2026-04-01,agent-memory-2026-07-22", 400],
  ])("%s", async (_, beta, expected) => {
    const sandbox = createSandbox();
    const params = sandbox.seedResource({ type: "memory_store" });
    const path = `/v1/memory_stores/${params.memory_store_id}`;
    const headers = { ...KEY, ...(beta && { "anthropic-beta": beta }) };
    const { status, json } = await call(sandbox, "DELETE", path, { headers });
    expect(status).toBe(expected);
    if (expected === 400) expect(json).toEqual(error("invalid_request_error"));
    expect(sandbox.hasResource({ type: "memory_store", ...params })).toBe(expected === 400);
  });
});

describe("Sandbox.seedResource()", () => {
  test("makes new ids as the API's look", () => {
    const sandbox = createSandbox();
    const id = (prefix: string) =>
      expect.stringMatching(new RegExp(`^${prefix}_01[0-9A-Za-z]{22}$`));
    const skill_id = id("skill");
    const user_id = id("user");
    expect(sandbox.seedResource({ type: "file" })).toEqual({ file_id: id("file") });
    expect(sandbox.seedResource({ type: "skill" })).toEqual({ skill_id });
    expect(sandbox.seedResource({ type: "skill_version" })).toEqual({
      skill_id,
      version: id("skver"),
    });
    expect(sandbox.seedResource({ type: "invite" })).toEqual({ invite_id: id("invite") });
    expect(sandbox.seedResource({ type: "user" })).toEqual({ user_id });
    expect(sandbox.seedResource({ type: "workspace_member" })).toEqual({
      workspace_id: id("wrkspc"),
      user_id,
    });
    expect(sandbox.seedResource({ type: "memory_store" })).toEqual({
      memory_store_id: id("memstore"),
    });
  });

  test("keeps what it is given, and replaces an object that has its name", async () => {
    const sandbox = createSandbox();
    const user = { type: "user", user_id: "user_1" } as const;
    expect(sandbox.seedResource({ ...user, onlyMember: true })).toEqual({ user_id: "user_1" });
    sandbox.seedResource(user);
    const { status } = await call(sandbox, "DELETE", "/v1/organizations/users/user_1", {
      headers: ADMIN,
    });
    expect(status).toBe(200);
  });

  test("lays members over the answer", async () => {
    const sandbox = sandboxWith({ type: "file", file_id: "file_1", override: { id: "file_2" } });
    const { json } = await call(sandbox, "DELETE", "/v1/files/file_1", { headers: KEY });
    expect(json).toEqual({ id: "file_2", type: "file_deleted" });
  });

  test("leaves the batches as they are", () => {
    const sandbox = sandboxWith({ type: "file" });
    expect(sandbox.size).toBe(0);
  });

  test("refuses a kind that it does not know", () => {
    const { seedResource, hasResource } = createSandbox();
    // @ts-expect-error There is no such kind.
    expect(() => seedResource({ type: "agent" })).toThrow(TypeError);
    // @ts-expect-error There is no such kind.
    expect(() => hasResource({ type: "agent", agent_id: "agent_1" })).toThrow(TypeError);
  });

  test("takes the parameters of its own kind only, as the compiler sees it", () => {
    const { seedResource, hasResource } = createSandbox();
    // @ts-expect-error A file has no skill.
    seedResource({ type: "file", skill_id: "skill_1" });
    // @ts-expect-error A version is named by its skill, too.
    expect(hasResource({ type: "skill_version", version: "1" })).toBe(false);
  });
});
