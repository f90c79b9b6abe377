import { notFound } from "../refusal.ts";
import type { Resource } from "../resource.ts";

/**
 * A version of a skill. It is addressed by its id, and under the old beta by its Unix timestamp
 * instead; the answer's `id` is what it was addressed by.
 *
 * @see [Delete Skill Version](https://platform.claude.com/docs/en/api/skills/versions/delete)
 */
export const skillVersion: Resource<"skill_version", "skill_id" | "version"> = {
  type: "skill_version",
  path: "/v1/skills/{skill_id}/versions/{version}",
  prefixes: { skill_id: "skill", version: "skver" },
  answer: { id: "{version}", type: "skill_version_deleted" },
  partOf: "skill",
  // [inferred] What becomes of the other address is published nowhere.
  refuse: ({ betas, params }) =>
    betas.includes("skills-2025-10-02") === /^\d+$/.test(params.version) ? undefined : notFound(),
};
