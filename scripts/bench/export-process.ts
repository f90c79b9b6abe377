/**
 * A process that exports the results of one batch into a file, under Node, Deno and Bun alike, and
 * prints what it took. Arguments: the bundle's URL, what the server printed, the file.
 *
 * @module
 */
import { open } from "node:fs/promises";
import type * as library from "../../mod.ts";

const [, , bundle = "", target = "{}", path = ""] = process.argv;
const { exportMessageBatchResults }: typeof library = await import(bundle);
const { baseUrl, batch } = JSON.parse(target);
const peak = () => process.resourceUsage().maxRSS / 1024; // MB

const file = await open(path, "w");
const sink = new WritableStream<Uint8Array>({
  write: async (chunk) => {
    await file.writev([chunk]); // unlike write, never a part of it
  },
  close: async () => {
    await file.sync();
    await file.close();
  },
});
const before = peak();
const startedAt = performance.now();
const client = { baseUrl, apiKey: "sk-ant-api03-bench" };
const { bytes, lines, sha256 } = await exportMessageBatchResults(client, batch, sink);
const seconds = (performance.now() - startedAt) / 1000;
console.log(JSON.stringify({ bytes, lines, sha256, seconds, before, peak: peak() }));
process.exit(0);
