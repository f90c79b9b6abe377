const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Reads a duration with its unit, such as `500ms`, `30s`, `2m`, `12h` or `7d`. A minute is `m`; there
 * are no months.
 *
 * @returns Milliseconds, or `undefined` where it is not one.
 */
export function parseDuration(text: string): number | undefined {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  const factor = units[unit ?? ""];
  return factor === undefined ? undefined : Number(number) * factor;
}
