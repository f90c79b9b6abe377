import type { Measure } from "./measures.ts";
import { median } from "./median.ts";

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
