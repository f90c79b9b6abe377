import Anthropic, { AuthenticationError, BadRequestError, NotFoundError } from "@anthropic-ai/sdk";
import { Anthropic as Older, NotFoundError as OlderNotFoundError } from "anthropic-sdk-0";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { serve, type Server } from "../../src/adapters/serve.ts";
import { scopes } from "../../src/config/mod.ts";
import { createSandbox, type Sandbox } from "../../src/sandbox/mod.ts";
import { createService } from "../../src/service/mod.ts";
import { hash, token } from "../fixtures/gateway.ts";
import { createMemoryStorage } from "../fixtures/memory-storage.ts";
import { DOCUMENTED, type DocumentedDeletion } from "../fixtures/sandbox/documented-resources.ts";

type Params = Readonly<Record<string, string>>;

/** One function of an official SDK that deletes something: its place, and what it sends. */
interface Deletion {
  readonly title: string;
  /** Title of the documented deletion that it asks for. */
  readonly documented: string;
  readonly remove: (url: string, apiKey: string, params: Params) => Promise<unknown>;
  readonly search?: string;
  readonly betas?: readonly string[];
  readonly older?: boolean;
}

const KEY = "sk-ant-api03-test";
/** There is no option for it: an administrator's key is a client's `apiKey`. */
const ADMIN_KEY = "sk-ant-admin01-test";

const current = (baseURL: string, apiKey: string) =>
  new Anthropic({ baseURL, apiKey, maxRetries: 0 });
const older = (baseURL: string, apiKey: string) => new Older({ baseURL, apiKey, maxRetries: 0 });

const p = (params: Params, name: string) => params[name] ?? "";

/** What the current SDK has twice, at its root and under `beta`. */
function twice(
  title: string,
  documented: string,
  remove: (client: Anthropic | Anthropic["beta"], params: Params) => Promise<unknown>,
): readonly Deletion[] {
  return [
    { title, documented, remove: (url, key, params) => remove(current(url, key), params) },
    {
      title: `beta.${title}`,
      documented,
      remove: (url, key, params) => remove(current(url, key).beta, params),
    },
  ];
}

const DELETIONS: readonly Deletion[] = [
  ...twice("files.delete", "file", (client, params) => client.files.delete(p(params, "file_id"))),
  ...twice(
    "skills.delete",
    "skill",
    (client, params) => client.skills.delete(p(params, "skill_id")),
  ),
  ...twice(
    "skills.versions.delete",
    "skill version",
    (client, params) =>
      client.skills.versions.delete(p(params, "version"), { skill_id: p(params, "skill_id") }),
  ),
  {
    title: "beta.skills.versions.delete with the old beta",
    documented: "skill version under the old beta",
    betas: ["skills-2025-10-02"],
    remove: (url, key, params) =>
      current(url, key).beta.skills.versions.delete(p(params, "version"), {
        skill_id: p(params, "skill_id"),
        betas: ["skills-2025-10-02"],
      }),
  },
  ...twice(
    "organization.invites.delete",
    "invite",
    (client, params) => client.organization.invites.delete(p(params, "invite_id")),
  ),
  ...twice(
    "organization.users.remove",
    "user",
    (client, params) => client.organization.users.remove(p(params, "user_id")),
  ),
  ...twice(
    "organization.workspaces.members.remove",
    "workspace member",
    (client, params) =>
      client.organization.workspaces.members.remove(p(params, "user_id"), {
        workspace_id: p(params, "workspace_id"),
      }),
  ),
  {
    title: "beta.memoryStores.delete",
    documented: "memory store",
    betas: ["agent-memory-2026-07-22"],
    remove: (url, key, params) =>
      current(url, key).beta.memoryStores.delete(p(params, "memory_store_id")),
  },
  {
    title: "beta.environments.delete",
    documented: "environment",
    betas: ["managed-agents-2026-04-01"],
    remove: (url, key, params) =>
      current(url, key).beta.environments.delete(p(params, "environment_id")),
  },
  {
    title: "beta.memoryStores.memories.delete",
    documented: "memory",
    betas: ["agent-memory-2026-07-22"],
    remove: (url, key, params) =>
      current(url, key).beta.memoryStores.memories.delete(p(params, "memory_id"), {
        memory_store_id: p(params, "memory_store_id"),
      }),
  },
  {
    title: "beta.sessions.delete",
    documented: "session",
    betas: ["managed-agents-2026-04-01"],
    remove: (url, key, params) => current(url, key).beta.sessions.delete(p(params, "session_id")),
  },
  {
    title: "beta.sessions.resources.delete",
    documented: "session resource",
    betas: ["managed-agents-2026-04-01"],
    remove: (url, key, params) =>
      current(url, key).beta.sessions.resources.delete(p(params, "resource_id"), {
        session_id: p(params, "session_id"),
      }),
  },
  {
    title: "userProfiles.delete",
    documented: "user profile",
    remove: (url, key, params) =>
      current(url, key).userProfiles.delete(p(params, "user_profile_id")),
  },
  {
    title: "beta.userProfiles.delete",
    documented: "user profile",
    betas: ["user-profiles-2026-08-18"],
    remove: (url, key, params) =>
      current(url, key).beta.userProfiles.delete(p(params, "user_profile_id")),
  },
  {
    title: "beta.vaults.delete",
    documented: "vault",
    betas: ["managed-agents-2026-04-01"],
    remove: (url, key, params) => current(url, key).beta.vaults.delete(p(params, "vault_id")),
  },
  {
    title: "beta.vaults.credentials.delete",
    documented: "vault credential",
    betas: ["managed-agents-2026-04-01"],
    remove: (url, key, params) =>
      current(url, key).beta.vaults.credentials.delete(p(params, "credential_id"), {
        vault_id: p(params, "vault_id"),
      }),
  },
  {
    title: "beta.files.delete of 0.120",
    documented: "file",
    older: true,
    search: "?beta=true",
    betas: ["files-api-2025-04-14"],
    remove: (url, key, params) => older(url, key).beta.files.delete(p(params, "file_id")),
  },
  {
    title: "beta.skills.delete of 0.120",
    documented: "skill",
    older: true,
    search: "?beta=true",
    betas: ["skills-2025-10-02"],
    remove: (url, key, params) => older(url, key).beta.skills.delete(p(params, "skill_id")),
  },
  {
    title: "beta.skills.versions.delete of 0.120",
    documented: "skill version under the old beta",
    older: true,
    search: "?beta=true",
    betas: ["skills-2025-10-02"],
    remove: (url, key, params) =>
      older(url, key).beta.skills.versions.delete(p(params, "version"), {
        skill_id: p(params, "skill_id"),
      }),
  },
  {
    title: "beta.memoryStores.delete of 0.120",
    documented: "memory store",
    older: true,
    search: "?beta=true",
    betas: ["agent-memory-2026-07-22"],
    remove: (url, key, params) =>
      older(url, key).beta.memoryStores.delete(p(params, "memory_store_id")),
  },
];

let server: Server;
let gateway: Server;
let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = createSandbox({ apiKeys: [KEY, ADMIN_KEY] });
  server = await serve(sandbox.fetch);
  const service = createService({
    client: { apiKey: KEY, fetch: sandbox.fetch },
    storage: createMemoryStorage(),
    environment: {
      ANTHROPIC_ADMIN_KEY: ADMIN_KEY,
      GATEWAY_TOKENS: [{ name: "all", sha256: await hash(token), allow: scopes }],
    },
  });
  gateway = await serve(service.fetch);
});
afterEach(() => Promise.all([server.close(), gateway.close()]));

const rejection = (promise: Promise<unknown>) =>
  promise.then(() => expect.unreachable("It resolved"), (error) => error);

function documented(title: string): DocumentedDeletion {
  const found = DOCUMENTED.find((deletion) => deletion.title === title);
  if (!found) throw new Error(`Nothing is documented for "${title}"`);
  return found;
}

describe.each(DELETIONS)("createSandbox() serves $title:", (deletion) => {
  const { object, path, answer } = documented(deletion.documented);
  const administrative = path.startsWith("/v1/organizations/");
  const [key, otherKey] = administrative ? [ADMIN_KEY, KEY] : [KEY, ADMIN_KEY];
  const remove = (apiKey = key) => deletion.remove(server.url, apiKey, object);

  test("it deletes, and what it sends is seen", async () => {
    sandbox.seedResource(object);
    expect(await remove()).toEqual(answer);
    expect(sandbox.hasResource(object)).toBe(false);
    expect(sandbox.requests).toEqual([{
      method: "DELETE",
      path,
      search: deletion.search ?? "",
      time: expect.any(Number),
      apiVersion: deletion.older ? "2023-06-01" : "2026-10-21",
      betas: deletion.betas ?? [],
      credential: deletion.older ? "x-api-key" : "authorization",
      requestId: expect.stringMatching(/^req_01/),
      status: 200,
    }]);
  });

  test("to delete again is a NotFoundError", async () => {
    sandbox.seedResource(object);
    await remove();
    const error = await rejection(remove());
    expect(error).toBeInstanceOf(deletion.older ? OlderNotFoundError : NotFoundError);
    expect(error.type).toBe("not_found_error");
    expect(error.requestID).toBe(sandbox.requests[1]?.requestId);
  });

  test("the same through the gateway, for a token", async () => {
    sandbox.seedResource(object);
    expect(await deletion.remove(gateway.url, token, object)).toEqual(answer);
    expect(sandbox.hasResource(object)).toBe(false);
    const error = await rejection(deletion.remove(gateway.url, token, object));
    expect(error).toBeInstanceOf(deletion.older ? OlderNotFoundError : NotFoundError);
  });

  test("the other kind of key is refused, and deletes nothing", async () => {
    sandbox.seedResource(object);
    const error = await rejection(remove(otherKey));
    expect([error.status, error.type]).toEqual([401, "authentication_error"]);
    expect(sandbox.hasResource(object)).toBe(true);
  });
});

describe("createSandbox() refuses the official SDK:", () => {
  test("a skill that has versions, under the old beta", async () => {
    const { skill_id } = sandbox.seedResource({ type: "skill_version", version: "1" });
    const { skills } = current(server.url, KEY).beta;
    const error = await rejection(skills.delete(skill_id, { betas: ["skills-2025-10-02"] }));
    expect(error).toBeInstanceOf(BadRequestError);
    expect((await rejection(older(server.url, KEY).beta.skills.delete(skill_id))).status).toBe(400);
    expect(sandbox.hasResource({ type: "skill", skill_id })).toBe(true);
    expect(await skills.delete(skill_id)).toEqual({ id: skill_id, type: "skill_deleted" });
    expect(sandbox.hasResource({ type: "skill_version", skill_id, version: "1" })).toBe(false);
  });

  test("the only member, with the error class that it has for that", async () => {
    const { user_id } = sandbox.seedResource({ type: "user", onlyMember: true });
    const { users } = current(server.url, ADMIN_KEY).organization;
    const error = await rejection(users.remove(user_id));
    expect(error).toBeInstanceOf(Anthropic.Organization.Users.CannotRemoveLastMemberError);
    expect(error.errorCode).toBe("cannot_remove_last_member");
    const { users: usersAtGateway } = current(gateway.url, token).organization;
    expect(await rejection(usersAtGateway.remove(user_id)))
      .toBeInstanceOf(Anthropic.Organization.Users.CannotRemoveLastMemberError);
  });

  test("a memory store without its beta, and with both", async () => {
    const { memory_store_id } = sandbox.seedResource({ type: "memory_store" });
    const client = current(server.url, KEY);
    const bare = client.delete(`/v1/memory_stores/${memory_store_id}`);
    expect(await rejection(bare)).toBeInstanceOf(BadRequestError);
    const betas = ["managed-agents-2026-04-01"];
    const both = client.beta.memoryStores.delete(memory_store_id, { betas });
    expect(await rejection(both)).toBeInstanceOf(BadRequestError);
    expect(sandbox.hasResource({ type: "memory_store", memory_store_id })).toBe(true);
  });

  test("batches with an administrator's key", async () => {
    const { id } = sandbox.seed();
    const { batches } = current(server.url, ADMIN_KEY).messages;
    expect(await rejection(batches.delete(id))).toBeInstanceOf(AuthenticationError);
    expect(sandbox.size).toBe(1);
  });
});

describe("createSandbox() serves files.delete", () => {
  test("without a type in the answer, which the SDK's own types allow", async () => {
    const { file_id } = sandbox.seedResource({ type: "file", override: { type: undefined } });
    const deleted = await current(server.url, KEY).files.delete(file_id);
    expect([deleted.id, deleted.type]).toEqual([file_id, undefined]);
  });
});
