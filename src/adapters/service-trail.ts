import { createJsonlAuditTrail } from "../audit/jsonl.ts";
import { verifyAuditTrail } from "../audit/verify.ts";
import { auditSource } from "../cli/audit/audit-source.ts";
import { inFile } from "../cli/audit/describe-trail.ts";
import { surveyTrail } from "../cli/audit/survey-trail.ts";
import { CommandError } from "../cli/exit-code.ts";
import type { Files, OpenFile } from "../cli/host.ts";
import { fileProblem } from "../cli/input/file-problem.ts";
import type { AuditTrail } from "../core/ports.ts";
import { files } from "./files.ts";

const variable = "AUDIT_FILE";

/**
 * Opens the audit trail of a service, and reads it whole, as the command does: a file that is something
 * else is no place for entries, nor is one that could not be sealed afterwards.
 *
 * @param path Where it is; it is made where there is none.
 * @throws {CommandError} It cannot be opened or read, or it is no audit trail, or not as it was sealed.
 */
export async function openServiceTrail(path: string): Promise<AuditTrail> {
  const file = await open(path);
  try {
    await checkTrail(path);
  } catch (error) {
    await file.close();
    throw error;
  }
  return createJsonlAuditTrail(file);
}

async function open(path: string): Promise<OpenFile> {
  try {
    return await files.appendTo(path);
  } catch (error) {
    const isDenied = error instanceof Error && error.name === "NotCapable"; // Deno's own
    const folder = isDenied ? "; its folder needs --allow-read, too" : "";
    throw new CommandError(`Cannot use ${variable}: ${fileProblem(error)}${folder}`);
  }
}

async function checkTrail(path: string): Promise<void> {
  // By the name of the variable, which is what the messages are to say.
  const named: Pick<Files, "read"> = {
    read: (name) => files.read(name.replace(variable, () => path)),
  };
  const { foreign } = await surveyTrail(named, variable);
  if (foreign !== undefined) throw foreign;
  const { problem } = await verifyAuditTrail(auditSource(named, variable));
  if (problem !== undefined) throw new CommandError(inFile(problem.message, variable));
}
