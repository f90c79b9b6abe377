/** The command `batchsweep`. */
import { isAbort } from "../core/abort.ts";
import { nearest } from "../core/check.ts";
import { version } from "../version.ts";
import { commands, type CommandSpec } from "./commands.ts";
import { Command, CommanderError } from "./deps.ts";
import { CommandError, exitCode, firstOf } from "./errors.ts";
import type { Host } from "./host.ts";
import { type Action, type Flags, type OptionName, options, readOption } from "./options.ts";
import { type CommandOutput, createOutput, isClosedOutput } from "./output.ts";

const help = `
Examples:
  $ batchsweep delete msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d
  $ batchsweep delete file file_011CNha8iCJcU1wXNR6q4V8w
  $ cat ids.txt | batchsweep delete --json
  $ batchsweep purge --older-than 30d --dry-run
  $ batchsweep retain --policy policy.json --dry-run
  $ batchsweep sandbox

Environment:
  ANTHROPIC_API_KEY       the API key
  ANTHROPIC_AUTH_TOKEN    an access token, if there is no API key
  ANTHROPIC_ADMIN_KEY     the administrator's key, for invites, users and members
  ANTHROPIC_BASE_URL      where the API is (default: https://api.anthropic.com)
  ANTHROPIC_WORKSPACE_ID  the workspace, for credentials that see several
  AUDIT_TOKEN             a token of the service, for audit with a URL
  NO_COLOR                no colours, if it is not empty

Deno needs --allow-env=NAME,… for them, --allow-net for the API, and for files
--allow-read and --allow-write of their folders.

Exit codes:
  0  all was done                          3    a batch had not ended in time
  1  something failed, or more remains     4    no credentials, or refused
  2  usage, or refused; nothing was done   130  interrupted (SIGINT, SIGTERM, …)
                                           141  the reader of stdout is gone

If several apply, it is 130 before 141, 4, 1 and 3, in this order.`;

/** Runs the command. It gives the exit code once all output is written. */
export async function main(argv: readonly string[], host: Host): Promise<number> {
  const output = createOutput(host);
  const failures = new Set<unknown>();
  let code: number = exitCode.done;
  try {
    code = await run(argv, host, output);
  } catch (error) {
    failures.add(error);
  }
  await output.flush().catch((error) => failures.add(error)); // tells whether stdout has failed
  for (const failure of failures) {
    const [message, its] = explain(failure, argv.includes("--verbose"), host.signal);
    if (message !== undefined) await output.note(`${message}\n`);
    code = firstOf(code, host.signal.aborted ? exitCode.interrupted : its);
  }
  return code;
}

/** What to say of an error, and its exit code. A closed stdout needs no word. */
function explain(
  error: unknown,
  isVerbose: boolean,
  signal: AbortSignal,
): readonly [message: string | undefined, code: number] {
  if (isClosedOutput(error)) return [undefined, exitCode.closedOutput];
  // Of an interruption that came later, the outcomes tell.
  const nothing = "Interrupted: nothing was deleted or canceled";
  if (isAbort(error, signal)) return [nothing, exitCode.interrupted];
  if (error instanceof CommandError) return [error.message, error.exitCode];
  if (!(error instanceof Error)) return [`Cannot go on: ${String(error)}`, exitCode.failed];
  const message = `Cannot go on: ${error.name}: ${error.message.split("\n")[0]}`;
  const frames = isVerbose ? error.stack?.match(/^ +at .*$/gm) ?? [] : [];
  return [[message, ...frames].join("\n"), exitCode.failed];
}

async function run(argv: readonly string[], host: Host, output: CommandOutput): Promise<number> {
  let code: number = exitCode.done;
  const act = async (action: Action, args: readonly string[], flags: Flags) => {
    const ended = await action(args, flags, { host, output });
    if (ended !== undefined) code = host.signal.aborted ? exitCode.interrupted : ended;
  };
  const program = createProgram(host, output);
  const chosen = commands.filter(({ name }) => name === argv[0]);
  for (const spec of chosen.length > 0 ? chosen : commands) addCommand(program, spec, act);
  addHelpCommand(program);
  try {
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? exitCode.done : exitCode.usage;
  }
  return code;
}

/** Commands inherit the settings that come before them. */
function createProgram({ stdout, stderr }: Host, output: CommandOutput): Command {
  return new Command("batchsweep")
    .description("Delete Message Batches of the Claude API, surely and verifiably")
    .version(version, "-V, --version", "show the version")
    .helpOption("-h, --help", "show this help")
    .addHelpText("after", help)
    .showHelpAfterError("Add --help to see what there is")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void output.result(text),
      writeErr: (text) => void output.note(text),
      // commander begins its errors in another way: `error: unknown option '--x'`.
      outputError: (text, write) =>
        write(text.replace(/^error: (.)/, (_, first: string) => first.toUpperCase())),
      // commander would read variables of the environment, which Deno may not permit.
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      getOutHelpWidth: () => stdout.columns ?? 100,
      getErrHelpWidth: () => stderr.columns ?? 100,
    });
}

/** Runs an action, and keeps its exit code. */
type Act = (action: Action, args: readonly string[], flags: Flags) => Promise<void>;

/** Adds a command, and those below it. */
function addCommand(above: Command, spec: CommandSpec, act: Act): void {
  const { argument, group: [heading, grouped] = ["", []], refuses = [], needs = {}, load } = spec;
  const { below = [] } = spec;
  const command = above.command(spec.name).description(spec.description);
  const optionOf = (option: OptionName) => {
    const [flags, help] = options[option];
    const made = command.createOption(flags, needs[option] ?? help);
    if (made.isBoolean()) return made;
    return made.argParser<unknown>((text, before) => readOption(option, text, before));
  };
  if (spec.summary !== undefined) command.summary(spec.summary);
  if (spec.under !== undefined) command.helpGroup(spec.under);
  if (argument !== undefined) command.argument(...argument);
  for (const option of Object.keys(needs) as OptionName[]) {
    command.addOption(optionOf(option).makeOptionMandatory());
  }
  for (const option of grouped) command.addOption(optionOf(option).helpGroup(heading));
  for (const option of spec.options ?? []) command.addOption(optionOf(option));
  for (const option of refuses.flatMap(([options]) => options)) {
    command.addOption(optionOf(option).hideHelp());
  }
  command.addHelpText("after", spec.help ?? "");
  if (load !== undefined) {
    command.action(async () => {
      const action = await load();
      // An option that the command above knows, too, is parsed there.
      const flags: Flags = command.optsWithGlobals();
      for (const [names, why] of refuses) {
        const name = names.find((name) => flags[name] !== undefined);
        if (name === undefined) continue;
        throw new CommandError(`Cannot use ${options[name][0].split(" ")[0]} ${why}`);
      }
      await act(action, command.processedArgs.flat(), flags);
    });
  }
  for (const one of below) addCommand(command, one, act);
  if (below.length > 0 && load === undefined) addHelpCommand(command);
  if (below.length > 0 && load !== undefined) describeKinds(command);
}

/** A command that works on a kind, or on message batches without one. */
function describeKinds(command: Command): void {
  const kind = command.createArgument("[kind]", "one of those below; without any, message batches");
  command.usage("[options] [kind] [ids...]").configureHelp({
    subcommandTerm: (below) => below.name(),
    visibleArguments: (one) => [...(one === command ? [kind] : []), ...one.registeredArguments],
  });
}

/** Adds `help`. The one of commander shows the whole help for an unknown name. */
function addHelpCommand(above: Command): void {
  above.helpCommand(false)
    .command("help")
    .description("Show the help of a command")
    .argument("[command...]", "its name, and those below it")
    .action((names: readonly string[]) => {
      let command: Command = above;
      for (const name of names) {
        const below = command.commands.find((one) => one.name() === name);
        if (below === undefined) {
          const close = nearest(name, command.commands.map((one) => one.name()));
          const hint = close === undefined ? "" : `\n(Did you mean ${close}?)`;
          command.error(`error: unknown command '${name}'${hint}`);
        }
        command = below;
      }
      command.help();
    });
}
