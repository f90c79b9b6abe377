/**
 * What the help of `delete` and of the commands below it says.
 *
 * @module
 */
import { paramsOf } from "../../core/resource.ts";
import { adminKeyVariable } from "../credentials.ts";
import type { Command } from "../deps.ts";
import { type Kind, messageBatches } from "../kinds.ts";
import { withArticle, words } from "../words.ts";

const idsOf = "ids; without any, or for -, one per line on stdin";
const inProgress =
  "\n\nA batch that is in progress cannot be deleted: it is skipped, and the exit code is 1.";

/** Describes `delete`. */
export function describeDelete(command: Command): void {
  command
    .description(
      "Delete message batches that have ended, or objects of another kind. This cannot be undone",
    )
    .usage("[options] [kind] [ids...]")
    .argument("[ids...]", idsOf)
    .commandsGroup("Kinds:")
    .configureHelp({ subcommandTerm: (below) => below.name() })
    .addHelpText(
      "after",
      examples("delete", "msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d") + inProgress,
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
      examples(`delete ${command.name()}`, id) + (plain ? inProgress : "") +
        (administrative ? administrators : ""),
    );
}

const administrators = `

It takes the administrator's key from ${adminKeyVariable}, and no other. Deno must be permitted to
read it: --allow-env=${adminKeyVariable}`;

function examples(command: string, id: string): string {
  return `
Examples:
  $ batchsweep ${command} ${id}
  $ batchsweep ${command} --json --ignore-not-found < ids.txt`;
}
