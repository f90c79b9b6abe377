import type { BundleSizes } from "./bundle-size.ts";
import type { Results } from "./paired-runs.ts";

/** A figure that must be reached. */
export interface Gate {
  readonly name: string;
  readonly value: number;
  readonly limit: number;
  readonly passed: boolean;
}

/** The gates on size, in kB: the same on every machine. */
export function sizeGates(sizes: BundleSizes): readonly Gate[] {
  return [
    atMost(13.5, "deleteMessageBatch() alone, kB", sizes["deleteMessageBatch() alone"] / 1000),
    atMost(24, "all of mod.ts, kB", sizes["all of mod.ts"] / 1000),
  ];
}

/** The gates on time. Each goes by the worst ratio to the official SDK of all rounds. */
export function timeGates({ import: load, throughput16 }: Results): readonly Gate[] {
  return [
    atMost(0.5, "import on Deno, beside the SDK", load.Deno.batchsweep.worstRatio),
    atMost(0.5, "import on Bun, beside the SDK", load.Bun.batchsweep.worstRatio),
    atLeast(0.9, "16 at a time on Node, beside the SDK", throughput16.Node.batchsweep.worstRatio),
    atLeast(1, "16 at a time on Deno, beside the SDK", throughput16.Deno.batchsweep.worstRatio),
    atLeast(1, "16 at a time on Bun, beside the SDK", throughput16.Bun.batchsweep.worstRatio),
  ];
}

export function atMost(limit: number, name: string, value: number): Gate {
  return { name: `${name}, at most ${limit}`, value, limit, passed: value <= limit };
}

function atLeast(limit: number, name: string, value: number): Gate {
  return { name: `${name}, at least ${limit}`, value, limit, passed: value >= limit };
}
