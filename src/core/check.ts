/**
 * Checks of arguments, all by one mechanism. A message names what is wrong and never quotes a value:
 * it may be a secret.
 *
 * @module
 */

/** An argument that cannot be used: a `TypeError` or `RangeError` that says so as data, too. */
export interface ArgumentError extends TypeError {
  /** Which argument: `baseUrl`. */
  readonly subject: string;
  /** What is wrong with it: `it is not an absolute URL`. */
  readonly why: string;
}

/** Makes the error for a wrong argument. */
export function cannotUse(
  subject: string,
  why: string,
  Kind: typeof TypeError = TypeError,
): ArgumentError {
  return Object.assign(new Kind(`Cannot use ${subject}: ${why}`), { subject, why });
}

/** Whether something caught is the error of {@link cannotUse}. */
export function isArgumentError(error: unknown): error is ArgumentError {
  return error instanceof Error && "subject" in error && "why" in error && !("code" in error);
}

/**
 * Checks one option, and gives it in the form in which it is used.
 *
 * @throws {ArgumentError} It cannot be used.
 */
export type Check<Value> = (value: unknown, name: string) => Value;

/** A check for each option that there is. */
export type Checks<Options> = {
  readonly [Name in keyof Options]-?: Check<NonNullable<Options[Name]>>;
};

/**
 * Checks options before the first request. Only `undefined` means that one is absent. Each option is
 * read once. Inherited ones count, since a class may have getters; but other inherited members are not
 * refused.
 *
 * @param subject What an unknown member is called in the error.
 * @returns The checked values, as a plain object.
 * @throws {ArgumentError} There is an option of another name, or one cannot be used.
 */
export function checkOptions<Options extends object>(
  options: Options | undefined,
  checks: Checks<Options>,
  subject = "option",
): Options {
  if (options === undefined) return {} as Options;
  if (typeof options !== "object" || options === null || Symbol.iterator in options) {
    throw cannotUse(`${subject}s`, "they are not a plain object");
  }
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(checks, name)) continue;
    throw cannotUse(`${subject} ${quoteKey(name)}`, suggestName(name, Object.keys(checks)));
  }
  const checked: Record<string, unknown> = {};
  for (const [name, check] of Object.entries<Check<unknown>>(checks)) {
    const value: unknown = Reflect.get(options, name);
    if (value !== undefined) checked[name] = check(value, name);
  }
  return checked as Options;
}

/** Says which names there are, or the one that was meant. */
export function suggestName(name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  return near === undefined ? `there are ${names.join(", ")}` : `did you mean "${near}"?`;
}

/** The name that was meant: at most two letters differ, or a third of them; case does not count. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  if (name.length > 64) return undefined;
  const [best] = names.map((known) => ({ known, distance: editDistance(name, known) }))
    .filter(({ known, distance }) => distance <= Math.max(2, known.length / 3))
    .sort((one, other) => one.distance - other.distance);
  return best?.known;
}

/** How many letters must be inserted, removed or replaced (Levenshtein). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const letter of from.toLowerCase()) {
    const next = [(row[0] ?? 0) + 1];
    for (const [index, other] of [...to.toLowerCase()].entries()) {
      const [diagonal = 0, above = 0] = row.slice(index);
      next.push(Math.min(diagonal + Number(letter !== other), above + 1, (next[index] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** A name that came from outside, fit for a message: quoted, bounded, and without keys. */
export function quoteKey(name: string): string {
  return JSON.stringify(name.replace(/sk-ant-[\w-]*/gi, "[redacted]").slice(0, 64));
}

export const isBoolean: Check<boolean> = (value, name) => {
  if (typeof value !== "boolean") throw cannotUse(name, "it is not a boolean");
  return value;
};

export const isText: Check<string> = (value, name) => {
  if (typeof value !== "string") throw cannotUse(name, "it is not a string");
  return value;
};

// deno-lint-ignore no-explicit-any
export const isFunction: Check<any> = (value, name) => {
  if (typeof value !== "function") throw cannotUse(name, "it is not a function");
  return value;
};

/** Makes the check of a number in a range, both ends included. */
export function isNumber(
  least: number,
  most: number,
  { whole = false }: { readonly whole?: boolean } = {},
): Check<number> {
  const what = whole ? "whole number" : "number";
  return (value, name) => {
    if (typeof value !== "number") throw cannotUse(name, "it is not a number");
    if (value >= least && value <= most && (!whole || Number.isInteger(value))) return value;
    throw cannotUse(name, `it is not a ${what} from ${least} to ${most}`, RangeError);
  };
}

/** The check of a wait, in milliseconds; it may be infinite. */
export const isWaitTime: Check<number> = (value, name) => {
  if (typeof value !== "number") throw cannotUse(name, "it is not a number");
  if (!(value > 0)) throw cannotUse(name, "it is not above 0", RangeError);
  return value;
};

/** Makes the check of an object that has these methods, wherever it inherits them from. */
export function hasMethods<Value>(what: string, ...methods: PropertyKey[]): Check<Value> {
  return (value, name) => {
    if (methods.every((method) => typeof Object(value)[method] === "function")) {
      return value as Value;
    }
    throw cannotUse(name, `it is not ${what}`);
  };
}

export const isSignal: Check<AbortSignal> = /* @__PURE__ */ hasMethods(
  "an AbortSignal",
  "throwIfAborted",
  "addEventListener",
);

/** The check of a list of names of betas. Each becomes part of a comma list in one header. */
export const isBetas: Check<readonly string[]> = (value, name) => {
  if (!Array.isArray(value)) throw cannotUse(name, "it is not an array");
  const why = "a name is empty, or has a space, a comma or a line break";
  return value.map((beta) => checkText(beta, name, /^[\x21-\x2b\x2d-\x7e]+$/, why));
};

/** Checks a text, and trims the white space around it, which copying brings along. */
export function checkText(value: unknown, name: string, pattern: RegExp, why: string): string {
  if (typeof value !== "string" || !pattern.test(value.trim())) throw cannotUse(name, why);
  return value.trim();
}

/** The names in braces of a path template, as a type. */
export type PathParams<Template extends string> = Template extends
  `${string}{${infer Name}}${infer Rest}` ? Name | PathParams<Rest> : never;

const maxIdLength = 1_024;

/**
 * Puts values into a path template, each as exactly one segment.
 *
 * The format and the length of the API's ids may change. So the only check is that an id is a string
 * that no client, proxy or server can take for another path.
 *
 * @param template A path such as `/v1/messages/batches/{message_batch_id}`.
 * @param values A value for each of its names.
 * @throws {ArgumentError} A value is not a string, or not one path segment.
 */
export function fillPath<Template extends string>(
  template: Template,
  values: Readonly<Record<PathParams<Template>, string>>,
): string {
  const given: Readonly<Record<string, unknown>> = values;
  return template.replace(/\{(\w+)\}/g, (_, name: string) => segment(given[name], name));
}

function segment(value: unknown, name: string): string {
  const refuse = (why: string) => cannotUse(name, why);
  if (typeof value !== "string") throw refuse("it is not a string");
  if (value === "") throw refuse("it is empty");
  if (value.length > maxIdLength) throw refuse(`it is longer than ${maxIdLength} characters`);
  if (value === "." || value === "..") throw refuse("it is not one path segment");
  if (/^sk-ant-/i.test(value)) throw refuse("it looks like a key");
  if (/^[\w.~-]+$/.test(value)) return value; // as all ids are today
  if (/[/\\?#;%\s\p{C}]/u.test(value)) throw refuse("it is not one path segment");
  return encodeURIComponent(value);
}
