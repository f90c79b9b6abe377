const units = [["d", 86_400_000], ["h", 3_600_000], ["m", 60_000], ["s", 1_000]] as const;

/** Milliseconds as the command line takes them, such as `30m`. */
export function describeDuration(duration: number): string {
  const [unit, factor] = units.find(([, factor]) => duration % factor === 0) ?? ["ms", 1];
  return `${duration / factor}${unit}`;
}
