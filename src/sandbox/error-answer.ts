import type { Answer } from "./answer.ts";
import { Refusal } from "./refusal.ts";

/** Members of the error that its status does not settle. */
export interface ErrorDetails {
  /** `error.type`; the documented one of the status by default. */
  readonly type?: string | undefined;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/** A refusal as the API writes it; `requestId` also stands in the `request-id` header. */
export function errorAnswer(
  refusal: Refusal,
  requestId: string,
  { type = Refusal.typeOf(refusal.status), details = refusal.details }: ErrorDetails = {},
): Answer {
  const error = { type, message: refusal.message, ...(details && { details }) };
  return {
    status: refusal.status,
    headers: { "content-type": "application/json", ...refusal.headers },
    body: JSON.stringify({ type: "error", error, request_id: requestId }),
  };
}
