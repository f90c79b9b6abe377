import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { version } from "../../mod.ts";
import { serve, type Server } from "../../src/adapters/serve.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { blocksOf } from "./pages.ts";

const run = promisify(execFile);
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

function seed(days: number): string {
  const ago = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
  const times = { created_at: ago(days + 1), ended_at: ago(days) };
  return sandbox.seed({ processing_status: "ended", ...times }).id;
}

test(
  "npx batchsweep works in a clone, without a build, a network or a cache",
  { timeout: 120_000 },
  async () => {
    const env = {
      ...process.env,
      npm_config_cache: join(bin, "cache"),
      npm_config_offline: "true",
    };
    const { stdout } = await run("npx", ["batchsweep", "--version"], { env });
    expect(stdout).toBe(`${version}\n`);
  },
);

test.for(["README.md", "docs/command.md", "docs/retention.md", "docs/audit.md"])(
  "the shell blocks of %s run as they stand",
  { timeout: 120_000 },
  async (page) => {
    for (let count = 0; count < 5; count += 1) [seed(3), seed(40)];
    const folder = await mkdtemp(join(bin, "run-"));
    const [typescript] = blocksOf(page).filter(({ language }) => language === "ts");
    await writeFile(join(folder, "delete.ts"), typescript?.code ?? "");
    await writeFile(join(folder, "tsconfig.json"), `{"extends":"${root}/tsconfig.json"}`);
    const blocks = blocksOf(page).filter(({ language }) => language === "sh");
    const script = blocks.map(({ code }) => here(code)).join("\n");
    await run("bash", ["-euo", "pipefail", "-c", script], {
      cwd: folder,
      env: {
        ...process.env,
        PATH: [bin, `${root}/node_modules/.bin`, process.env["PATH"]].join(delimiter),
        NODE_OPTIONS: `--import ${root}/scripts/npm-specifiers.ts`,
        ANTHROPIC_API_KEY: "any",
        ANTHROPIC_BASE_URL: api.url,
        NO_COLOR: "1",
      },
    });
  },
);
