import type { Resource } from "../resource.ts";

/**
 * An invitation to the organization.
 *
 * @see [Delete Invite](https://platform.claude.com/docs/en/api/organization/invites/delete)
 */
export const invite: Resource<"invite", "invite_id"> = {
  type: "invite",
  path: "/v1/organizations/invites/{invite_id}",
  prefixes: { invite_id: "invite" },
  answer: { id: "{invite_id}", type: "invite_deleted" },
};
