import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serve, type Server } from "../../src/adapters/serve.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";

const apiKey = "sk-ant-api03-sentinel-0123456789";
const deno = resolve("node_modules/.bin/deno");
const run = promisify(execFile);

let files: Server;
let api: Server;
let folder: string;
const sandbox = createSandbox({ apiKeys: [apiKey] });

beforeAll(async () => {
  // As bare as a web server can be: bytes, and nothing said of their type.
  files = await serve(async (request) => {
    const path = new URL(request.url).pathname;
    const file = await readFile(resolve(`.${path}`)).catch(() => undefined);
    return file && /\.ts$/.test(path) ? new Response(file) : new Response(null, { status: 404 });
  });
  api = await serve(sandbox.fetch);
  folder = await mkdtemp(join(tmpdir(), "batchsweep-"));
});
afterAll(async () => {
  await Promise.all([files.close(), api.close(), rm(folder, { recursive: true })]);
});

/** Runs Deno in a folder, with a cache of its own and no configuration. */
async function denoRun(
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
  cwd = folder,
) {
  return await run(deno, ["run", "--no-prompt", ...args], {
    cwd,
    env: {
      ...process.env,
      DENO_DIR: join(folder, "cache"),
      DENO_TLS_CA_STORE: "mozilla,system", // for a registry that the machine trusts
      NO_COLOR: "1",
      ...variables,
    },
  });
}

describe("by URL, with an empty cache,", () => {
  test.for(
    [
      ["an empty folder", []],
      ["a folder below a package.json", ["--node-modules-dir=none"]],
    ] as const,
  )("mod.ts is imported in %s, and deletes a batch", async ([where, flags]) => {
    const cwd = join(folder, where.replaceAll(" ", "-"), "src");
    await mkdir(cwd, { recursive: true });
    if (flags.length > 0) await writeFile(join(cwd, "../package.json"), "{}");
    const { id } = sandbox.seed({ processing_status: "ended" });
    const host = new URL(api.url).host;
    await writeFile(
      join(cwd, "main.ts"),
      `import { deleteMessageBatch } from "${files.url}/mod.ts";
       const client = { apiKey: "${apiKey}", baseUrl: "${api.url}" };
       console.log(JSON.stringify(await deleteMessageBatch(client, "${id}")));`,
    );
    const importing = `--allow-import=${new URL(files.url).host}`;
    const main = join(cwd, "main.ts");
    const { stdout } = await denoRun([...flags, importing, `--allow-net=${host}`, main], {}, cwd);
    expect(JSON.parse(stdout)).toMatchObject({ id, evidence: "receipt" });
    expect(sandbox.batch(id)).toBeUndefined();
  });

  test("the command runs, with no more permissions than it says", async () => {
    const { id } = sandbox.seed({ processing_status: "ended" });
    const variables =
      "ANTHROPIC_API_KEY,ANTHROPIC_AUTH_TOKEN,ANTHROPIC_BASE_URL,ANTHROPIC_WORKSPACE_ID,NO_PROXY";
    const { stdout } = await denoRun([
      `--allow-net=${new URL(api.url).host}`,
      `--allow-env=${variables}`,
      `${files.url}/src/adapters/deno.ts`,
      "delete",
      id,
    ], { ANTHROPIC_API_KEY: apiKey, ANTHROPIC_BASE_URL: api.url });
    expect(stdout).toContain(id);
    expect(sandbox.batch(id)).toBeUndefined();
  });

  test("the command helps without any permission", async () => {
    const { stdout } = await denoRun([`${files.url}/src/adapters/deno.ts`, "--help"]);
    expect(stdout).toContain("Usage: batchsweep");
  });
});
