/**
 * What the help of `delete` and of the commands below it says.
 *
 * @module
 */
import { paramsOf } from "../../core/resource.ts";
import { adminKeyVariable } from "../client/credentials.ts";
import type { Command } from "../deps.ts";
import { type Kind, messageBatches } from "../kinds.ts";
import { withArticle, words } from "../words.ts";

const exampleId = "msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d";
const idsOf = "ids; without any, or for -, one per line on stdin";
const batches = (command: string, id: string) => `
  $ batchsweep ${command} --cancel --timeout 30m ${id}
  $ batchsweep ${command} --wait --export results < ids.txt

A batch that has not ended cannot be deleted: it is skipped, and the exit code
is 1. With --cancel it is canceled and waited for, with --wait only waited
for; where --timeout is over before it has ended, nothing is deleted, its
cancellation is not taken back, and the exit code is 3.

With --export, results are saved as DIRECTORY/ID.jsonl. A batch whose results
cannot be saved whole, or that has none any more, is skipped. Under Deno, it
needs --allow-read and --allow-write for the directory.`;

/** Describes `delete`. */
export function describeDelete(command: Command): void {
  const kind = command.createArgument("[kind]", "one of those below; without any, message batches");
  command
    .description(
      "Delete message batches that have ended, or objects of another kind. This cannot be undone",
    )
    .usage("[options] [kind] [ids...]")
    .argument("[ids...]", idsOf)
    .commandsGroup("Kinds:")
    .configureHelp({
      subcommandTerm: (below) => below.name(),
      visibleArguments: (one) => [...(one === command ? [kind] : []), ...one.registeredArguments],
    })
    .addHelpText(
      "after",
      examples("delete", exampleId) + batches("delete", exampleId),
    );
}

/** Describes the command of a kind. */
export function describeKind(command: Command, kind: Kind): void {
  const { name, administrative, prefixes } = kind.resource;
  const params = paramsOf(kind.resource);
  const id = params.map((param) => `${prefixes[param] ?? ""}…`).join("/");
  const form = params.join("/");
  const plain = kind === messageBatches;
  if (administrative) command.helpGroup(`Kinds that take ${adminKeyVariable}:`);
  command
    .summary(`Delete ${withArticle(name)}, ${plain ? "as without a kind" : `by ${form}`}`)
    .description(`Delete one ${words(name)} or more. This cannot be undone`)
    .argument(`[${form}...]`, idsOf)
    .addHelpText(
      "after",
      examples(`delete ${command.name()}`, id) +
        (plain ? batches(`delete ${command.name()}`, id) : "") +
        (administrative ? administrators : ""),
    );
}

const administrators = `

It takes the administrator's key from ${adminKeyVariable}, and no other. Deno
must be permitted to read it: --allow-env=${adminKeyVariable}`;

function examples(command: string, id: string): string {
  return `
Examples:
  $ batchsweep ${command} ${id}
  $ batchsweep ${command} --json --ignore-not-found < ids.txt`;
}
