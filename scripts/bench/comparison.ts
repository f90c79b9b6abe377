import type { Measure } from "./measures.ts";

/** The samples of one contender, beside those that the reference gave in the same rounds. */
export interface Comparison {
  readonly samples: readonly number[];
  readonly minimum: number;
  readonly median: number;
  /** Sample by sample, over the reference's of the same round. */
  readonly ratios: readonly number[];
  /** Of the ratios, the least flattering: what a gate goes by. */
  readonly worstRatio: number;
}

/** Compares samples pair by pair, so that what slows a whole round down does not count. */
export function compare(
  samples: readonly number[],
  reference: readonly number[],
  better: Measure["better"],
): Comparison {
  const ratios = samples.map((sample, round) => sample / (reference[round] ?? NaN));
  return {
    samples,
    minimum: Math.min(...samples),
    median: median(samples),
    ratios,
    worstRatio: better === "less" ? Math.max(...ratios) : Math.min(...ratios),
  };
}

/** The middle of samples, or the mean of the two in the middle. */
export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.slice((sorted.length - 1) >> 1, (sorted.length >> 1) + 1);
  return middle.reduce((sum, sample) => sum + sample, 0) / middle.length;
}
