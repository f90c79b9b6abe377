import { parseHead } from "../../audit/head.ts";
import { type Command, InvalidArgumentError } from "../deps.ts";
import { describeLines } from "../audit/describe-trail.ts";
import { exitCode } from "../exit-code.ts";
import { sealTrail } from "../audit/seal-trail.ts";
import { surveyTrail } from "../audit/survey-trail.ts";
import { type VerifyFlags, verifyTrail } from "../audit/verify-trail.ts";
import { auditHelp, sealHelp, verifyHelp } from "./audit-help.ts";
import type { CommandContext } from "./command-context.ts";
import { addHelpCommand } from "./help.ts";

/** Adds `audit`: what is done about the file that deletions were recorded in. */
export function addAuditCommand(program: Command, context: CommandContext): void {
  const command = program.command("audit")
    .description("Seal or verify the file that deletions were recorded in")
    .addHelpText("after", auditHelp);
  command.command("verify")
    .description("Verify that what was sealed is as it was. It changes nothing")
    .argument("<file>", "the file of --audit; its seals are beside it")
    .option("--head <head>", "a head that was written down: the trail must hold it", head)
    .option("--json", "print one JSON object")
    .addHelpText("after", verifyHelp)
    .action(async (path: string, flags: VerifyFlags) => {
      context.end(await verifyTrail(path, flags, context));
    });
  command.command("seal")
    .description("Seal what is not sealed yet, and print the head, to be written down elsewhere")
    .argument("<file>", "the file of --audit; its seals go beside it")
    .option("--json", "print one JSON object")
    .addHelpText("after", sealHelp)
    .action(async (path: string, flags: SealFlags) => {
      context.end(await seal(path, flags, context));
    });
  addHelpCommand(command);
}

interface SealFlags {
  readonly json?: true;
}

async function seal(
  path: string,
  { json }: SealFlags,
  { host: { files, signal }, output }: CommandContext,
): Promise<number> {
  const { foreign } = await surveyTrail(files, path, { signal });
  if (foreign !== undefined) throw foreign;
  const sealing = await sealTrail(files, path, signal);
  const { added, sealed, head } = sealing;
  if (json) await output.result(`${JSON.stringify({ file: path, ...sealing })}\n`);
  else await output.result(`${head}\n`);
  await output.note(`Sealed ${describeLines(added)} of ${path}, ${sealed} in all\n`);
  return exitCode.done;
}

/** Reads a head of the command line. */
function head(text: string): string {
  try {
    parseHead(text);
    return text;
  } catch {
    throw new InvalidArgumentError("Give what audit seal printed, such as 24:9f86d0…");
  }
}
