/** The error that a wrong argument is. It says why, and never quotes the value. */
export function cannotUse(name: string, why: string): TypeError {
  return new TypeError(`Cannot use ${name}: ${why}`);
}
