import { verifyAuditTrail } from "../../audit/verify.ts";
import { auditSource } from "./audit-source.ts";
import type { CommandContext } from "../commands/command-context.ts";
import { describeTrail, findingOf } from "./describe-trail.ts";
import { exitCode } from "../exit-code.ts";
import { surveyTrail } from "./survey-trail.ts";

/** How a trail is verified. */
export interface VerifyFlags {
  /** The head that was remembered. */
  readonly head?: string | undefined;
  readonly json?: boolean | undefined;
}

const withoutHead =
  "Without --head, a tail that was cut off together with its seals is not noticed\n";

/**
 * Verifies an audit trail in a file, and says what was found. It changes nothing.
 *
 * @returns The exit code.
 * @throws {CommandError} A file cannot be read, or is no audit trail.
 */
export async function verifyTrail(
  path: string,
  { head, json = false }: VerifyFlags,
  { host: { files, signal }, output }: Pick<CommandContext, "host" | "output">,
): Promise<number> {
  const found = await verifyAuditTrail(auditSource(files, path, signal), { head });
  const survey = await surveyTrail(files, path, { signal });
  if (found.problem === undefined && survey.foreign !== undefined) throw survey.foreign;
  const finding = findingOf(found, path);
  if (json) {
    const { entries, unreadable, firstUnreadable } = survey;
    const whole = { file: path, ...found, entries, unreadable, firstUnreadable, finding };
    await output.result(`${JSON.stringify(whole)}\n`);
  } else {
    await output.result(describeTrail(path, found, survey));
  }
  if (finding !== undefined) {
    await output.note(`${finding}\n`, "bad");
    return exitCode.failed;
  }
  if (head === undefined) await output.note(withoutHead, "faint");
  return exitCode.done;
}
