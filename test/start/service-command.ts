import { readFile } from "node:fs/promises";

/** The runtimes whose processes can be the service. */
export type ServiceRuntime = "Node" | "Deno" | "Bun";
export const serviceRuntimes: readonly ServiceRuntime[] = ["Node", "Deno", "Bun"];

/** How a start differs from the first line of the file. */
export interface Differences {
  /** Flags of Deno that are added. */
  readonly deno?: readonly string[];
  /** Flags that are left out. */
  readonly without?: readonly string[];
  /** A module that is loaded before. */
  readonly preload?: string;
}

/** The command line of a service, as the first line of its file has it. */
export async function serviceCommand(
  runtime: ServiceRuntime,
  { deno = [], without = [], preload }: Differences = {},
): Promise<[command: string, ...args: string[]]> {
  const file = runtime === "Node"
    ? "bin/batchsweep-service.js"
    : `src/adapters/${runtime.toLowerCase()}-service.ts`;
  const [line = ""] = (await readFile(file, "utf8")).split("\n", 1);
  if (line.length > 255) throw new Error("Linux reads no more than 255 bytes of the first line");
  const [command = "", ...flags] = line.replace(/^#!\/usr\/bin\/env (-S )?/, "").split(" ")
    .filter((flag) => !without.includes(flag));
  const added = runtime === "Deno" ? deno : [];
  const option = runtime === "Node" ? "--import" : "--preload";
  const loaded = preload === undefined ? [] : [option, `./${preload}`];
  return [command, ...flags, ...added, ...loaded, file];
}
