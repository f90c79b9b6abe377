import { checkIds } from "../check-ids.ts";
import type { DeletionOutcome } from "../../operations/outcome.ts";
import { collectIds } from "../collect-ids.ts";
import { createClient } from "../create-client.ts";
import { deleteEach } from "../delete-each.ts";
import { type Command, InvalidArgumentError } from "../deps.ts";
import { describeOutcome, describeRequest, describeStop } from "../describe.ts";
import { exitCode } from "../exit-code.ts";
import { type Kind, kinds, messageBatches } from "../kinds.ts";

import { parseDuration } from "../parse-duration.ts";
import { createTally } from "../tally.ts";
import { words } from "../words.ts";
import { isClosedOutput } from "../output.ts";
import type { CommandContext } from "./command-context.ts";
import { describeDelete, describeKind } from "./delete-help.ts";

interface DeleteFlags {
  readonly ignoreNotFound?: true;
  readonly insist?: true;
  readonly json?: true;
  readonly verbose?: true;
  readonly baseUrl?: string;
  readonly timeout?: number;
  readonly maxRetries?: number;
}

/** Adds `delete`: message batches by their ids, and a command below it for every kind. */
export function addDeleteCommand(program: Command, context: CommandContext): void {
  const command = program.command("delete");
  describeDelete(addRun(command, messageBatches, context));
  for (const kind of kinds) {
    const below = command.command(kind.resource.name.replaceAll("_", "-"));
    describeKind(addRun(below, kind, context), kind);
  }
}

/** Lets a command delete objects of a kind. What it takes is the same for all. */
function addRun(command: Command, kind: Kind, context: CommandContext): Command {
  return command
    .option(
      "--ignore-not-found",
      `count a ${words(kind.resource.name)} that is already gone as a success`,
    )
    .option("--insist", "send ids that look like ids of another kind")
    .option("--json", "print one JSON object per id, each on a line, failures too")
    .option("--verbose", "print one line per request on stderr")
    .option("--base-url <url>", "where the API is, instead of ANTHROPIC_BASE_URL")
    .option("--timeout <duration>", "time for one request, such as 30s (default: 60s)", duration)
    .option("--max-retries <count>", "repetitions of a failed request (default: 2)", count)
    .action(async (ids: readonly string[]) => {
      // Where `delete` knows an option, it takes it from the commands below it.
      context.end(await runDelete(kind, ids, command.optsWithGlobals(), context));
    });
}

async function runDelete(
  kind: Kind,
  args: readonly string[],
  flags: DeleteFlags,
  { host, output }: CommandContext,
): Promise<number> {
  const { json, verbose, ignoreNotFound, insist, ...clientFlags } = flags;
  const client = createClient(
    host,
    kind.resource,
    clientFlags,
    verbose && ((event) => void output.note(`${describeRequest(event)}\n`)),
  );
  const ids = await collectIds(args, host);
  checkIds(ids, kind, { insist });
  if (ids.length === 0) {
    await output.note("No ids on stdin: nothing to delete\n");
    return exitCode.done;
  }

  host.signal.addEventListener("abort", () => {
    output.note("Interrupted: waiting for the request in flight; interrupt again to end at once\n");
  }, { once: true });
  const tally = createTally();
  const write = json ? createJsonWriter(kind) : createTextWriter(kind);
  const options = { allowMissing: ignoreNotFound ?? false, signal: host.signal };
  for await (const outcome of deleteEach(kind, client, ids, options)) {
    tally.add(outcome);
    try {
      await write(output, outcome);
    } catch (error) {
      // What was done must be said somewhere; where nobody reads any more, nothing is.
      if (!isClosedOutput(error)) {
        await output.note(`${describeOutcome(outcome, kind.resource.name)}\n`);
      }
      throw error;
    }
  }
  if (tally.unreached()) await output.note(`The API was looked for at ${client.baseUrl}\n`);
  if (ids.length > 1) await output.note(`${tally.summary()}\n`);
  return tally.exitCode();
}

type Write = (output: CommandContext["output"], outcome: DeletionOutcome) => Promise<void>;

/** Writes every outcome to stdout, and names the kind where it is not message batches. */
function createJsonWriter(kind: Kind): Write {
  const named = kind === messageBatches ? {} : { resource: kind.resource.name };
  return (output, outcome) => output.result(`${JSON.stringify({ ...named, ...outcome })}\n`);
}

/** Writes what is gone to stdout, and to stderr what is not; of those unattempted only the first. */
function createTextWriter({ resource }: Kind): Write {
  let stopped = false;
  return async (output, outcome) => {
    const line = `${describeOutcome(outcome, resource.name)}\n`;
    const stays = outcome.outcome === "failed" || outcome.outcome === "skipped";
    if (stays) return await output.note(line);
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
