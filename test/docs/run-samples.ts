/**
 * Runs samples of the documentation as they stand, in this runtime: `run-samples.ts FILE…`. For each,
 * a sandbox is the API, with every object that the sample names.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { createSandbox } from "../../src/sandbox/mod.ts";

const apiKey = process.env["ANTHROPIC_API_KEY"] ?? "";
const files = process.argv.slice(2);
for (const file of files) {
  const sandbox = createSandbox({ apiKeys: [apiKey] });
  const daysAgo = (days: number) => new Date(sandbox.now() - days * 86_400_000).toISOString();
  const seed = (id: string | undefined, days: number) =>
    sandbox.seed({
      id,
      processing_status: "ended",
      created_at: daysAgo(days + 1),
      ended_at: daysAgo(days),
    });
  const text = readFileSync(file, "utf8");
  for (const id of new Set(text.match(/\bmsgbatch_[\w…]+/g))) seed(id, 3);
  const named = (id: RegExp) => id.exec(text)?.[0];
  sandbox.seedResource({ type: "file", file_id: named(/\bfile_\w{9,}/) });
  const skill = { skill_id: named(/\bskill_\w{9,}/), version: named(/\bskver_\w+/) };
  sandbox.seedResource({ type: "skill_version", ...skill });
  for (const argument of [2, 3]) process.argv[argument] = seed(undefined, 40).id;
  process.argv.length = 4;
  globalThis.fetch = (input: Parameters<typeof fetch>[0], init?: RequestInit) => {
    const request = new Request(input, init);
    if (new URL(request.url).host !== "api.anthropic.com") {
      throw new Error(`Not the API: ${request.url}`);
    }
    return sandbox.fetch(request);
  };
  const { default: worker } = await import(file);
  await worker?.scheduled?.({}, { ANTHROPIC_API_KEY: apiKey });
  console.log(`ran ${file}`);
}
