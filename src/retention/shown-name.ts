import { redactor } from "../core/redact.ts";

/** A name that was made up by somebody else, fit for a path: bounded, and without secrets. */
export function shownName(name: string): string {
  const clean = redactor([])(name).slice(0, 64);
  return /^\w+$/.test(clean) ? clean : JSON.stringify(clean);
}
