/**
 * The only file of the library that names third-party packages, and the only place for their
 * versions: exact, because a module imported by URL has no lock file.
 *
 * @module
 */
export { default as ky } from "npm:ky@2.1.0";
export {
  array,
  boolean,
  type GenericSchema,
  getDotPath,
  literal,
  looseObject,
  nullish,
  number,
  object,
  optional,
  pipe,
  regex,
  safeParse,
  strictObject,
  string,
} from "npm:valibot@1.5.0";
