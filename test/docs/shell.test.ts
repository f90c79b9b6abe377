import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { version } from "../../mod.ts";
import { serve, type Server } from "../../src/adapters/serve.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { output } from "../package/installed.ts";
import { blocksOf } from "./pages.ts";

const root = resolve(".");
const sandbox = createSandbox();
let api: Server;
let bin: string;

/** What the blocks call, without the network: npm is recorded, npx runs what is here. */
const programs = {
  npm: `echo "npm $*"`,
  npx: `[ "$1" = batchsweep ] || exec "$@"; shift; exec node ${root}/bin/batchsweep.js "$@"`,
  deno: `[ "$1" = run ] || exit 0; shift
    exec ${root}/node_modules/.bin/deno run --config ${root}/deno.json "$@"`,
};

beforeAll(async () => {
  api = await serve(sandbox.fetch);
  bin = await mkdtemp(join(tmpdir(), "batchsweep-"));
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(bin, name), 0o755);
  }
});
afterAll(async () => {
  await Promise.all([api.close(), rm(bin, { recursive: true })]);
});

/** A block with the loopback sandbox in the place of the API, and batches of it in that of ids. */
function here(block: string): string {
  const script = block
    .replace(/\bmsgbatch_…/g, () => seed(3))
    .replaceAll("http://127.0.0.1:4010", api.url)
    .replaceAll("=api.anthropic.com", `=${new URL(api.url).host}`)
    .replace(/\bsrc\/adapters\//g, `${root}/src/adapters/`);
  // It stays until it is stopped: seen to begin is enough.
  return script.replace(
    /^npx batchsweep sandbox.*$/gm,
    (line) => `${line} --port 0 > out & until [ -s out ]; do sleep 0.1; done; kill $!; wait $!`,
  );
}

/** Puts a batch in place that ended so many days ago. */
function seed(days: number): string {
  const at = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString();
  return sandbox.seed({ created_at: at(days + 1), ended_at: at(days) }).id;
}

test(
  "npx batchsweep works in a clone, without a build, a network or a cache",
  { timeout: 120_000 },
  async () => {
    const env = { npm_config_cache: join(bin, "cache"), npm_config_offline: "true" };
    expect(await output(root, ["npx", "batchsweep", "--version"], env)).toBe(`${version}\n`);
  },
);

test.for(["README.md", "docs/command.md", "docs/retention.md", "docs/audit.md"])(
  "the shell blocks of %s run as they stand",
  { timeout: 120_000 },
  async (page) => {
    for (const days of [3, 40, 3, 40, 3, 40]) seed(days);
    const folder = await mkdtemp(join(bin, "run-"));
    const [typescript] = blocksOf(page).filter(({ language }) => language === "ts");
    await writeFile(join(folder, "delete.ts"), typescript?.code ?? "");
    await writeFile(join(folder, "tsconfig.json"), `{"extends":"${root}/tsconfig.json"}`);
    const blocks = blocksOf(page).filter(({ language }) => language === "sh");
    const script = blocks.map(({ code }) => here(code)).join("\n");
    await output(folder, ["bash", "-euo", "pipefail", "-c", script], {
      PATH: [bin, `${root}/node_modules/.bin`, process.env["PATH"]].join(delimiter),
      NODE_OPTIONS: `--import ${root}/scripts/npm-specifiers.ts`,
      ANTHROPIC_API_KEY: "any",
      ANTHROPIC_BASE_URL: api.url,
    });
  },
);
