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
export {
  array,
  type ArraySchema,
  type BaseIssue,
  boolean,
  check,
  config,
  type GenericSchema,
  type InferOutput,
  lazy,
  literal,
  looseObject,
  minLength,
  nullable,
  nullish,
  number,
  object,
  type ObjectEntries,
  optional,
  type OptionalSchema,
  parseJson,
  picklist,
  pipe,
  rawTransform,
  regex,
  safeParse,
  strictObject,
  type StrictObjectIssue,
  type StrictObjectSchema,
  string,
  type StringSchema,
  transform,
  unknown,
  variant,
} from "npm:valibot@1.5.0";
