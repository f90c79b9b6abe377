import { build } from "esbuild";
import { Miniflare } from "miniflare";
import type { Servers } from "../server/global-setup.ts";
import type { TestOutcome } from "./run-suites.ts";

/**
 * Runs suites inside workerd, without any Node compatibility.
 *
 * @param files The suites, by their paths in the repository.
 * @param servers Where the servers of the tests are.
 */
export async function runInWorkerd(
  files: readonly string[],
  servers: Servers,
): Promise<readonly TestOutcome[]> {
  const { outputFiles } = await build({
    entryPoints: { worker: "test/runtimes/worker.ts" },
    bundle: true,
    splitting: true,
    write: false,
    outdir: "/",
    format: "esm",
    target: "es2023",
    platform: "neutral", // a node: import is an error
    conditions: ["workerd", "worker"],
    mainFields: ["module", "main"],
    define: { "process.env.NODE_ENV": '"test"' },
    logLevel: "error",
    plugins: [{
      name: "suites",
      setup: ({ onResolve, onLoad }) => {
        onResolve({ filter: /^virtual:suites$/ }, ({ path }) => ({ path, namespace: "suites" }));
        onLoad({ filter: /.*/, namespace: "suites" }, () => ({
          resolveDir: process.cwd(),
          contents: `export const suites = {${
            files.map((file) => `${JSON.stringify(file)}: () => import("./${file}")`).join(",")
          }};`,
        }));
      },
    }],
  });
  const modules = outputFiles.map(({ path, text }) =>
    [path.slice(1), { type: "esm", contents: text }] as const
  );
  const miniflare = new Miniflare({
    workers: [{
      config: {
        name: "suites",
        compatibilityDate: "2026-11-01",
        compatibilityFlags: ["no_nodejs_compat", "no_nodejs_compat_v2"],
        manifest: { mainModule: "worker.js", modules: Object.fromEntries(modules) },
        env: { SERVERS: { type: "json", value: { ...servers } } },
      },
    }],
  });
  try {
    const response = await miniflare.dispatchFetch("http://localhost/", {
      method: "POST",
      body: JSON.stringify(files),
    });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`Cannot run the suites in workerd: ${text}`);
    return JSON.parse(text);
  } finally {
    await miniflare.dispose();
  }
}
