import { Refusal } from "../refusal.ts";
import type { Resource } from "../resource.ts";

/** What a user can be seeded with. */
export interface UserTraits {
  /** Role in the organization. One who is `"admin"` cannot be removed. `"user"` by default. */
  readonly role?: "user" | "claude_code_user" | "developer" | "billing" | "admin" | undefined;
  /**
   * Whether the organization has no members besides those that were seeded: then the last of them
   * cannot be removed. By default there is also the administrator whose key it is.
   */
  readonly onlyMember?: boolean | undefined;
}

/**
 * A member of the organization.
 *
 * @see [Remove User](https://platform.claude.com/docs/en/api/organization/users/remove)
 */
export const user: Resource<"user", "user_id", UserTraits> = {
  type: "user",
  path: "/v1/organizations/users/{user_id}",
  prefixes: { user_id: "user" },
  answer: { id: "{user_id}", type: "user_deleted" },
  refuse({ traits, count }) {
    // Status and code are the official SDK's (CannotRemoveLastMemberError); the message is inferred.
    if (traits.onlyMember && count === 1) {
      const details = { error_code: "cannot_remove_last_member" };
      return new Refusal(400, "The organization's only member cannot be removed.", { details });
    }
    // [inferred] The documentation says that it cannot be done, but not how it is refused.
    return traits.role === "admin"
      ? new Refusal(400, "An organization admin cannot be removed through the API.")
      : undefined;
  },
};
