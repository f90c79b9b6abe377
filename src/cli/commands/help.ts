import type { Command } from "../deps.ts";
import { nearest } from "../../core/nearest.ts";

/** Adds `help`: the help of the commands below one, by their names. */
export function addHelpCommand(above: Command): void {
  above.helpCommand(false) // commander's shows the whole help for a name that is unknown
    .command("help")
    .description("Show the help of a command")
    .argument("[command...]", "its name, and those below it")
    .action((names: readonly string[]) => {
      let command = above;
      for (const name of names) {
        const below = command.commands.find((one) => one.name() === name);
        if (below === undefined) return refuse(command, name);
        command = below;
      }
      command.help();
    });
}

function refuse(command: Command, name: string): void {
  const close = nearest(name, command.commands.map((one) => one.name()));
  const hint = close === undefined ? "" : `\n(Did you mean ${close}?)`;
  command.error(`error: unknown command '${name}'${hint}`);
}
