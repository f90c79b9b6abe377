import type { BundleSizes } from "./bundle-size.ts";
import { type Contender, contenders } from "./contenders.ts";
import type { Gate } from "./gates.ts";
import { type Measure, type MeasureName, measures } from "./measures.ts";
import type { Results } from "./paired-runs.ts";
import { type Runtime, runtimes } from "./runtimes.ts";

const first = 28; // columns of the row's name
const width = 9; // columns of a figure

/** The sizes, as a table. */
export function sizeTable(sizes: BundleSizes): string {
  const sdk = sizes["official SDK"];
  const rows = Object.entries(sizes).map(([name, bytes]) =>
    row(name, [(bytes / 1000).toFixed(1), (bytes / sdk).toFixed(2)])
  );
  return ["Bundle size, minified and gzipped, kB", row("", ["kB", "ratio"]), ...rows].join("\n");
}

/** One measure on every runtime, as a table. */
export function measureTable(name: MeasureName, results: Results): string {
  const { title, unit, better }: Measure = measures[name];
  const columns = Object.keys(runtimes) as Runtime[];
  const rows = (Object.keys(contenders) as Contender[]).map((contender) =>
    row(
      contender,
      columns.flatMap((runtime) => {
        const { minimum, median, worstRatio } = results[name][runtime][contender];
        return [figure(minimum), figure(median), worstRatio.toFixed(2)];
      }),
    )
  );
  return [
    `${title}, ${unit} (${better} is better)`,
    " ".repeat(first) + columns.map((runtime) => runtime.padStart(3 * width)).join(""),
    row("", columns.flatMap(() => ["minimum", "median", "worst"])),
    ...rows,
  ].join("\n");
}

/** The gates, those that were missed in capitals. */
export function gateTable(gates: readonly Gate[]): string {
  const rows = gates.map(({ name, value, passed }) =>
    `${passed ? "ok    " : "MISSED"} ${name}: ${value.toFixed(2)}`
  );
  return ["Gates", ...rows].join("\n");
}

/** A row of a table: its name and its figures, in columns. */
export function row(name: string, cells: readonly string[], nameWidth: number = first): string {
  return name.padEnd(nameWidth) + cells.map((cell) => cell.padStart(width)).join("");
}

function figure(value: number): string {
  return value.toFixed(value < 100 ? 1 : 0);
}
