import type { ServiceOptions } from "./options.ts";

/**
 * Tells the service's owner, and nobody else, of what no caller may see. What the owner's function
 * throws must not change an answer.
 *
 * @param error What happened; nothing is told of `undefined`.
 */
export function report({ onError }: ServiceOptions, error: unknown): void {
  if (error === undefined) return;
  try {
    onError?.(error);
  } catch {
    // Its own affair.
  }
}
