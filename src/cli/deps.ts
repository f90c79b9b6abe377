/** The only file of the command that names third-party packages. */
export { Command, CommanderError } from "npm:commander@15.1.0";
