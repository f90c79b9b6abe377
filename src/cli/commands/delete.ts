import { collectIds } from "../collect-ids.ts";
import { createClient } from "../create-client.ts";
import { deleteBatches } from "../delete-batches.ts";
import { type Command, InvalidArgumentError } from "../deps.ts";
import { describeOutcome, describeRequest, describeStop } from "../describe.ts";
import { exitCode } from "../exit-code.ts";
import type { DeletionOutcome } from "../outcome.ts";
import { parseDuration } from "../parse-duration.ts";
import { createTally } from "../tally.ts";
import type { CommandContext } from "./command-context.ts";

interface DeleteFlags {
  readonly ignoreNotFound?: true;
  readonly json?: true;
  readonly verbose?: true;
  readonly baseUrl?: string;
  readonly timeout?: number;
  readonly maxRetries?: number;
}

const examples = `
Examples:
  $ batchsweep delete msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d
  $ batchsweep delete --json --ignore-not-found < ids.txt

A batch that is in progress cannot be deleted: it is a failure, and stays.`;

/** Adds `delete`: message batches, by their ids. */
export function addDeleteCommand(program: Command, context: CommandContext): void {
  program.command("delete")
    .description("Delete message batches that have ended. This cannot be undone")
    .argument("[ids...]", "ids of the batches; without any, or for -, one per line on stdin")
    .option("--ignore-not-found", "count a batch that is already gone as a success")
    .option("--json", "print one JSON object per batch, each on a line, failures too")
    .option("--verbose", "print one line per request on stderr")
    .option("--base-url <url>", "where the API is, instead of ANTHROPIC_BASE_URL")
    .option("--timeout <duration>", "time for one request, such as 30s (default: 60s)", duration)
    .option("--max-retries <count>", "repetitions of a failed request (default: 2)", count)
    .addHelpText("after", examples)
    .action(async (args: readonly string[], flags: DeleteFlags) => {
      context.end(await runDelete(args, flags, context));
    });
}

async function runDelete(
  args: readonly string[],
  flags: DeleteFlags,
  { host, output }: CommandContext,
): Promise<number> {
  const { json, verbose, ignoreNotFound, ...clientFlags } = flags;
  const client = createClient(
    host,
    clientFlags,
    verbose && ((event) => void output.note(`${describeRequest(event)}\n`)),
  );
  const ids = await collectIds(args, host);
  if (ids.length === 0) {
    await output.note("No ids on stdin: nothing to delete\n");
    return exitCode.done;
  }

  host.signal.addEventListener("abort", () => {
    output.note("Interrupted: waiting for the request in flight; interrupt again to end at once\n");
  }, { once: true });
  const tally = createTally();
  const write = json ? writeJson : createTextWriter();
  const options = { allowMissing: ignoreNotFound ?? false, signal: host.signal };
  for await (const outcome of deleteBatches(client, ids, options)) {
    tally.add(outcome);
    await write(output, outcome);
  }
  if (tally.unreached()) await output.note(`The API was looked for at ${client.baseUrl}\n`);
  if (ids.length > 1) await output.note(`${tally.summary()}\n`);
  return tally.exitCode();
}

type Write = (output: CommandContext["output"], outcome: DeletionOutcome) => Promise<void>;

const writeJson: Write = (output, outcome) => output.result(`${JSON.stringify(outcome)}\n`);

/** Writes what is gone to stdout, and to stderr what is not; of those unattempted only the first. */
function createTextWriter(): Write {
  let stopped = false;
  return async (output, outcome) => {
    const line = `${describeOutcome(outcome)}\n`;
    if (outcome.outcome === "failed") return await output.note(line);
    if (outcome.outcome !== "unattempted") return await output.result(line);
    if (stopped) return;
    stopped = true;
    await output.note(`${describeStop(outcome.reason)}. Unattempted from ${outcome.id} on\n`);
  };
}

function duration(text: string): number {
  const value = parseDuration(text);
  if (value === undefined) throw new InvalidArgumentError("Give a unit: 500ms, 30s, 2m");
  return value;
}

function count(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("Give a whole number");
  return Number(text);
}
