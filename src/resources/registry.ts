/**
 * Every kind of object that can be deleted beside Message Batches: one line each.
 *
 * @module
 */
export { deleteFile } from "./file.ts";
export { deleteInvite } from "./invite.ts";
export { deleteMemoryStore } from "./memory-store.ts";
export { deleteSkill } from "./skill.ts";
export { deleteSkillVersion } from "./skill-version.ts";
export { deleteUser } from "./user.ts";
export { deleteWorkspaceMember } from "./workspace-member.ts";
