import { build } from "esbuild";
import { expect, test } from "vitest";
import { bundleSizes } from "../../scripts/bench/bundle-size.ts";

test("the bundles stay as small as the documentation says", async () => {
  const sizes = await bundleSizes();
  expect(sizes["deleteMessageBatch() alone"]).toBeLessThan(13_000);
  expect(sizes["all of mod.ts"]).toBeLessThan(22_000);
});

test("a bundle that only deletes batches holds nothing that deletes anything else", async () => {
  const bundle = async (name: string) => {
    const contents = `export { ${name} } from "./mod.ts";`;
    const stdin = { contents, resolveDir: process.cwd() };
    const { metafile } = await build({
      stdin,
      bundle: true,
      write: false,
      minify: true,
      metafile: true,
      format: "esm",
      platform: "neutral",
      mainFields: ["module", "main"],
    });
    const [output] = Object.values(metafile.outputs);
    return Object.entries(output?.inputs ?? {}).filter(([, { bytesInOutput }]) => bytesInOutput > 0)
      .map(([file]) => file);
  };
  const folders = [
    "purge",
    "retention",
    "audit",
    "sandbox",
    "service",
    "cli",
    "adapters",
  ];
  const others = new RegExp(`src/(resources.ts|(${folders.join("|")})/)`);
  expect((await bundle("deleteMessageBatch")).filter((file) => others.test(file))).toEqual([]);
});
