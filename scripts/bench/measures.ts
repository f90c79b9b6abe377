/** What a measured process is asked to do. It answers each with one number. */
export type Job =
  | { readonly kind: "import" }
  | { readonly kind: "memory"; readonly calls: number }
  | { readonly kind: "throughput"; readonly concurrency: number; readonly duration: number };

/** Something that is measured. */
export interface Measure {
  readonly title: string;
  readonly unit: string;
  readonly better: "less" | "more";
  /** How often each contender has its turn in a round; the median of its turns is its sample. */
  readonly turns: number;
  /** Makes the job, for a turn of about so many milliseconds. */
  readonly job: (duration: number) => Job;
}

/** How many deletions come before peak memory is read, and warm the process up for what follows. */
const warmUpCalls = 1_000;

const throughput = (concurrency: number): Measure => ({
  title: `Deletions a second over loopback HTTP, ${concurrency} at a time`,
  unit: "1/s",
  better: "more",
  turns: 3,
  job: (duration) => ({ kind: "throughput", concurrency, duration }),
});

/** In the order in which a process is asked: importing comes first, of itself. */
export const measures = {
  import: {
    title: "Import time of the bundle, without a code cache",
    unit: "ms",
    better: "less",
    turns: 1, // a process imports once, and has one peak
    job: () => ({ kind: "import" }),
  },
  memory: {
    title:
      `Peak memory (RSS) of the process after ${warmUpCalls} deletions over loopback, 16 at a time`,
    unit: "MB",
    better: "less",
    turns: 1,
    job: () => ({ kind: "memory", calls: warmUpCalls }),
  },
  throughput1: throughput(1),
  throughput16: throughput(16),
  throughput64: throughput(64),
} as const satisfies Readonly<Record<string, Measure>>;

export type MeasureName = keyof typeof measures;
