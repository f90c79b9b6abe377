import { defineResource, type DeleteFunction } from "../core/resource.ts";

const skill = {
  name: "skill",
  path: "/v1/skills/{skill_id}",
  type: "skill_deleted",
  echoes: { id: "skill_id" },
  prefixes: { skill_id: "skill_" },
} as const;

/**
 * Deletes a skill, and its versions with it. This cannot be undone. With the beta
 * `skills-2025-10-02`, the API refuses a skill that has versions.
 *
 * @see [Delete a skill](https://platform.claude.com/docs/en/api/skills/delete)
 */
export const deleteSkill: DeleteFunction<typeof skill> = /* @__PURE__ */ defineResource(skill);
