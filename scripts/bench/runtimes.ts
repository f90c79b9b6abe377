/**
 * How each runtime is started, without a cache of compiled code: a first start, as in a new
 * container. Bun is told so by a variable, see `environment`.
 */
export const runtimes = {
  Node: ["node"],
  Deno: ["deno", "run", "-A", "--no-code-cache"],
  Bun: ["bun"],
} as const;

/** How a process that runs this repository's source is started. */
export const fromSource = [
  "node",
  "--import",
  new URL("../npm-specifiers.ts", import.meta.url).href,
] as const;

export type Runtime = keyof typeof runtimes;

/** The environment of a measured process: no setting of the SDK, and no proxy before loopback. */
export const environment: NodeJS.ProcessEnv = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^anthropic_|_proxy$/i.test(name)),
  ),
  BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
  NO_COLOR: "1",
};
