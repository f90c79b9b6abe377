import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

/**
 * Bundles a module as a user would ship it: one minified file, with its packages, without Node's own
 * modules. The same file runs under Node, Deno and Bun.
 *
 * @param contents The source of the module.
 * @param folder What its imports are relative to.
 */
export async function bundle(contents: string, folder: string): Promise<Uint8Array> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: folder, loader: "ts" },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2022",
    platform: "node",
    mainFields: ["module", "main"],
    logLevel: "error",
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error("Cannot bundle: esbuild made no file");
  return file.contents;
}

/**
 * Bundles modules into files of a folder of their own, and removes it in the end.
 *
 * @param modules The paths of the modules, from the root of the repository.
 * @param run Gets the URLs of the bundles, and the folder.
 */
export async function withBundles<Result>(
  modules: readonly string[],
  run: (urls: readonly string[], folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), "batchsweep-bench-"));
  try {
    const urls: string[] = [];
    for (const [index, path] of modules.entries()) {
      const file = join(folder, `${index}.mjs`);
      await writeFile(file, await bundle(`export * from "./${path}";`, process.cwd()));
      urls.push(pathToFileURL(file).href);
    }
    return await run(urls, folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
