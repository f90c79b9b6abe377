/**
 * How fast many batches are deleted against the API's limit, and what is lost on the way, beside the
 * official SDK with p-limit. By itself: `node scripts/bench/pace-runs.ts [--quick]`.
 *
 * @module
 */
import { join } from "node:path";
import type { RateLimit } from "../../src/sandbox/mod.ts";
import { withBundles } from "./bundle.ts";
import { atMost, type Gate } from "./gates.ts";
import { startLineProcess } from "./line-process.ts";
import type { PaceContender } from "./pace-contenders.ts";
import { gateTable, row } from "./report.ts";
import { fromSource, runtimes } from "./runtimes.ts";
import type { SandboxServerOptions, SandboxServerReport } from "./sandbox-server.ts";

/** A limit of the API, and a purge under it. */
interface PaceScenario {
  readonly title: string;
  readonly limit: RateLimit;
  /** How long each answer takes, in milliseconds. */
  readonly latency: number;
  readonly deletions: number;
}

const fiftyASecond = { perMinute: 3_000, burst: 50 };
const thousandAMinute = { perMinute: 1_000 };

/** Each has more deletions than the bucket holds, so that the limit decides how long it takes. */
const paceScenarios: readonly PaceScenario[] = [
  { title: "50/s, bucket of 50", limit: fiftyASecond, latency: 0, deletions: 600 },
  {
    title: "1,000/min, bucket of 50",
    limit: { ...thousandAMinute, burst: 50 },
    latency: 300,
    deletions: 400,
  },
  {
    title: "1,000/min, bucket of 1,000",
    limit: thousandAMinute,
    latency: 300,
    deletions: 1_400,
  },
];

/** One that is over in a moment. */
const quickPaceScenarios: readonly PaceScenario[] = [
  {
    title: "50/s, bucket of 50",
    limit: fiftyASecond,
    latency: 0,
    deletions: 100,
  },
];

/**
 * The least time that any client can take, in milliseconds: until the bucket was refilled with what
 * it does not hold at the beginning, and until the last answer comes. A limit that
 * a client sets itself on requests in flight is not in it.
 */
function leastTime({ limit, latency, deletions }: PaceScenario): number {
  const { perMinute, burst = perMinute } = limit;
  return Math.max(0, deletions - burst) / perMinute * 60_000 + latency;
}

/** What became of one purge. */
export interface PaceRun {
  readonly scenario: PaceScenario;
  /** Whether answers told of the limit. */
  readonly headers: boolean;
  readonly contender: PaceContender;
  readonly seconds: number;
  /** The time over the least that is possible. */
  readonly ratio: number;
  /** The part of all requests that was answered by 429. */
  readonly refused: number;
  /** How many batches it said it could not delete. */
  readonly lost: number;
  /** How many batches were still there. */
  readonly left: number;
}

const folder = import.meta.dirname;

/**
 * Runs every contender in every scenario, one after the other. The SDK reads no headers of a limit;
 * and four calls of 300 ms at a time are fewer than 1,000 a minute, so that they meet no limit, once
 * is enough to show that.
 */
export async function paceRuns(quick: boolean): Promise<readonly PaceRun[]> {
  return await withBundles(["scripts/bench/pace-contenders.ts"], async ([url = ""]) => {
    const runs: PaceRun[] = [];
    for (const scenario of quick ? quickPaceScenarios : paceScenarios) {
      const turns: [PaceContender, boolean][] = [
        ["batchsweep", true],
        ["batchsweep", false],
        ["SDK, p-limit 4", false],
        ["SDK, p-limit 16", false],
        ["SDK, p-limit 64", false],
      ];
      for (const [contender, headers] of turns) {
        if (contender === "SDK, p-limit 4" && scenario.deletions > 1_000) continue; // 100 s
        runs.push(await runOnce(url, scenario, contender, headers));
      }
    }
    return runs;
  });
}

async function runOnce(
  url: string,
  scenario: PaceScenario,
  contender: PaceContender,
  headers: boolean,
): Promise<PaceRun> {
  const { limit, latency, deletions: batches } = scenario;
  const options: SandboxServerOptions = { batches, latency, limit: { ...limit, headers } };
  const script = join(folder, "sandbox-server.ts");
  const server = startLineProcess([...fromSource, script, JSON.stringify(options)]);
  try {
    const args = [url, contender, await server.ask(), String(batches)];
    const client = startLineProcess([...runtimes.Node, join(folder, "pace-process.ts"), ...args]);
    const { seconds, lost } = JSON.parse(await client.ask());
    await client.end();
    const { requests, refused, left }: SandboxServerReport = JSON.parse(await server.ask("report"));
    const ratio = seconds * 1_000 / leastTime(scenario);
    return {
      scenario,
      headers,
      contender,
      seconds,
      ratio,
      refused: refused / requests,
      lost,
      left,
    };
  } finally {
    await server.end();
  }
}

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

if (import.meta.main) {
  const quick = process.argv.includes("--quick");
  const runs = await paceRuns(quick);
  console.log(paceTable(runs));
  if (!quick) console.log(`\n${gateTable(paceGates(runs))}`);
}
