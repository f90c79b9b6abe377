/**
 * A process of its own that serves the sandbox with one batch in it, whose results have about as many
 * megabytes as its argument says. It prints the batch as JSON, and ends when its input does.
 *
 * @module
 */
import { serve } from "../../src/adapters/serve.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";

const [, , megabytes = "1"] = process.argv;
const sandbox = createSandbox();
const { url } = await serve(sandbox.fetch);
const lineLength = 10_000;
const { id } = sandbox.seed({
  requests: Math.ceil(Number(megabytes) * 1_000_000 / lineLength),
  text: "All work and no play. ".repeat(lineLength / 22 - 14),
});
const headers = { "x-api-key": "any", "anthropic-version": "2023-06-01" };
const batch = await (await fetch(`${url}/v1/messages/batches/${id}`, { headers })).json();
console.log(JSON.stringify({ baseUrl: url, batch }));
process.stdin.resume().once("end", () => process.exit(0));
