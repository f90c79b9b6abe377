/**
 * Checks the time that ages are judged by: by the end of time, everything is old.
 *
 * @throws {RangeError} It is no time.
 */
export function checkNow(now: number): void {
  if (!Number.isFinite(now)) {
    throw new RangeError("Cannot use now: it is not a number of milliseconds since the epoch");
  }
}
