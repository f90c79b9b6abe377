import { defineResource, type DeleteFunction } from "../core/resource.ts";

const invite = {
  name: "invite",
  path: "/v1/organizations/invites/{invite_id}",
  type: "invite_deleted",
  administrative: true,
  echoes: { id: "invite_id" },
  prefixes: { invite_id: "invite_" },
} as const;

/**
 * Withdraws an invite to the organization. It takes an administrator's key.
 *
 * @see [Delete an invite](https://platform.claude.com/docs/en/api/admin/invites/delete)
 */
export const deleteInvite: DeleteFunction<typeof invite> = /* @__PURE__ */ defineResource(invite);
