/** Every other kind of object that can be deleted: one row of data and one export each. @module */
import { checkOptions } from "./core/check.ts";
import { checkClient, type Client } from "./core/client.ts";
import {
  type DeletableResource,
  deleteChecks,
  type DeleteOptions,
  deleteResource,
  paramsOf,
  type ResourceDeletion,
  type ResourceParams,
} from "./core/delete.ts";
import { createCall } from "./core/send.ts";

export type { PathParams } from "./core/check.ts";
export type { DeletableResource, DeleteOptions, ResourceDeletion, ResourceParams };

/** The kinds. To add one: a row here, an export below, a row in the sandbox's table, a fixture. */
const table = {
  file: {
    path: "/v1/files/{file_id}",
    typeOptional: true,
    prefixes: { file_id: "file_" },
  },
  skill: {
    path: "/v1/skills/{skill_id}",
    prefixes: { skill_id: "skill_" },
  },
  skill_version: {
    path: "/v1/skills/{skill_id}/versions/{version}",
    prefixes: { skill_id: "skill_", version: "skver_" },
  },
  memory_store: {
    path: "/v1/memory_stores/{memory_store_id}",
    prefixes: { memory_store_id: "memstore_" },
    betas: ["agent-memory-2026-07-22", "managed-agents-2026-04-01"],
  },
  memory: {
    path: "/v1/memory_stores/{memory_store_id}/memories/{memory_id}",
    prefixes: { memory_store_id: "memstore_", memory_id: "mem_" },
    betas: ["agent-memory-2026-07-22", "managed-agents-2026-04-01"],
  },
  session: {
    path: "/v1/sessions/{session_id}",
    prefixes: { session_id: "sesn_" },
    betas: ["managed-agents-2026-04-01"],
  },
  session_resource: {
    path: "/v1/sessions/{session_id}/resources/{resource_id}",
    prefixes: { session_id: "sesn_", resource_id: "sesrsc_" },
    betas: ["managed-agents-2026-04-01"],
  },
  environment: {
    path: "/v1/environments/{environment_id}",
    prefixes: { environment_id: "env_" },
    betas: ["managed-agents-2026-04-01"],
  },
  vault: {
    path: "/v1/vaults/{vault_id}",
    prefixes: { vault_id: "vlt_" },
    betas: ["managed-agents-2026-04-01"],
  },
  vault_credential: {
    path: "/v1/vaults/{vault_id}/credentials/{credential_id}",
    prefixes: { vault_id: "vlt_", credential_id: "vcrd_" },
    betas: ["managed-agents-2026-04-01"],
  },
  user_profile: {
    path: "/v1/user_profiles/{user_profile_id}",
    prefixes: { user_profile_id: "uprof_" },
  },
  invite: {
    path: "/v1/organizations/invites/{invite_id}",
    administrative: true,
    prefixes: { invite_id: "invite_" },
  },
  user: {
    path: "/v1/organizations/users/{user_id}",
    administrative: true,
    prefixes: { user_id: "user_" },
  },
  workspace_member: {
    path: "/v1/organizations/workspaces/{workspace_id}/members/{user_id}",
    administrative: true,
    echoes: ["user_id", "workspace_id"],
    prefixes: { workspace_id: "wrkspc_", user_id: "user_" },
  },
} as const;

/** The kinds by their names. */
export type Resources = {
  readonly [Name in keyof typeof table]: { readonly name: Name } & (typeof table)[Name];
};

/** The kinds, as data. */
export const resourceKinds: readonly DeletableResource[] = Object.entries(table)
  .map(([name, kind]) => ({ name, ...kind }));

/** The id of one object of a kind; where its path has several parameters, those by name. */
export type ResourceId<Resource extends DeletableResource> = Resource["path"] extends
  `${string}}${string}{${string}` ? ResourceParams<Resource> : string;

/**
 * Deletes one object of a kind, and validates the receipt. It resolves and throws as
 * `deleteMessageBatch()` does.
 */
export type DeleteFunction<Name extends keyof Resources> = (
  client: Client,
  id: ResourceId<Resources[Name]>,
  options?: DeleteOptions,
) => Promise<ResourceDeletion<Resources[Name]>>;

function deleteFunction<Name extends keyof Resources>(name: Name): DeleteFunction<Name> {
  const resource: DeletableResource = { name, ...table[name] };
  const [param = ""] = paramsOf(resource);
  return async (client, id: unknown, options = {}) => {
    const params = typeof id === "object" && id !== null ? id : { [param]: id };
    const checked = checkOptions(options, deleteChecks);
    const call = createCall(checkClient(client), checked);
    const deletion = await deleteResource(call, resource, params, checked);
    return deletion as ResourceDeletion<Resources[Name]>;
  };
}

/**
 * Deletes a file. This cannot be undone.
 *
 * @see [Delete a file](https://platform.claude.com/docs/en/api/files/delete)
 */
export const deleteFile: DeleteFunction<"file"> = /* @__PURE__ */ deleteFunction("file");

/**
 * Deletes a skill, and its versions with it. This cannot be undone. With the beta
 * `skills-2025-10-02`, the API refuses a skill that has versions.
 *
 * @see [Delete a skill](https://platform.claude.com/docs/en/api/skills/delete)
 */
export const deleteSkill: DeleteFunction<"skill"> = /* @__PURE__ */ deleteFunction("skill");

/**
 * Deletes one version of a skill, named by `{ skill_id, version }`. This cannot be undone.
 *
 * @see [Delete a skill version](https://platform.claude.com/docs/en/api/skills/versions/delete)
 */
export const deleteSkillVersion: DeleteFunction<"skill_version"> = /* @__PURE__ */ deleteFunction(
  "skill_version",
);

/**
 * Deletes a memory store, and its memories with it. This cannot be undone.
 *
 * @see [Delete a memory store](https://platform.claude.com/docs/en/api/beta/memory_stores/delete)
 */
export const deleteMemoryStore: DeleteFunction<"memory_store"> = /* @__PURE__ */ deleteFunction(
  "memory_store",
);

/**
 * Deletes one memory of a store, named by `{ memory_store_id, memory_id }`. This cannot be undone.
 *
 * @see [Delete a memory](https://platform.claude.com/docs/en/api/beta/memory_stores/memories/delete)
 */
export const deleteMemory: DeleteFunction<"memory"> = /* @__PURE__ */ deleteFunction("memory");

/**
 * Deletes a session of an agent. This cannot be undone. The API refuses one that is running.
 *
 * @see [Delete a session](https://platform.claude.com/docs/en/api/beta/sessions/delete)
 */
export const deleteSession: DeleteFunction<"session"> = /* @__PURE__ */ deleteFunction("session");

/**
 * Takes a resource, named by `{ session_id, resource_id }`, out of a session.
 *
 * @see [Delete a session resource](https://platform.claude.com/docs/en/api/beta/sessions/resources/delete)
 */
export const deleteSessionResource: DeleteFunction<"session_resource"> =
  /* @__PURE__ */ deleteFunction("session_resource");

/**
 * Deletes an environment in which agents run. This cannot be undone.
 *
 * @see [Delete an environment](https://platform.claude.com/docs/en/api/beta/environments/delete)
 */
export const deleteEnvironment: DeleteFunction<"environment"> = /* @__PURE__ */ deleteFunction(
  "environment",
);

/**
 * Deletes a vault of credentials. This cannot be undone.
 *
 * @see [Delete a vault](https://platform.claude.com/docs/en/api/beta/vaults/delete)
 */
export const deleteVault: DeleteFunction<"vault"> = /* @__PURE__ */ deleteFunction("vault");

/**
 * Deletes one credential of a vault, named by `{ vault_id, credential_id }`. This cannot be undone.
 *
 * @see [Delete a credential](https://platform.claude.com/docs/en/api/beta/vaults/credentials/delete)
 */
export const deleteVaultCredential: DeleteFunction<"vault_credential"> =
  /* @__PURE__ */ deleteFunction("vault_credential");

/**
 * Deletes a user profile. This cannot be undone.
 *
 * @see [Delete a user profile](https://platform.claude.com/docs/en/api/beta/user_profiles/delete)
 */
export const deleteUserProfile: DeleteFunction<"user_profile"> = /* @__PURE__ */ deleteFunction(
  "user_profile",
);

/**
 * Withdraws an invite to the organization. It takes an administrator's key.
 *
 * @see [Delete an invite](https://platform.claude.com/docs/en/api/admin/invites/delete)
 */
export const deleteInvite: DeleteFunction<"invite"> = /* @__PURE__ */ deleteFunction("invite");

/**
 * Removes a user from the organization. It takes an administrator's key; the API refuses to remove an
 * admin and the last member.
 *
 * @see [Delete a user](https://platform.claude.com/docs/en/api/admin/users/delete)
 */
export const deleteUser: DeleteFunction<"user"> = /* @__PURE__ */ deleteFunction("user");

/**
 * Removes a user, named by `{ workspace_id, user_id }`, from a workspace. It takes an administrator's
 * key.
 *
 * @see [Delete a workspace member](https://platform.claude.com/docs/en/api/admin/workspaces/members/delete)
 */
export const deleteWorkspaceMember: DeleteFunction<"workspace_member"> =
  /* @__PURE__ */ deleteFunction("workspace_member");
