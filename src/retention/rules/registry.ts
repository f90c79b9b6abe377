/**
 * Every kind of rule that a retention policy can have: one line each.
 *
 * @module
 */
export { deleteAfter } from "./delete-after.ts";
export { keepLast } from "./keep-last.ts";
