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
