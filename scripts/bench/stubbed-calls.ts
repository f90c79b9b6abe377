/**
 * Time per call with a stubbed `fetch`: this library and the official SDK in turns, in one process of
 * each runtime. Started with two bundles as arguments, this file is that process.
 *
 * @module
 */
import { median } from "./comparison.ts";
import { atMost, type Gate } from "./gates.ts";
import type { CreateRemove, Remove } from "./subjects/subject.ts";

const rounds = 20;
const calls = 1_000;
const id = "msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d";

/** Medians of 20 rounds: microseconds per call, and the ratio of the two in one round. */
export interface StubbedCalls {
  readonly own: number;
  readonly sdk: number;
  readonly ratio: number;
}

/** Measures in every runtime. */
export async function stubbedCalls(): Promise<Readonly<Record<string, StubbedCalls>>> {
  const { withBundles } = await import("./bundle.ts");
  const { startLineProcess } = await import("./line-process.ts");
  const { runtimes } = await import("./runtimes.ts");
  const modules = ["batchsweep", "official-sdk"].map((name) => `scripts/bench/subjects/${name}.ts`);
  return await withBundles(modules, async (urls) => {
    const measured: Record<string, StubbedCalls> = {};
    for (const [runtime, command] of Object.entries(runtimes)) {
      const { ask, end } = startLineProcess([...command, import.meta.filename, ...urls]);
      measured[runtime] = JSON.parse(await ask());
      await end();
    }
    return measured;
  });
}

/** The figures, as a table. */
export function stubbedTable(measured: Readonly<Record<string, StubbedCalls>>): string {
  const rows = Object.entries(measured).map(([runtime, { own, sdk, ratio }]) =>
    `${runtime.padEnd(8)}${own.toFixed(1).padStart(9)}${sdk.toFixed(1).padStart(9)}` +
    ratio.toFixed(2).padStart(9)
  );
  const title = `Time per call with a stubbed fetch, µs, medians of ${rounds} rounds of ${calls}`;
  return [title, "             own      SDK    ratio", ...rows].join("\n");
}

/** The gates on the time of a call, beside the SDK's. */
export function stubbedGates(measured: Readonly<Record<string, StubbedCalls>>): readonly Gate[] {
  return Object.entries(measured).map(([runtime, { ratio }]) =>
    atMost(0.75, `a stubbed call on ${runtime}, beside the SDK`, ratio)
  );
}

async function measure(urls: readonly string[]): Promise<StubbedCalls> {
  const headers = { "content-type": "application/json", "request-id": "req_1" };
  const body = JSON.stringify({ id, type: "message_batch_deleted" });
  const fetch = () => Promise.resolve(new Response(body, { headers }));
  const target = { baseUrl: "https://api.anthropic.com", apiKey: "sk-ant-api03-bench", fetch };
  const removes: Remove[] = [];
  for (const url of urls) {
    const { createRemove }: { readonly createRemove: CreateRemove } = await import(url);
    removes.push(createRemove(target));
  }
  const turn = async (remove: Remove | undefined) => {
    const startedAt = performance.now();
    for (let call = 0; call < calls; call += 1) await remove?.(id);
    return (performance.now() - startedAt) / calls * 1_000;
  };
  for (let warmUp = 0; warmUp < 5; warmUp += 1) for (const remove of removes) await turn(remove);
  const own: number[] = [];
  const sdk: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    own.push(await turn(removes[0]));
    sdk.push(await turn(removes[1]));
  }
  const ratios = own.map((one, round) => one / (sdk[round] ?? NaN));
  return { own: median(own), sdk: median(sdk), ratio: median(ratios) };
}

if (process.argv[1] === import.meta.filename) {
  console.log(JSON.stringify(await measure(process.argv.slice(2))));
}
