/** What is wrong with an argument: `subject` is its name, `why` says what is wrong, with no value. */
export interface ArgumentError {
  readonly subject: string;
  readonly why: string;
}

/** Makes the error for an argument that is refused. */
export function cannotUse(subject: string, why: string): TypeError & ArgumentError {
  return Object.assign(new TypeError(`Cannot use ${subject}: ${why}`), { subject, why });
}

/** What an error of {@link cannotUse} says; `undefined` for any other error. */
export function argumentError(error: unknown): ArgumentError | undefined {
  if (!(error instanceof TypeError && "subject" in error && "why" in error)) return undefined;
  const { subject, why } = error;
  return typeof subject === "string" && typeof why === "string" ? { subject, why } : undefined;
}
