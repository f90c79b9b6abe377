/**
 * What the command says in text, as pure functions.
 *
 * @module
 */
import type { RequestEvent } from "../core/client.ts";
import type { DeletionOutcome } from "../operations/outcome.ts";
import type { StopReason } from "../operations/stop-reason.ts";
import { words } from "./words.ts";

/**
 * One outcome on one line.
 *
 * @param outcome What became of an object.
 * @param kind The name of its kind.
 */
export function describeOutcome(outcome: DeletionOutcome, kind: string): string {
  switch (outcome.outcome) {
    case "deleted":
      return `deleted ${outcome.id}${details(words(outcome.evidence), outcome.requestId)}`;
    case "missing":
      return `missing ${outcome.id}`;
    case "skipped":
      return `skipped ${outcome.id}${details(words(outcome.reason))}`;
    case "failed": {
      const { message, requestId } = outcome.error;
      const told = `Cannot delete ${words(kind)} ${JSON.stringify(outcome.id)}: `;
      const why = message.startsWith(told) ? message.slice(told.length) : message;
      return `failed ${outcome.id}: ${why}${details(requestId)}`;
    }
    case "unattempted":
      return `unattempted ${outcome.id}${details(words(outcome.reason))}`;
  }
}

/** Why a run stopped, as a sentence. */
export function describeStop(reason: StopReason): string {
  return stops[reason];
}

const stops: Readonly<Record<StopReason, string>> = {
  interrupted: "Stopped: interrupted",
  credentials_refused: "Stopped: the API refused the credentials",
  blocked: "Stopped: requests are blocked before they reach the API",
  billing: "Stopped: the API asks to look at the billing of the account",
  rate_limited: "Stopped: the rate limit cannot be waited out",
  caller_failed: "Stopped: the record or the credentials cannot be had",
  other_workspace: "Stopped: the answers come from another workspace",
  unreachable: "Stopped: too many failures in a row, of the connection or of the API",
};

/** One attempt on one line. */
export function describeRequest(event: RequestEvent): string {
  const { method, pathTemplate, attempt, status, errorCode, duration, retryDelay } = event;
  const again = retryDelay === undefined ? "" : `, again in ${Math.round(retryDelay)} ms`;
  return `${method} ${pathTemplate}, attempt ${attempt}: ${status ?? errorCode} in ` +
    `${Math.round(duration)} ms${again}${details(event.requestId)}`;
}

function details(...parts: readonly (string | undefined)[]): string {
  const given = parts.filter((part) => part !== undefined);
  return given.length > 0 ? ` (${given.join(", ")})` : "";
}
