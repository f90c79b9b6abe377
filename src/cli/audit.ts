/**
 * `audit`: seals or verifies the file that deletions were recorded in.
 *
 * @module
 */
import { parseHead } from "../audit/head.ts";
import { type AuditVerification, type UnreadableLine, verifyAuditTrail } from "../audit/mod.ts";
import { type Command, InvalidArgumentError } from "./deps.ts";
import { exitCode } from "./errors.ts";
import type { CommandContext } from "./options.ts";
import type { Context } from "./output.ts";
import { countOf, describeRows, words } from "./text.ts";
import { auditSource, sealTrail, surveyTrail, type TrailSurvey } from "./trail.ts";

const auditHelp = `
Examples:
  $ batchsweep purge --older-than 30d --audit audit.jsonl --yes
  $ batchsweep audit verify audit.jsonl

The record is in FILE, its seals are in FILE.seals. Every command with --audit
seals at its end what it has recorded, and prints the head: how many lines are
sealed, and the hash of the last. No command of audit needs a key or calls the
API.`;

const denoNeeds = (permissions: string) => `

Under Deno, the folder of the file needs ${permissions}.`;

const verifyHelp = `
Examples:
  $ batchsweep audit verify audit.jsonl
  $ batchsweep audit verify audit.jsonl --head "$(cat audit.head)" --json

It names the first line that was changed, removed, inserted or moved since it
was sealed. Anyone who can write the file and its seals can cut both, or make
both again. Only a head that was written down elsewhere shows that. A line that
is no entry can be left by a crash; it is named, and is no problem.

The exit code is 0 if there is no problem, 1 if there is one or no line is
sealed, 2 if a file cannot be read.${denoNeeds("--allow-read")}`;

const sealHelp = `
Examples:
  $ batchsweep audit seal audit.jsonl > audit.head

A trail that was changed since it was sealed is not sealed further: the exit
code is 1, and nothing is written. Others may write to the trail and seal it
meanwhile.${denoNeeds("--allow-read and --allow-write")}`;

/** Adds `audit`. */
export function addAuditCommand(program: Command, context: CommandContext): Command {
  const command = program.command("audit")
    .description("Seal or verify the file that deletions were recorded in")
    .addHelpText("after", auditHelp);
  command.command("verify")
    .description("Verify that the sealed lines are unchanged. It changes nothing")
    .argument("<file>", "the file of --audit; its seals are beside it")
    .option("--head <head>", "a head that was written down: the trail must have it", readHead)
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
    .action(async (path: string, { json }: { readonly json?: true }) => {
      context.end(await seal(path, json, context));
    });
  return command;
}

function readHead(text: string): string {
  try {
    parseHead(text);
    return text;
  } catch {
    throw new InvalidArgumentError("Give what audit seal printed, such as 24:9f86d0…");
  }
}

async function seal(path: string, json: boolean | undefined, context: Context): Promise<number> {
  const { host: { files, signal }, output } = context;
  const { foreign } = await surveyTrail(files, path, { signal });
  if (foreign !== undefined) throw foreign;
  const sealing = await sealTrail(files, path, signal);
  const { added, sealed, head } = sealing;
  if (json) await output.json({ file: path, ...sealing });
  else await output.result(`${head}\n`);
  await output.note(`Sealed ${countOf(added, "line")} of ${path}, ${sealed} in all\n`);
  return exitCode.done;
}

/** How a trail is verified. */
export interface VerifyFlags {
  /** The head that was written down. */
  readonly head?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Verifies an audit trail in a file, and says what was found. It changes nothing. */
export async function verifyTrail(
  path: string,
  { head, json = false }: VerifyFlags,
  { host: { files, signal }, output }: Context,
): Promise<number> {
  const found = await verifyAuditTrail(auditSource(files, path, signal), { head });
  const survey = await surveyTrail(files, path, { signal });
  if (found.problem === undefined && survey.foreign !== undefined) throw survey.foreign;
  const finding = findingOf(found, path);
  if (json) {
    const { entries, unreadable, firstUnreadable } = survey;
    await output.json({ file: path, ...found, entries, unreadable, firstUnreadable, finding });
  } else {
    await output.result(describeTrail(path, found, survey));
  }
  if (finding !== undefined) {
    await output.note(`${finding}\n`, "bad");
    return exitCode.failed;
  }
  if (head === undefined) {
    const hint = "Without --head, a tail that was cut off together with its seals is not noticed";
    await output.note(`${hint}\n`, "faint");
  }
  return exitCode.done;
}

/**
 * What is wrong with a trail; `undefined` if nothing is. A trail without a sealed line was not
 * verified: its seals may have been removed.
 */
function findingOf(
  { sealed, unsealed, problem }: AuditVerification,
  path: string,
): string | undefined {
  if (problem !== undefined) return `Cannot verify ${path}: ${problem.why}`;
  if (sealed > 0 || unsealed === 0) return undefined;
  return `Cannot verify ${path}: none of its lines is sealed, or its seals are gone; ` +
    `batchsweep audit seal ${path}`;
}

/** What was found, as a table of two columns. */
function describeTrail(
  path: string,
  { sealed, unsealed, head, problem }: AuditVerification,
  { entries, unreadable, firstUnreadable }: TrailSurvey,
): string {
  const lines = countOf(sealed, "line");
  const verified = problem === undefined
    ? `${lines}, as they were sealed`
    : `${lines} as they were sealed, before the first that is not`;
  return describeRows([
    ["Trail", path],
    ["Entries", String(entries)],
    ["Sealed", verified],
    ["Not sealed", problem === undefined && unsealed > 0 && countOf(unsealed, "line")],
    ["No entries", unreadable > 0 && describeUnreadable(unreadable, firstUnreadable)],
    ["Head", problem === undefined && sealed > 0 && head],
  ], 10);
}

function describeUnreadable(count: number, first: readonly UnreadableLine[]): string {
  const named = first.map(({ line, reason }) => `${line} (${words(reason)})`);
  const more = count > first.length ? [`and ${count - first.length} more`] : [];
  return `${countOf(count, "line")}: ${[...named, ...more].join(", ")}`;
}
