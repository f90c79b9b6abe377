import { defineResource, type DeleteFunction } from "../core/resource.ts";

const workspaceMember = {
  name: "workspace_member",
  path: "/v1/organizations/workspaces/{workspace_id}/members/{user_id}",
  type: "workspace_member_deleted",
  administrative: true,
  echoes: { user_id: "user_id", workspace_id: "workspace_id" },
  prefixes: { workspace_id: "wrkspc_", user_id: "user_" },
} as const;

/**
 * Removes a user, named by `{ workspace_id, user_id }`, from a workspace. It takes an administrator's
 * key.
 *
 * @see [Delete a workspace member](https://platform.claude.com/docs/en/api/admin/workspaces/members/delete)
 */
export const deleteWorkspaceMember: DeleteFunction<typeof workspaceMember> =
  /* @__PURE__ */ defineResource(workspaceMember);
