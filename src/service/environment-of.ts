import type { Environment } from "./environment.ts";

/**
 * The environment where variables may be more than texts, as those of a Worker: a number is its
 * digits, a list or an object its JSON. None is overlooked.
 */
export function environmentOf(variables: Readonly<Record<string, unknown>>): Environment {
  return (name) => {
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (value === undefined || value === null) return undefined;
    return typeof value === "object" ? JSON.stringify(value) : String(value);
  };
}
