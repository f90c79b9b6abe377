/**
 * What the command says in text, as pure functions.
 *
 * @module
 */
import type { RequestEvent } from "../../core/client.ts";
import type { DeletionOutcome } from "../../purge/outcome.ts";
import type { StopReason } from "../../purge/stop-reason.ts";
import { words } from "../words.ts";

/**
 * One outcome on one line.
 *
 * @param outcome What became of an object.
 * @param kind The name of its kind.
 */
export function describeOutcome(outcome: DeletionOutcome, kind: string): string {
  const said = describe(outcome, kind);
  const unrecorded = "auditError" in outcome ? outcome.auditError : undefined;
  return unrecorded === undefined ? said : `${said}, but not recorded: ${unrecorded}`;
}

const byTheRecord = "by the record";

function describe(outcome: DeletionOutcome, kind: string): string {
  switch (outcome.outcome) {
    case "deleted": {
      const { id, evidence, requestId, recorded, export: saved } = outcome;
      const results = saved && `${saved.lines} result${saved.lines === 1 ? "" : "s"} saved`;
      const past = recorded && byTheRecord;
      return `deleted ${id}${details(words(evidence), requestId, results, past)}`;
    }
    case "missing":
      return `missing ${outcome.id}${details(outcome.recorded && byTheRecord)}`;
    case "skipped": {
      const { id, reason } = outcome;
      const why = reason === "export_failed" ? `: ${describeError(outcome, kind)}` : "";
      return `skipped ${id}${details(words(reason))}${why}`;
    }
    case "failed":
      return `failed ${outcome.id}: ${describeError(outcome, kind)}`;
    case "unattempted":
      return `unattempted ${outcome.id}${details(words(outcome.reason))}`;
  }
}

/** Why an outcome is no success, without what the line says before it. */
function describeError(
  { id, error: { message, requestId } }: Extract<DeletionOutcome, { readonly error: unknown }>,
  kind: string,
): string {
  const told = `${words(kind)} ${JSON.stringify(id)}: `;
  const at = message.startsWith("Cannot ") ? message.indexOf(told) : -1;
  return `${at === -1 ? message : message.slice(at + told.length)}${details(requestId)}`;
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
