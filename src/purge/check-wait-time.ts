import { cannotUse } from "../core/cannot-use.ts";

/**
 * Checks how long to wait, in milliseconds. Only `undefined` means the default.
 *
 * @param name What the caller calls it.
 * @throws {TypeError | RangeError} It is no time, or none above 0.
 */
export function checkWaitTime(time: unknown, name: string): void {
  if (time === undefined) return;
  if (typeof time !== "number") throw cannotUse(name, "it is not a number");
  if (!(time > 0)) throw new RangeError(`Cannot use ${name} as ${time}: it must be above 0`);
}
