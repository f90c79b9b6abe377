import { Refusal } from "../refusal.ts";
import type { Resource } from "../resource.ts";

/**
 * A skill. It takes its versions along; under the old beta it is refused while it has any.
 *
 * @see [Delete Skill](https://platform.claude.com/docs/en/api/skills/delete)
 */
export const skill: Resource<"skill", "skill_id"> = {
  type: "skill",
  path: "/v1/skills/{skill_id}",
  prefixes: { skill_id: "skill" },
  answer: { id: "{skill_id}", type: "skill_deleted" },
  // The message is the API's own: https://github.com/anthropics/anthropic-sdk-python/issues/1111
  refuse: ({ betas, parts }) =>
    betas.includes("skills-2025-10-02") && parts > 0
      ? new Refusal(400, "Cannot delete skill with existing versions. Delete all versions first.")
      : undefined,
};
