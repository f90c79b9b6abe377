import { defineResource, type DeleteFunction } from "../core/resource.ts";

const skillVersion = {
  name: "skill_version",
  path: "/v1/skills/{skill_id}/versions/{version}",
  type: "skill_version_deleted",
  echoes: { id: "version" },
  prefixes: { skill_id: "skill_", version: "skver_" },
} as const;

/**
 * Deletes one version of a skill, named by `{ skill_id, version }`. This cannot be undone.
 *
 * @see [Delete a skill version](https://platform.claude.com/docs/en/api/skills/versions/delete)
 */
export const deleteSkillVersion: DeleteFunction<typeof skillVersion> =
  /* @__PURE__ */ defineResource(skillVersion);
