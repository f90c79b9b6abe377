/**
 * Checks of what a caller gives: options, batches and faults, all by one mechanism.
 *
 * @module
 */

/** What a member has to be, whether a value is that, and what stands for one that is left out. */
export type Check<Value = unknown> = readonly [
  what: string,
  fits: (value: unknown) => boolean,
  byDefault?: Value,
];

/** A check for each member that there is. */
export type Checks<Members> = { readonly [Name in keyof Members]-?: Check<Members[Name]> };

type Kind = readonly [what: string, fits: (value: unknown) => boolean];

export const isAny: Kind = ["anything", () => true];
export const isBoolean: Kind = ["a boolean", (value) => typeof value === "boolean"];
export const isText: Kind = ["a text", (value) => typeof value === "string"];
export const isFunction: Kind = ["a function", (value) => typeof value === "function"];
export const isNumber: Kind = [
  "a number from 0",
  (value) => typeof value === "number" && value >= 0,
];
export const isObject: Kind = ["an object", (value) => Object(value) === value];
export const isList: Kind = ["a list", Array.isArray];
export const isTexts: Kind = [
  "a list of texts",
  (value) => Array.isArray(value) && value.every((one) => typeof one === "string"),
];

/** Makes the check of a value that is one of several. */
export function isOneOf(...values: readonly unknown[]): Kind {
  return [`one of ${values.join(", ")}`, (value) => values.includes(value)];
}

/** Makes the check of a value that fits one of several. */
export function isEither(...checks: readonly Kind[]): Kind {
  return [
    checks.map(([what]) => what).join(" or "),
    (value) => checks.some(([, fits]) => fits(value)),
  ];
}

/** Makes the error for something that cannot be used. It says so as data, too. */
export function cannotUse(subject: string, why: string): TypeError {
  return Object.assign(new TypeError(`Cannot use ${subject}: ${why}`), { subject, why });
}

/**
 * Checks that an object has only members that there are, each what it has to be.
 *
 * @returns The members, with the defaults of those that are left out.
 */
export function check<Members extends object>(
  given: Members,
  checks: Checks<Members>,
  subject: string,
): Members {
  if (!isObject[1](given)) throw cannotUse(subject, `it is not ${isObject[0]}`);
  const rows = new Map<string, Check>(Object.entries(checks));
  const members = Object.fromEntries([...rows].map(([name, [, , byDefault]]) => [name, byDefault]));
  for (const [name, value] of Object.entries(given)) {
    const member = `${JSON.stringify(name.slice(0, 64))} of ${subject}`;
    const [what, fits] = rows.get(name) ?? [];
    if (!fits) throw cannotUse(member, `there are ${[...rows.keys()].join(", ")}`);
    if (value === undefined) continue;
    if (!fits(value)) throw cannotUse(member, `it is not ${what}`);
    members[name] = value;
  }
  return members as Members;
}
