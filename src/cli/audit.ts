/**
 * `audit`: verifies the file that deletions were recorded in, and prints its head.
 *
 * @module
 */
import { isHead } from "../audit/head.ts";
import type { UnreadableLine } from "../audit/mod.ts";
import type { Command } from "./deps.ts";
import { exitCode, InvalidArgumentError } from "./errors.ts";
import { addHelpCommand, type CommandContext } from "./options.ts";
import type { Context } from "./output.ts";
import { countOf, describeRows, words } from "./text.ts";
import { surveyTrail, type TrailSurvey } from "./trail.ts";

const auditHelp = `
Examples:
  $ batchsweep purge --older-than 30d --audit audit.jsonl --yes
  $ batchsweep audit head audit.jsonl > audit.head
  $ batchsweep audit verify audit.jsonl --head "$(cat audit.head)"

The head is the number of bytes of the file, and their SHA-256. Every command
with --audit prints it at its end. Write it down where those who can change the
file cannot. No command of audit needs a key or calls the API.`;

const verifyHelp = `
Examples:
  $ batchsweep audit verify audit.jsonl
  $ batchsweep audit verify audit.jsonl --head "$(cat audit.head)" --json

With a head that was written down, it says whether everything up to there is
unchanged, as "head -c BYTES FILE | sha256sum" does. It names each line that is
no entry, which a crash can leave, and each deletion whose outcome is unknown.

The exit code is 0, or 1 if the trail was changed, or 2 if it cannot be read.

Under Deno, the folder of the file needs --allow-read.`;

/** Adds `audit`. */
export function addAuditCommand(program: Command, context: CommandContext): void {
  const command = program.command("audit")
    .description("Verify the file that deletions were recorded in")
    .addHelpText("after", auditHelp);
  command.command("verify")
    .description("Verify that a trail is unchanged, and read it. It changes nothing")
    .argument("<file>", "the file of --audit")
    .option("--head <head>", "a head that was written down", readHead)
    .option("--json", "print one JSON object")
    .addHelpText("after", verifyHelp)
    .action(async (path: string, flags: VerifyFlags) => {
      context.end(await verifyTrail(path, flags, context));
    });
  command.command("head")
    .description("Print the head of a trail, to be written down elsewhere")
    .argument("<file>", "the file of --audit")
    .action(async (path: string) => {
      const { host: { files, signal }, output } = context;
      const { head, foreign } = await surveyTrail(files, path, { signal });
      if (foreign !== undefined) throw foreign;
      await output.result(`${head}\n`);
      context.end(exitCode.done);
    });
  addHelpCommand(command);
}

function readHead(text: string): string {
  try {
    return isHead(text, "head");
  } catch {
    throw new InvalidArgumentError("Give what audit head printed, such as 1042:9f86d0…");
  }
}

/** How a trail is verified. */
export interface VerifyFlags {
  /** The head that was written down. */
  readonly head?: string | undefined;
  readonly json?: boolean | undefined;
}

/**
 * Verifies an audit trail in a file, and says what was found. It changes nothing.
 *
 * @returns The exit code.
 * @throws {CommandError} The file cannot be read, or is no audit trail.
 */
export async function verifyTrail(
  path: string,
  { head, json = false }: VerifyFlags,
  { host: { files, signal, clock }, output }: Context,
): Promise<number> {
  const now = clock?.now();
  const { foreign, ...found } = await surveyTrail(files, path, { signal, head, now });
  if (foreign !== undefined) throw foreign;
  if (json) await output.json({ file: path, ...found });
  else await output.result(describeTrail(path, found));
  if (found.unchanged === false) {
    await output.note(`Cannot verify ${path}: it was changed since its head was ${head}\n`, "bad");
    return exitCode.failed;
  }
  if (head === undefined) {
    await output.note("Without --head, a change is not noticed\n", "faint");
  }
  return exitCode.done;
}

/** What was found, as a table of two columns. */
function describeTrail(
  path: string,
  { head, entries, unreadable, firstUnreadable, openIntents, unchanged }: Omit<
    TrailSurvey,
    "foreign"
  >,
): string {
  return describeRows([
    ["Trail", path],
    ["Entries", String(entries)],
    ["No entries", unreadable > 0 && describeUnreadable(unreadable, firstUnreadable)],
    [
      "Open",
      openIntents.length > 0 && `${countOf(openIntents.length, "deletion")} of unknown outcome: ` +
        namesOf(openIntents.map(({ objectId }) => objectId)),
    ],
    ["Unchanged", unchanged === true && "up to the head that was written down"],
    ["Head", head],
  ], 10);
}

const maxNamed = 5;

function namesOf(ids: readonly string[]): string {
  const more = ids.length > maxNamed ? [`and ${ids.length - maxNamed} more`] : [];
  return [...ids.slice(0, maxNamed), ...more].join(", ");
}

function describeUnreadable(count: number, first: readonly UnreadableLine[]): string {
  const named = first.map(({ line, reason }) => `${line} (${words(reason)})`);
  const more = count > first.length ? [`and ${count - first.length} more`] : [];
  return `${countOf(count, "line")}: ${[...named, ...more].join(", ")}`;
}
