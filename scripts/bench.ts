/**
 * `npm run bench`: every figure that the documentation claims, beside raw `fetch`, ky + valibot by hand and
 * the official SDK, under Node, Deno and Bun; and purges of many batches under the API's limit, beside
 * the official SDK with p-limit, under Node; and exports of large results.
 *
 * `--quick` makes one short round, and only the gates on size count, which need no quiet machine.
 * `--json FILE` writes every sample; `--json -` writes them to stdout, and the tables to stderr.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { bundleSizes } from "./bench/bundle-size.ts";
import { exportRuns, exportTable } from "./bench/export-memory.ts";
import { sizeGates, timeGates } from "./bench/gates.ts";
import { type MeasureName, measures } from "./bench/measures.ts";
import { paceGates, paceRuns, paceTable } from "./bench/pace-runs.ts";
import { pairedRuns } from "./bench/paired-runs.ts";
import { gateTable, measureTable, sizeTable } from "./bench/report.ts";
import { scaleGates, scaleRuns, scaleTable } from "./bench/scale-runs.ts";
import { stubbedCalls, stubbedGates, stubbedTable } from "./bench/stubbed-calls.ts";

const { values: { quick, json } } = parseArgs({
  options: { quick: { type: "boolean", default: false }, json: { type: "string" } },
});
const rounds = quick ? 1 : 5;
const print = json === "-" ? console.error : console.log;

print(`${machine()}

Every contender is bundled by esbuild into one minified file, as a user would ship it, and runs in a
process of its own, without a code cache. Rounds: ${rounds}, the contenders in turn, A B C D A B C D.
"worst" is the least flattering of the ratios to the official SDK in one and the same round; the gates
go by it. The server is node:http on loopback, in a process of its own; it bounds what all can reach.
`);

const startedAt = performance.now();
const sizes = await bundleSizes();
print(`${sizeTable(sizes)}\n`);

const results = await pairedRuns(rounds, quick ? 50 : 100);
for (const name of Object.keys(measures) as MeasureName[]) {
  print(`${measureTable(name, results)}\n`);
}

const stubbed = await stubbedCalls();
print(`${stubbedTable(stubbed)}\n`);

const paced = await paceRuns(quick);
print(`${paceTable(paced)}\n`);
const scaled = await scaleRuns(quick);
print(`${scaleTable(scaled)}\n`);

const exported = quick ? undefined : await exportRuns(300);
if (exported) print(`${exportTable(exported)}\n`);

const slowGates = () => [...timeGates(results), ...paceGates(paced), ...scaleGates(scaled)];
const gates = [...sizeGates(sizes), ...stubbedGates(stubbed), ...quick ? [] : slowGates()];
print(gateTable(gates));
if (quick) print("The gates on time need five rounds: run without --quick.");
print(`\n${((performance.now() - startedAt) / 1000).toFixed(0)} s in all`);

if (json !== undefined) {
  const all = {
    machine: machine(),
    rounds,
    sizes,
    results,
    stubbed,
    paced,
    scaled,
    exported,
    gates,
  };
  const text = JSON.stringify(all, null, 2);
  if (json === "-") console.log(text);
  else await writeFile(json, `${text}\n`);
}
process.exitCode = gates.every(({ passed }) => passed) ? 0 : 1;

/** What the figures were measured on, in one line without names of hosts or folders. */
function machine(): string {
  const version = (runtime: string) =>
    execFileSync(runtime, ["--version"], { encoding: "utf8" }).match(/\d+\.\d+\.\d+/)?.[0];
  const cores = availableParallelism();
  return [
    `${cores} cores (${cpus()[0]?.model.trim() || "unknown model"})`,
    `${process.platform} ${process.arch}`,
    `Node ${version("node")}`,
    `Deno ${version("deno")}`,
    `Bun ${version("bun")}`,
  ].join(", ");
}
