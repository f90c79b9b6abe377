const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 };

/**
 * Reads a duration with its unit, such as `500ms`, `30s` or `2m`.
 *
 * @returns Milliseconds, or `undefined` where it is not one.
 */
export function parseDuration(text: string): number | undefined {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text) ?? [];
  const factor = units[unit ?? ""];
  return factor === undefined ? undefined : Number(number) * factor;
}
