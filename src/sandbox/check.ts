/**
 * Checks of what a caller gives: options, batches and faults, all by one mechanism.
 *
 * @module
 */

/**
 * For each member, what it may be and what stands for one that is left out. Types are written as in
 * TypeScript: `"number | list"`, `"400 | 409"`. A number is never below 0.
 */
export type Checks<Members> = {
  readonly [Name in keyof Members]-?: readonly [types: string, byDefault?: Members[Name]];
};

/** Makes the error for something that cannot be used. It says so as data, too. */
export function cannotUse(subject: string, why: string): TypeError {
  return Object.assign(new TypeError(`Cannot use ${subject}: ${why}`), { subject, why });
}

/**
 * Checks that an object has only members that there are, each of its type.
 *
 * @returns The members, with the defaults of those that are left out.
 */
export function check<Members extends object>(
  given: Members,
  checks: Checks<Members>,
  subject: string,
): Members {
  if (typeOf(given) !== "object") throw cannotUse(subject, "it is not an object");
  const rows = new Map<string, readonly [types: string, byDefault?: unknown]>(
    Object.entries(checks),
  );
  const members = Object.fromEntries([...rows].map(([name, [, byDefault]]) => [name, byDefault]));
  for (const [name, value] of Object.entries(given)) {
    const member = `${JSON.stringify(name.slice(0, 64))} of ${subject}`;
    const [types] = rows.get(name) ?? [];
    if (types === undefined) throw cannotUse(member, `there are ${[...rows.keys()].join(", ")}`);
    if (value === undefined) continue;
    const allowed = types.split(" | ");
    if (![typeOf(value), JSON.stringify(value), "unknown"].some((type) => allowed.includes(type))) {
      throw cannotUse(member, `it is not of type ${types}`);
    }
    if (typeof value === "number" && !(value >= 0)) throw cannotUse(member, "it is not 0 or more");
    members[name] = value;
  }
  return members as Members;
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "list" : typeof value;
}
