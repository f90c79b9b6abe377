/**
 * How fast many batches are deleted against the API's limit, and what is lost on the way, beside the
 * official SDK with p-limit. By itself: `node scripts/bench/pace-runs.ts [--quick]`.
 *
 * @module
 */
import { join } from "node:path";
import { withBundles } from "./bundle.ts";
import { startLineProcess } from "./line-process.ts";
import type { PaceContender } from "./pace-contenders.ts";
import {
  leastTime,
  type PaceScenario,
  paceScenarios,
  quickPaceScenarios,
} from "./pace-scenarios.ts";
import { paceGates, paceTable } from "./pace-report.ts";
import { gateTable } from "./report.ts";
import { fromSource, runtimes } from "./runtimes.ts";
import type { SandboxServerOptions, SandboxServerReport } from "./sandbox-server.ts";

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

if (import.meta.main) {
  const quick = process.argv.includes("--quick");
  const runs = await paceRuns(quick);
  console.log(paceTable(runs));
  if (!quick) console.log(`\n${gateTable(paceGates(runs))}`);
}
