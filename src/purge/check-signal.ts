import { cannotUse } from "../core/cannot-use.ts";
import { hasMethods } from "./has-methods.ts";

/**
 * Checks a signal before anything is done. Only `undefined` means that there is none: who gives
 * anything else believes that what is begun can be stopped.
 *
 * @throws {TypeError} It is not an AbortSignal.
 */
export function checkSignal(signal: unknown): void {
  if (signal !== undefined && !hasMethods(signal, "throwIfAborted", "addEventListener")) {
    throw cannotUse("signal", "it is not an AbortSignal");
  }
}
