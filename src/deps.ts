/**
 * The only file of the library that names third-party packages, and the only place for their
 * versions: exact, because a module imported by URL has no lock file.
 *
 * @module
 */
// Not 2.1: it adds 1.8 kB gzipped of what is not used here.
export { default as ky } from "npm:ky@2.0.0";
export {
  array,
  boolean,
  type GenericSchema,
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
