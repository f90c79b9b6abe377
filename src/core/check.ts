/**
 * Checks of arguments, all by one mechanism. A message names what is wrong and never quotes a value:
 * it may be a secret.
 *
 * @module
 */
import { redact } from "./response.ts";

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

/** Checks one option, and gives it in the form in which it is used. */
export type Check<Value> = (value: unknown, name: string) => Value;

/** A check for each option that there is. */
export type Checks<Options> = {
  readonly [Name in keyof Options]-?: Check<NonNullable<Options[Name]>>;
};

/** Options that were checked: those that were given. */
export type Checked<Options> = { readonly [Name in keyof Options]?: NonNullable<Options[Name]> };

/**
 * Checks options before the first request. Only `undefined` means that one is absent. Each option is
 * read once. Inherited ones count, since a class may have getters; but other inherited members are not
 * refused, unless there is no option at all: it may be a promise or a signal.
 *
 * @param subject What an unknown member is called in the error.
 * @throws {ArgumentError} There is an option of another name, or one cannot be used.
 */
export function checkOptions<Options extends object>(
  options: Options | undefined,
  checks: Checks<Options>,
  subject = "option",
): Checked<Options> {
  if (options === undefined) return {};
  if (!isObject(options)) throw cannotUse(`${subject}s`, "they are not a plain object");
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(checks, name)) continue;
    throw cannotUse(`${subject} ${quoteKey(name)}`, suggest(name, Object.keys(checks)));
  }
  const checked: Record<string, unknown> = {};
  let isPlain = Object.getPrototypeOf(Object.getPrototypeOf(options) ?? Object.prototype) === null;
  for (const name in checks) {
    isPlain ||= name in options;
    const value: unknown = Reflect.get(options, name); // it may be inherited
    if (value !== undefined) checked[name] = checks[name](value, name);
  }
  if (!isPlain) throw cannotUse(`${subject}s`, "they are not a plain object");
  return checked as Checked<Options>;
}

/** Whether a value is an object with members, not a list. */
export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !(Symbol.iterator in value);
}

/**
 * Finds the name that a misspelt word stands for. Two letters, or a third of the name's letters, may
 * be missing or too many. Capitals, hyphens, underscores and the order of letters do not matter.
 */
export function nearest(word: string, names: readonly string[]): string | undefined {
  const letters = (text: string) => text.toLowerCase().replaceAll(/[_-]/g, "");
  const typed = letters(word);
  let best: string | undefined;
  let fewest = Infinity;
  for (const name of names) {
    const wanted = letters(name);
    const wrong = missing(typed, wanted) + missing(wanted, typed);
    if (wrong > Math.max(2, wanted.length / 3) || wrong >= fewest) continue;
    fewest = wrong;
    best = name;
  }
  return best;
}

/** How many letters of one word are not in another, whatever their order. */
function missing(one: string, other: string): number {
  return [...one].filter((letter) => !other.includes(letter)).length;
}

/** What to say about an unknown name: the nearest name, or all names if none is near. */
export function suggest(word: string, names: readonly string[]): string {
  const name = nearest(word, names);
  return name === undefined ? `there are ${names.join(", ")}` : `did you mean "${name}"?`;
}

/** A key of an object from outside, fit for a message: quoted, short, and without secrets. */
export function quoteKey(key: string): string {
  return JSON.stringify(redact(key).slice(0, 64));
}

function isType<Value>(type: "boolean" | "function" | "number" | "string"): Check<Value> {
  return (value, name) => {
    // deno-lint-ignore valid-typeof
    if (typeof value !== type) throw cannotUse(name, `it is not a ${type}`);
    return value as Value;
  };
}

export const isBoolean: Check<boolean> = /* @__PURE__ */ isType("boolean");
export const isText: Check<string> = /* @__PURE__ */ isType("string");
// deno-lint-ignore no-explicit-any
export const isFunction: Check<any> = /* @__PURE__ */ isType("function");
const isAnyNumber: Check<number> = /* @__PURE__ */ isType("number");

/** Makes the check of a number in a range, both ends included. */
export function isNumber(
  least: number,
  most: number,
  { whole = false }: { readonly whole?: boolean } = {},
): Check<number> {
  return (value, name) => {
    const number = isAnyNumber(value, name);
    if (number >= least && number <= most && (!whole || Number.isInteger(number))) return number;
    const what = whole ? "whole number" : "number";
    throw cannotUse(name, `it is not a ${what} from ${least} to ${most}`, RangeError);
  };
}

/** The check of a wait, in milliseconds; it may be infinite. */
export function isWaitTime(value: unknown, name: string): number {
  if (isAnyNumber(value, name) > 0) return Number(value);
  throw cannotUse(name, "it is not above 0", RangeError);
}

/** Leaves out the members that are undefined. */
export function defined<Members extends object>(members: Members): Members {
  const result: Partial<Members> = {};
  for (const name in members) if (members[name] !== undefined) result[name] = members[name];
  return result as Members;
}

/** Makes the check of an object that has these methods, wherever it inherits them from. */
export function hasMethods<Value>(what: string, ...methods: PropertyKey[]): Check<Value> {
  return (value, name) => {
    const has = (method: PropertyKey) => typeof Object(value)[method] === "function";
    if (!methods.every(has)) throw cannotUse(name, `it is not ${what}`);
    return value as Value;
  };
}

export const isSignal: Check<AbortSignal> = /* @__PURE__ */ hasMethods(
  "an AbortSignal",
  "throwIfAborted",
  "addEventListener",
);

/** The check of a list of names of betas. Each becomes part of a comma list in one header. */
export function isBetas(value: unknown, name: string): readonly string[] {
  if (!Array.isArray(value)) throw cannotUse(name, "it is not an array");
  const why = "a name is empty, or has a character that no name has";
  return value.map((beta) => checkText(beta, name, /^[\x21-\x2b\x2d-\x7e]+$/, why));
}

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
 * @throws {ArgumentError} A value is not a string, or not one path segment.
 */
export function fillPath<Template extends string>(
  template: Template,
  values: Readonly<Record<PathParams<Template>, string>>,
): string {
  const given: Readonly<Record<string, unknown>> = values;
  return template.replace(/\{(\w+)\}/g, (_, name: string) => segment(given[name], name));
}

/** Encodes a value as exactly one segment of a path, as {@link fillPath} does. */
export function segment(given: unknown, name: string): string {
  const refuse = (why: string) => cannotUse(name, why);
  const value = isText(given, name);
  if (value === "") throw refuse("it is empty");
  if (value.length > maxIdLength) throw refuse(`it is longer than ${maxIdLength} characters`);
  if (/^sk-ant-/i.test(value)) throw refuse("it looks like a key");
  if (/^\.\.?$|[/\\?#;%\s\p{C}]/u.test(value)) throw refuse("it is not one path segment");
  return encodeURIComponent(value);
}

/** Makes the check of something to iterate over. A text is that, too, but never meant so. */
export function isList<Value>(what: string, ...methods: readonly symbol[]): Check<Value> {
  return (value, name) => {
    const iterable = methods.some((method) => typeof Object(value)[method] === "function");
    if (iterable && typeof value !== "string") return value as Value;
    throw cannotUse(name, `it is not ${what}`);
  };
}
