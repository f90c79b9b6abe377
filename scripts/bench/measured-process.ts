/**
 * What a measured process runs, under Node, Deno and Bun alike: it takes jobs from its input, a line
 * of JSON each, and answers each with a number. Arguments: the bundle's URL, the server's.
 *
 * @module
 */
import { createInterface } from "node:readline";
import type { Job } from "./measures.ts";
import type { CreateRemove, Remove } from "./subjects/subject.ts";

const [, , bundle = "", baseUrl = ""] = process.argv;
const apiKey = "sk-ant-api03-bench";
const batchId = "msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d";

let createRemove: CreateRemove;
let overLoopback: Remove;

/** Runs workers that delete one batch after the other, until they may not go on. */
async function repeat(remove: Remove, concurrency: number, mayGoOn: () => boolean) {
  let calls = 0;
  const work = async () => {
    while (mayGoOn()) {
      if (await remove(batchId) !== batchId) throw new Error("Not the receipt that was asked for");
      calls += 1;
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: concurrency }, work));
  return { calls, duration: performance.now() - startedAt };
}

function within(duration: number): () => boolean {
  const end = performance.now() + duration;
  return () => performance.now() < end;
}

async function run(job: Job): Promise<number> {
  switch (job.kind) {
    case "import": {
      const startedAt = performance.now();
      ({ createRemove } = await import(bundle));
      const duration = performance.now() - startedAt;
      overLoopback = createRemove({ baseUrl, apiKey });
      return duration;
    }
    case "memory": {
      let left = job.calls;
      await repeat(overLoopback, 16, () => left-- > 0);
      return process.resourceUsage().maxRSS / 1024;
    }
    case "throughput": {
      await repeat(overLoopback, job.concurrency, within(job.duration / 4));
      const { calls, duration } = await repeat(
        overLoopback,
        job.concurrency,
        within(job.duration),
      );
      return calls / duration * 1000;
    }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(await run(JSON.parse(line)));
}
process.exit(0);
