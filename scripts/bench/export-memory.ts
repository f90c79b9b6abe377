/**
 * What exporting the results of a large batch takes, under Node, Deno and Bun: time, and the peak
 * memory of the process, beside that of a small batch. By itself: `node scripts/bench/export-memory.ts
 * [MEGABYTES]`.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { withBundles } from "./bundle.ts";
import { startLineProcess } from "./line-process.ts";
import { row } from "./report.ts";
import { fromSource, type Runtime, runtimes } from "./runtimes.ts";

/** What one export took. Memory is in MB. */
export interface ExportRun {
  readonly bytes: number;
  readonly lines: number;
  readonly seconds: number;
  /** Peak memory (RSS) when the library was loaded, and at the end. */
  readonly before: number;
  readonly peak: number;
}

/** The exports of a small batch and of a large one, by runtime. */
type ExportRuns = Readonly<
  Record<string, { readonly small: ExportRun; readonly large: ExportRun }>
>;

const folder = import.meta.dirname;
const small = 1; // MB

/**
 * Exports a small batch and a large one from the sandbox over loopback HTTP into a file, each in a
 * process of its own. It fails when what is in the file is not what the library says.
 *
 * @param megabytes How large the large one is.
 */
export async function exportRuns(megabytes: number): Promise<ExportRuns> {
  return await withBundles(["mod.ts"], async ([library = ""], files) => {
    const run = async (runtime: Runtime, size: number): Promise<ExportRun> => {
      const server = startLineProcess([
        ...fromSource,
        join(folder, "results-server.ts"),
        String(size),
      ]);
      const path = join(files, `${runtime}-${size}.jsonl`);
      try {
        const args = [library, await server.ask(), path];
        const script = join(folder, "export-process.ts");
        const exporting = startLineProcess([...runtimes[runtime], script, ...args]);
        const { sha256, ...taken } = JSON.parse(await exporting.ask());
        await exporting.end();
        const hash = createHash("sha256");
        await pipeline(createReadStream(path), hash);
        if (hash.digest("hex") !== sha256) {
          throw new Error(`${runtime}: the file is not what it says`);
        }
        return taken;
      } finally {
        await server.end();
        await rm(path, { force: true });
      }
    };
    const runs: Record<string, ExportRuns[string]> = {};
    for (const runtime of Object.keys(runtimes) as Runtime[]) {
      runs[runtime] = { small: await run(runtime, small), large: await run(runtime, megabytes) };
    }
    return runs;
  });
}

/** The runs, as a table. */
export function exportTable(runs: ExportRuns): string {
  const rows = Object.entries(runs).map(([runtime, { small, large }]) =>
    row(runtime, [
      (large.bytes / 1e6).toFixed(1),
      large.seconds.toFixed(2),
      (large.bytes / 1e6 / large.seconds).toFixed(0),
      large.before.toFixed(0),
      small.peak.toFixed(0),
      large.peak.toFixed(0),
    ], 8)
  );
  return [
    "Export of results over loopback HTTP into a file; peak memory (RSS) of the process, MB",
    row("", ["MB", "s", "MB/s", "loaded", `${small} MB`, "all"], 8),
    ...rows,
  ].join("\n");
}

if (import.meta.main) {
  console.log(exportTable(await exportRuns(Number(process.argv[2] ?? 300))));
}
