/**
 * `npm test`: the shared suites in four runtimes, then what runs under Node alone. It fails when a
 * test does, when a runner does not notice a test that fails, or when the runtimes did not run the
 * same cases. `npm test -- Deno workerd` runs the suites in these alone.
 *
 * @module
 */
import { globSync } from "node:fs";
import type { TestOutcome } from "../test/runtimes/run-suites.ts";
import { runInVitest } from "../test/runtimes/vitest.ts";
import { runInWorkerd } from "../test/runtimes/workerd.ts";
import { startServers } from "../test/server/global-setup.ts";

process.env["CLOUDFLARE_CF_FETCH_ENABLED"] = "false"; // miniflare would ask the internet where it is
const { servers, close } = await startServers();
const filesOf = (pattern: string) => globSync(pattern).map((file) => file.replaceAll("\\", "/"));
const suites = filesOf("test/suites/**/*.test.ts").sort();
const canaries = filesOf("test/canary/**/*.test.ts").sort();

type Runner = (project: "suites" | "canary") => Promise<readonly TestOutcome[]>;
const runners: Readonly<Record<string, Runner>> = {
  Node: (project) => runInVitest("node", project, servers),
  Deno: (project) => runInVitest("deno", project, servers),
  Bun: (project) => runInVitest("bun", project, servers),
  workerd: (project) => runInWorkerd(project === "suites" ? suites : canaries, servers),
};

const named = process.argv.slice(2);
const unknown = named.find((name) => runners[name] === undefined);
if (unknown !== undefined) throw new Error(`Cannot test in ${unknown}: ${Object.keys(runners)}`);

const tally = { passed: 0, failed: 0, skipped: 0 };
let unsound = false;
const startedAt = performance.now();

function show(title: string, outcomes: readonly TestOutcome[], since: number): void {
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const { file, name, status, message } of outcomes) {
    count[status] += 1;
    tally[status] += 1;
    if (status === "failed") console.log(`\nFAILED in ${title}: ${file} > ${name}\n${message}\n`);
    if (status === "skipped") console.log(`skipped in ${title}: ${file} > ${name}`);
  }
  const seconds = ((performance.now() - since) / 1000).toFixed(1);
  console.log(
    `${title.padEnd(24)} ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped` +
      ` (${seconds} s)`,
  );
  if (count.passed === 0) complain(`${title} passed no test`);
}

function complain(what: string): void {
  unsound = true;
  console.log(`UNSOUND: ${what}`);
}

/** A runner that breaks is a failure, and no reason to leave the others out. */
async function outcomesOf(
  title: string,
  run: () => Promise<readonly TestOutcome[]>,
): Promise<readonly TestOutcome[]> {
  try {
    return await run();
  } catch (error) {
    complain(`${title}: ${error instanceof Error ? error.stack : error}`);
    return [];
  }
}

let first: { title: string; cases: string } | undefined;
for (const [title, run] of Object.entries(runners)) {
  if (named.length > 0 && !named.includes(title)) continue;
  const since = performance.now();
  const [canary, outcomes] = await Promise.all([
    outcomesOf(title, () => run("canary")),
    outcomesOf(title, () => run("suites")),
  ]);
  if (canary.length < 3 || canary.some(({ status }) => status !== "failed")) {
    complain(`a test that must fail did not fail in ${title}`);
  }
  show(`suites in ${title}`, outcomes, since);
  const cases = outcomes.map(({ file, name }) => `${file} > ${name}`).sort().join("\n");
  first ??= { title, cases };
  if (cases !== first.cases) complain(`${title} and ${first.title} did not run the same cases`);
}
if (named.length === 0) {
  const since = performance.now();
  const rest = "the rest under Node";
  show(rest, await outcomesOf(rest, () => runInVitest("node", "node", servers)), since);
}

await close();
console.log(
  `${tally.skipped} skipped, ${((performance.now() - startedAt) / 1000).toFixed(1)} s in all`,
);
console.log(`${tally.passed} passed, ${tally.failed} failed`);
process.exitCode = unsound || tally.failed > 0 ? 1 : 0;
