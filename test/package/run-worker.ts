import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Runs the Worker of a folder, worker.ts, in workerd without any Node compatibility.
 *
 * @param folder What its imports are found from.
 * @param path The path that is requested.
 * @param variables Its variables.
 * @param beside A file of the folder that is not bundled, but given to workerd as it is.
 * @returns The body of the answer.
 */
export async function runWorker(
  folder: string,
  path: string,
  variables: Readonly<Record<string, string>>,
  beside?: string,
): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(folder, "worker.ts")],
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral", // a node: import is an error
    external: beside === undefined ? [] : [`./${beside}`],
    logLevel: "error",
  });
  const main = { type: "esm", contents: outputFiles[0]?.text ?? "" } as const;
  const other = beside === undefined ? {} : {
    [beside]: { type: "esm", contents: await readFile(join(folder, beside), "utf8") } as const,
  };
  const texts = Object.entries(variables).map(([name, value]) =>
    [name, { type: "text", value }] as const
  );
  const miniflare = new Miniflare({
    workers: [{
      config: {
        name: "consumer",
        compatibilityDate: "2026-11-01",
        compatibilityFlags: ["no_nodejs_compat", "no_nodejs_compat_v2"],
        manifest: { mainModule: "worker.js", modules: { "worker.js": main, ...other } },
        env: Object.fromEntries(texts),
      },
    }],
  });
  try {
    return await (await miniflare.dispatchFetch(`http://localhost/${path}`)).text();
  } finally {
    await miniflare.dispose();
  }
}
