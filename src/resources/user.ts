import { defineResource, type DeleteFunction } from "../core/resource.ts";

const user = {
  name: "user",
  path: "/v1/organizations/users/{user_id}",
  type: "user_deleted",
  administrative: true,
  echoes: { id: "user_id" },
  prefixes: { user_id: "user_" },
} as const;

/**
 * Removes a user from the organization. It takes an administrator's key; the API refuses to remove an
 * admin and the last member.
 *
 * @see [Delete a user](https://platform.claude.com/docs/en/api/admin/users/delete)
 */
export const deleteUser: DeleteFunction<typeof user> = /* @__PURE__ */ defineResource(user);
