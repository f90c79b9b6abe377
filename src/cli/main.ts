import { version } from "../version.ts";
import { addAuditCommand } from "./commands/audit.ts";
import { addCancelCommand } from "./commands/cancel.ts";
import { addDeleteCommand } from "./commands/delete.ts";
import { addHelpCommand } from "./commands/help.ts";
import { addListCommand } from "./commands/list.ts";
import { addPurgeCommand } from "./commands/purge.ts";
import { addRetainCommand } from "./commands/retain.ts";
import { addSandboxCommand } from "./commands/sandbox.ts";
import { Command, CommanderError } from "./deps.ts";
import { CommandError, exitCode, firstOf } from "./exit-code.ts";
import type { Host } from "./host.ts";
import { type CommandOutput, createOutput, isClosedOutput } from "./terminal/output.ts";

/** The commands; a new one is a file and a line here. */
const commands = [
  addListCommand,
  addCancelCommand,
  addDeleteCommand,
  addPurgeCommand,
  addRetainCommand,
  addAuditCommand,
  addSandboxCommand,
  addHelpCommand,
];

const about = `
Examples:
  $ batchsweep delete msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d
  $ batchsweep delete file file_011CNha8iCJcU1wXNR6q4V8w
  $ cat ids.txt | batchsweep delete --json
  $ batchsweep purge --older-than 30d --dry-run
  $ batchsweep retain --policy policy.json --dry-run
  $ batchsweep sandbox

Environment (under Deno, as far as --allow-env=NAME,… permits):
  ANTHROPIC_API_KEY       the API key
  ANTHROPIC_AUTH_TOKEN    an access token, where there is no API key
  ANTHROPIC_ADMIN_KEY     the administrator's key, for the organization alone
  ANTHROPIC_BASE_URL      where the API is (default: https://api.anthropic.com)
  ANTHROPIC_WORKSPACE_ID  the workspace, for credentials that see several
  RETENTION_POLICY        a retention policy, as JSON; what it holds stays
  NO_COLOR                no colours, if it is not empty

Exit codes:
  0  all was done                          3    a batch had not ended in time
  1  something failed, or more remains     4    no credentials, or refused
  2  usage, or refused; nothing was done   130  interrupted (SIGINT, SIGTERM)
                                           141  nobody reads stdout any more

Where several are true, it is 130 before 141, 4, 1 and 3, in this order.`;

/**
 * The command, start to end.
 *
 * @param argv The arguments, without the names of the runtime and of the script.
 * @param host The process it runs in.
 * @returns The exit code; all output is written by then.
 *
 * @see src/adapters/node.ts, and its neighbours: a host is all that a runtime adds.
 */
export async function main(argv: readonly string[], host: Host): Promise<number> {
  const output = createOutput(host);
  const failures = new Set<unknown>();
  let code: number = exitCode.done;
  try {
    code = await run(argv, host, output);
  } catch (error) {
    failures.add(error);
  }
  // Whether stdout has failed is known here, and whatever else is true was told by then.
  await output.flush().catch((error) => failures.add(error));
  for (const failure of failures) {
    const told = explain(failure, argv, host);
    if (told.message !== undefined) await output.note(`${told.message}\n`);
    code = firstOf(code, host.signal.aborted ? exitCode.interrupted : told.code);
  }
  return code;
}

/** What is said of an error, and the exit code that it stands for. That nobody reads is not said. */
function explain(
  error: unknown,
  argv: readonly string[],
  { signal }: Pick<Host, "signal">,
): { readonly message?: string; readonly code: number } {
  if (isClosedOutput(error)) return { code: exitCode.closedOutput };
  if (signal.aborted && error === signal.reason) {
    // An interruption that comes later is told with the outcomes.
    const message = "Interrupted: nothing was deleted or canceled";
    return { message, code: exitCode.interrupted };
  }
  if (error instanceof CommandError) return { message: error.message, code: error.exitCode };
  return { message: unexpected(error, argv.includes("--verbose")), code: exitCode.failed };
}

async function run(argv: readonly string[], host: Host, output: CommandOutput): Promise<number> {
  let code: number = exitCode.done;
  const program = createProgram(host, output);
  const end = (value: number) => code = host.signal.aborted ? exitCode.interrupted : value;
  for (const add of commands) add(program, { host, output, end });
  try {
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? exitCode.done : exitCode.usage;
  }
  return code;
}

/** Settings come before commands, which inherit them. */
function createProgram({ stdout, stderr }: Host, output: CommandOutput): Command {
  return new Command("batchsweep")
    .description("Delete Message Batches of the Claude API, surely and verifiably")
    .version(version, "-V, --version", "show the version")
    .helpOption("-h, --help", "show this help")
    .addHelpText("after", about)
    .showHelpAfterError("Add --help to see what there is")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void output.result(text),
      writeErr: (text) => void output.note(text),
      outputError: (text, write) => write(sentence(text)),
      // Asked of the host: commander would read variables, which may not be permitted.
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      getOutHelpWidth: () => stdout.columns ?? 100,
      getErrHelpWidth: () => stderr.columns ?? 100,
    });
}

/** commander's `error: unknown option '--x'`, as messages here read. */
function sentence(text: string): string {
  return text.replace(/^error: (.)/, (_, first: string) => first.toUpperCase());
}

function unexpected(error: unknown, verbose: boolean): string {
  if (!(error instanceof Error)) return `Cannot go on: ${String(error)}`;
  const message = `Cannot go on: ${error.name}: ${error.message.split("\n")[0]}`;
  const frames = verbose ? error.stack?.match(/^ +at .*$/gm) ?? [] : [];
  return [message, ...frames].join("\n");
}
