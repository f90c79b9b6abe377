/**
 * A time as the API writes it: RFC 3339 in UTC, with microseconds
 * (`2024-08-20T18:37:24.100435Z`).
 *
 * @param time Milliseconds since the epoch; a fraction becomes the microseconds.
 * @returns The timestamp.
 */
export function timestamp(time: number): string {
  const whole = Math.floor(time);
  const micros = Math.min(999, Math.round((time - whole) * 1000));
  return new Date(whole).toISOString().replace("Z", `${String(micros).padStart(3, "0")}Z`);
}
