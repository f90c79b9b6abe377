import type { Answer } from "./answer.ts";
import type { Fault } from "./fault-queue.ts";
import { errorAnswer } from "./error-answer.ts";
import { Refusal } from "./refusal.ts";

/**
 * What a fault answers of its own; undefined: it leaves the answer as it is.
 *
 * @param fault The fault.
 * @param requestId The request's id, for the body.
 */
export function faultAnswer(fault: Fault, requestId: string): Answer | undefined {
  const { status = 200, body, message = "An error that the sandbox was asked for." } = fault;
  if (fault.status === undefined && body === undefined) return undefined;
  if (body === undefined && status >= 400) {
    return errorAnswer(new Refusal(status, message), requestId, fault);
  }
  if (body === undefined || body === null) return { status, body: null };
  return typeof body === "string"
    ? { status, headers: { "content-type": "text/plain;charset=UTF-8" }, body }
    : { status, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}
