/**
 * Checks of arguments, all by one mechanism. A message names what is wrong and never quotes a value:
 * it may be a secret.
 *
 * @module
 */
import { redactor } from "./response.ts";

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
    throw cannotUse(`${subject} ${quoteKey(name)}`, suggest(name, Object.keys(checks)));
  }
  const checked: Record<string, unknown> = {};
  for (const [name, check] of Object.entries<Check<unknown>>(checks)) {
    const value: unknown = Reflect.get(options, name);
    if (value !== undefined) checked[name] = check(value, name);
  }
  return checked as Options;
}

/**
 * Finds the name that a misspelt word stands for. Up to a third of the name's letters may be wrong, so
 * that a plural counts as a misspelling. Capitals, hyphens and underscores do not matter.
 *
 * @param word The word as it was typed.
 * @param names The names to choose from.
 * @returns The nearest name, or `undefined` if none is near.
 */
export function nearest(word: string, names: readonly string[]): string | undefined {
  const typed = plain(word);
  let least = Infinity;
  let found: string | undefined;
  for (const name of names) {
    const most = Math.floor(name.length / 3);
    const letters = plain(name);
    if (Math.abs(typed.length - letters.length) > most) continue;
    const edits = editsBetween(typed, letters);
    if (edits > most || edits >= least) continue;
    least = edits;
    found = name;
  }
  return found;
}

/** What to say about an unknown name: the nearest name, or all names if none is near. */
export function suggest(word: string, names: readonly string[]): string {
  const name = nearest(word, names);
  return name === undefined ? `there are ${names.join(", ")}` : `did you mean "${name}"?`;
}

const plain = (text: string) => text.toLowerCase().replaceAll(/[_-]/g, "");

/** The Levenshtein distance: how many letters have to be added, removed or replaced. */
function editsBetween(one: string, other: string): number {
  let above = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [row, letter] of [...one].entries()) {
    const line = [row + 1];
    for (const [column, otherLetter] of [...other].entries()) {
      line.push(Math.min(
        (line[column] ?? 0) + 1,
        (above[column + 1] ?? 0) + 1,
        (above[column] ?? 0) + (letter === otherLetter ? 0 : 1),
      ));
    }
    above = line;
  }
  return above.at(-1) ?? 0;
}

/** A key of an object from outside, fit for a message: quoted, short, and without secrets. */
export function quoteKey(key: string): string {
  return JSON.stringify(redactor([])(key).slice(0, 64));
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
