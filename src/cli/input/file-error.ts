import { CommandError } from "../exit-code.ts";
import { fileProblem } from "./file-problem.ts";

/**
 * What an error of the file system means, as a line for the user.
 *
 * @param action What could not be done, such as `write plan.json`.
 * @param error What was caught.
 * @param code The exit code; by default, that of a command that has done nothing.
 */
export function fileError(action: string, error: unknown, code?: number): CommandError {
  const folder = action.startsWith("write ") && isDenied(error) ? "; its folder needs it, too" : "";
  // An empty path would not be seen.
  return new CommandError(
    `Cannot ${action.replace(/ $/, ' ""')}: ${fileProblem(error)}${folder}`,
    code,
  );
}

/** Deno's own, for what it does not permit. */
function isDenied(error: unknown): boolean {
  return error instanceof Error && error.name === "NotCapable";
}
