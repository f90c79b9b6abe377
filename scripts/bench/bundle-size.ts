import { gzipSync } from "node:zlib";
import { bundle } from "./bundle.ts";

/** What each bundle holds. */
const sources = {
  "deleteMessageBatch() alone": `export { deleteMessageBatch } from "./mod.ts";`,
  "all of mod.ts": `export * from "./mod.ts";`,
  "raw fetch": `export * from "./scripts/bench/subjects/raw-fetch.ts";`,
  "ky + valibot by hand": `export * from "./scripts/bench/subjects/ky-valibot.ts";`,
  "official SDK": `export * from "./scripts/bench/subjects/official-sdk.ts";`,
} as const;

/** A bundle's size in bytes, minified and gzipped. */
export type BundleSizes = Readonly<Record<keyof typeof sources, number>>;

/** Bundles what is compared, and measures what is gzipped at the highest level. */
export async function bundleSizes(): Promise<BundleSizes> {
  const sizes = Object.entries(sources).map(async ([name, contents]) => {
    const code = await bundle(contents, process.cwd());
    return [name, gzipSync(code, { level: 9 }).byteLength];
  });
  return Object.fromEntries(await Promise.all(sizes));
}
