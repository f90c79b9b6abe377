/**
 * The kinds of objects that the sandbox deletes besides Message Batches: one line for each.
 *
 * @module
 */
export { file } from "./file.ts";
export { invite } from "./invite.ts";
export { memoryStore } from "./memory-store.ts";
export { skill } from "./skill.ts";
export { skillVersion } from "./skill-version.ts";
export { user } from "./user.ts";
export { workspaceMember } from "./workspace-member.ts";
