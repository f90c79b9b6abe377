/**
 * The only file of the library that names third-party packages, and the only place for their
 * versions: exact, because a module imported by URL has no lock file.
 *
 * @module
 */
// Not 2: it adds 2.2 kB gzipped of what is not used here.
export { default as ky } from "npm:ky@1.14.3";
// Web Crypto hashes only what is there whole.
export { sha256 } from "npm:@noble/hashes@2.4.0/sha2.js";
// valibot, imported from here as `v`. Each by its name: bundlers keep the whole of what stands behind
// a star.
export type * from "npm:valibot@1.5.0";
export { array, boolean, check, config, lazy, literal, looseObject } from "npm:valibot@1.5.0";
export { minLength, nullable, nullish, number, object, optional } from "npm:valibot@1.5.0";
export { parseJson, picklist, pipe, rawTransform, regex, safeParse } from "npm:valibot@1.5.0";
export { strictObject, string, transform, unknown, variant } from "npm:valibot@1.5.0";
