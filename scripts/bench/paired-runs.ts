import { join } from "node:path";
import { withBundles } from "./bundle.ts";
import { compare, type Comparison, median } from "./comparison.ts";
import { type Contender, contenders, reference } from "./contenders.ts";
import { type LineProcess, startLineProcess } from "./line-process.ts";
import { type MeasureName, measures } from "./measures.ts";
import { type Runtime, runtimes } from "./runtimes.ts";

/** What came out: by measure, runtime and contender. */
export type Results = Readonly<
  Record<MeasureName, Readonly<Record<Runtime, Readonly<Record<Contender, Comparison>>>>>
>;

const names = Object.keys(contenders) as Contender[];
const measureNames = Object.keys(measures) as MeasureName[];
const folder = import.meta.dirname;

/** Fills a record, key by key. */
function record<Key extends string, Value>(
  keys: readonly Key[],
  value: (key: Key) => Value,
): Record<Key, Value> {
  return Object.fromEntries(keys.map((key) => [key, value(key)])) as Record<Key, Value>;
}

/**
 * Measures every contender on every runtime. In each round each contender gets a process of its own,
 * and the processes take turns, A B C D A B C D, at one measure after the other: what is compared is
 * measured within a second.
 *
 * @param rounds How many rounds.
 * @param duration About how long one turn takes, in milliseconds.
 */
export async function pairedRuns(rounds: number, duration: number): Promise<Results> {
  const modules = names.map((name) => `scripts/bench/subjects/${contenders[name]}.ts`);
  const server = startLineProcess(["node", join(folder, "loopback-server.ts")]);
  return await withBundles(modules, async (urls) => {
    const url = await server.ask();
    const bundles = record(names, (name) => urls[names.indexOf(name)] ?? "");
    const runtimeNames = Object.keys(runtimes) as Runtime[];
    const samples = record(
      measureNames,
      () => record(runtimeNames, () => record(names, (): number[] => [])),
    );
    for (const runtime of runtimeNames) {
      for (let round = 0; round < rounds; round += 1) {
        await runRound(runtime, bundles, url, duration, (measure, contender, value) => {
          samples[measure][runtime][contender].push(value);
        });
      }
    }
    return record(
      measureNames,
      (measure) =>
        record(runtimeNames, (runtime) => {
          const all = samples[measure][runtime];
          return record(
            names,
            (name) => compare(all[name], all[reference], measures[measure].better),
          );
        }),
    );
  }).finally(() => server.end());
}

async function runRound(
  runtime: Runtime,
  bundles: Readonly<Record<Contender, string>>,
  serverUrl: string,
  duration: number,
  add: (measure: MeasureName, contender: Contender, value: number) => void,
): Promise<void> {
  const processes = new Map<Contender, LineProcess>();
  const start = (contender: Contender) => {
    const script = join(folder, "measured-process.ts");
    const args = [script, bundles[contender], serverUrl];
    const started = startLineProcess([...runtimes[runtime], ...args]);
    processes.set(contender, started);
    return started;
  };
  try {
    for (const measure of measureNames) {
      const { job, turns } = measures[measure];
      const values = record(names, (): number[] => []);
      for (let turn = 0; turn < turns; turn += 1) {
        for (const contender of names) {
          // Started at its first turn, so that its start does not disturb another's import.
          const { ask } = processes.get(contender) ?? start(contender);
          values[contender].push(Number(await ask(JSON.stringify(job(duration)))));
        }
      }
      for (const contender of names) add(measure, contender, median(values[contender]));
    }
  } finally {
    await Promise.all([...processes.values()].map(({ end }) => end()));
  }
}
