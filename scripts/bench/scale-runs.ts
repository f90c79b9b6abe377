/**
 * What planning and applying the deletion of many batches takes: time and memory, at one size and at
 * ten times as much, and in every runtime. By itself: `node scripts/bench/scale-runs.ts [--quick]`.
 *
 * @module
 */
import { join } from "node:path";
import { withBundles } from "./bundle.ts";
import { atMost, type Gate } from "./gates.ts";
import { startLineProcess } from "./line-process.ts";
import { gateTable, row } from "./report.ts";
import { fromSource, type Runtime, runtimes } from "./runtimes.ts";
import type { SandboxServerOptions, SandboxServerReport } from "./sandbox-server.ts";

/** What one run took. Times are seconds, memory is MB. */
export interface ScaleRun {
  readonly runtime: Runtime;
  /** What did it. */
  readonly subject: "batchsweep" | "raw fetch";
  readonly batches: number;
  /** Whether the heap was as large as the runtime likes it, or bounded as in a small container. */
  readonly bounded: boolean;
  readonly plan: number;
  readonly apply: number;
  /** Peak memory (RSS) when the library was loaded, when the plan was made, and at the end. */
  readonly loaded: number;
  readonly planned: number;
  readonly peak: number;
}

/** As Node bounds its heap by itself where 256 MB are all that a container has. */
const smallContainer = ["--max-old-space-size=128", "--max-semi-space-size=1"];

const folder = import.meta.dirname;

/** Deletes all batches of a sandbox over loopback HTTP, from a process of its own, in each size. */
export async function scaleRuns(quick: boolean): Promise<readonly ScaleRun[]> {
  const size = quick ? 200 : 10_000;
  return await withBundles(["src/purge/mod.ts"], async ([url = ""]) => {
    const runs = [
      await runOnce(url, size, "Node", smallContainer),
      await runOnce(url, size * 10, "Node", smallContainer),
      await runOnce("raw-fetch", size * 10, "Node", smallContainer),
    ];
    for (const runtime of ["Node", "Deno", "Bun"] as const) {
      runs.push(await runOnce(url, size * 10, runtime));
      runs.push(await runOnce("raw-fetch", size * 10, runtime));
    }
    return runs;
  });
}

async function runOnce(
  library: string,
  batches: number,
  runtime: Runtime,
  flags: readonly string[] = [],
): Promise<ScaleRun> {
  const options: SandboxServerOptions = { batches };
  const script = join(folder, "sandbox-server.ts");
  const server = startLineProcess([...fromSource, script, JSON.stringify(options)]);
  try {
    const args = [join(folder, "scale-process.ts"), library, await server.ask()];
    const client = startLineProcess([...runtimes[runtime], ...flags, ...args]);
    const { deleted, ...taken } = JSON.parse(await client.ask());
    await client.end();
    const { left }: SandboxServerReport = JSON.parse(await server.ask("report"));
    if (deleted !== batches || left !== 0) {
      throw new Error(`Cannot measure: ${deleted} of ${batches} were deleted, ${left} are left`);
    }
    const subject = library === "raw-fetch" ? "raw fetch" : "batchsweep";
    return { runtime, subject, batches, bounded: flags.length > 0, ...taken };
  } finally {
    await server.end();
  }
}

/** The runs, as a table. */
export function scaleTable(runs: readonly ScaleRun[]): string {
  const rows = runs.map((
    { runtime, subject, batches, bounded, plan, apply, loaded, planned, peak },
  ) =>
    row(`${batches}, ${runtime}, ${subject}${bounded ? ", heap bounded" : ""}`, [
      plan.toFixed(1),
      apply.toFixed(1),
      (batches / apply).toFixed(0),
      ...[loaded, planned, peak].map((memory) => memory.toFixed(0)),
    ], 40)
  );
  return [
    "Plan and apply over loopback HTTP; peak memory (RSS) of the process, MB. A bounded heap is as Node",
    "has it in a container of 256 MB: how much is left uncollected is else the runtime's choice.",
    row("", ["plan, s", "apply, s", "1/s", "loaded", "planned", "applied"], 40),
    ...rows,
  ].join("\n");
}

/** The gates on time and memory. */
export function scaleGates(runs: readonly ScaleRun[]): readonly Gate[] {
  const [few, many] = runs;
  if (few === undefined || many === undefined) return [];
  const each = ({ plan, apply, batches }: ScaleRun) => (plan + apply) / batches;
  const larger = many.batches / few.batches;
  return [
    atMost(1.25, `time a batch, at ${larger} times as many`, each(many) / each(few)),
    atMost(256, `memory at ${many.batches} batches, MB, in a container of 256`, many.peak),
  ];
}

if (import.meta.main) {
  const quick = process.argv.includes("--quick");
  const runs = await scaleRuns(quick);
  console.log(scaleTable(runs));
  if (!quick) console.log(`\n${gateTable(scaleGates(runs))}`);
}
