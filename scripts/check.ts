/**
 * `npm run check`: every static check, two at a time, with what the failing ones say.
 *
 * @module
 */
import { spawn } from "node:child_process";

const checks = [
  "tsc -p .",
  "tsc -p test",
  "tsc -p examples",
  "tsc -p src/adapters/cloudflare",
  "tsc -p src/adapters/tsconfig.node.json",
  "tsc -p src/adapters/tsconfig.bun.json",
  "deno fmt --check",
  "deno lint",
  "deno check mod.ts src/adapters/mod.ts src/adapters/deno.ts src/adapters/deno-service.ts examples/deno-cron.ts",
  "wrangler types --check src/adapters/cloudflare/worker-configuration.d.ts --env-file=/dev/null",
  "wrangler deploy --dry-run",
  "dir=$(mktemp -d) && trap 'rm -r $dir' EXIT && npm pack --silent --pack-destination $dir &&" +
  " publint run --strict $dir/*.tgz && attw --profile esm-only $dir/*.tgz",
];

const env = {
  ...process.env,
  NO_COLOR: "1",
  CI: "true",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_HIDE_BANNER: "true",
};

async function run(command: string): Promise<boolean> {
  const startedAt = performance.now();
  const child = spawn(command, { shell: true, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk) => output += chunk);
  child.stderr.on("data", (chunk) => output += chunk);
  const code = await new Promise((resolve) => child.on("close", resolve));
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${code === 0 ? "ok    " : "FAILED"} ${command} (${seconds} s)`);
  if (code !== 0) console.log(output);
  return code === 0;
}

const waiting = [...checks];
async function work(): Promise<number> {
  let failed = 0;
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    if (!await run(next)) failed += 1;
  }
  return failed;
}
const failed = (await Promise.all([work(), work()])).reduce((sum, count) => sum + count);
console.log(`${checks.length - failed} checks passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
