/**
 * A process that deletes batches, and prints how long it took, in seconds, and how many it lost.
 * Arguments: the bundle's URL, the contender, the server's, how many batches.
 *
 * @module
 */
import type * as contenders from "./pace-contenders.ts";

const [, , bundle = "", name = "", baseUrl = "", count = "0"] = process.argv;
const { paceContenders }: typeof contenders = await import(bundle);
const ids = Array.from({ length: Number(count) }, (_, index) => `msgbatch_bench_${index + 1}`);
const startedAt = performance.now();
const lost = await paceContenders[name as contenders.PaceContender](baseUrl, ids);
const seconds = (performance.now() - startedAt) / 1000;
console.log(JSON.stringify({ seconds, lost }));
process.exit(0);
