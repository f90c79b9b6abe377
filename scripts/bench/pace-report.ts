import { atMost, type Gate } from "./gates.ts";
import type { PaceRun } from "./pace-runs.ts";
import { row } from "./report.ts";
import { leastTime } from "./pace-scenarios.ts";

/** The purges under a limit, as a table. */
export function paceTable(runs: readonly PaceRun[]): string {
  const scenarios = [...new Set(runs.map(({ scenario }) => scenario))];
  const tables = scenarios.map((scenario) => {
    const { title, latency, deletions } = scenario;
    const least = (leastTime(scenario) / 1_000).toFixed(1);
    const rows = runs.filter((run) => run.scenario === scenario).map((run) =>
      row(nameOf(run), [
        run.seconds.toFixed(1),
        run.ratio.toFixed(3),
        `${(run.refused * 100).toFixed(1)} %`,
        String(run.lost),
        String(run.left),
      ])
    );
    return [
      `${deletions} deletions at ${title}, answers after ${latency} ms; at least ${least} s`,
      row("", ["s", "ratio", "429", "lost", "left"]),
      ...rows,
    ].join("\n");
  });
  return tables.join("\n\n");
}

/** The gates on the pace of this library. */
export function paceGates(runs: readonly PaceRun[]): readonly Gate[] {
  return runs.filter(({ contender }) => contender === "batchsweep").flatMap((run) => {
    const { scenario: { title }, headers, ratio, refused, left } = run;
    const what = `${title}, ${headers ? "with" : "without"} headers`;
    return [
      atMost(headers ? 1.05 : 1.1, `${what}: time over the least possible`, ratio),
      atMost(headers ? 2 : 5, `${what}: 429, %`, refused * 100),
      atMost(0, `${what}: lost`, left),
    ];
  });
}

function nameOf({ contender, headers }: PaceRun): string {
  if (contender !== "batchsweep") return contender;
  return headers ? `${contender}, with headers` : contender;
}
