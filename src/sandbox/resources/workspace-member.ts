import type { Resource } from "../resource.ts";

/**
 * A user's membership of a workspace: it has no id of its own.
 *
 * @see [Delete Workspace Member](https://platform.claude.com/docs/en/api/organization/workspaces/members/remove)
 */
export const workspaceMember: Resource<"workspace_member", "workspace_id" | "user_id"> = {
  type: "workspace_member",
  path: "/v1/organizations/workspaces/{workspace_id}/members/{user_id}",
  prefixes: { workspace_id: "wrkspc", user_id: "user" },
  answer: {
    type: "workspace_member_deleted",
    user_id: "{user_id}",
    workspace_id: "{workspace_id}",
  },
};
