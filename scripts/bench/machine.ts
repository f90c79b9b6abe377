import { execFileSync } from "node:child_process";
import { availableParallelism, cpus } from "node:os";

/** What the figures were measured on, in one line without names of hosts or folders. */
export function machine(): string {
  const version = (runtime: string) =>
    execFileSync(runtime, ["--version"], { encoding: "utf8" }).match(/\d+\.\d+\.\d+/)?.[0];
  const cores = availableParallelism();
  return [
    `${cores} cores (${cpus()[0]?.model.trim() || "unknown model"})`,
    `${process.platform} ${process.arch}`,
    `Node ${version("node")}`,
    `Deno ${version("deno")}`,
    `Bun ${version("bun")}`,
  ].join(", ");
}
