/** Whether a value has methods by these names: what an argument of the caller's own is known by. */
export function hasMethods(value: unknown, ...names: readonly PropertyKey[]): boolean {
  return names.every((name) => typeof Object(value)[name] === "function");
}
