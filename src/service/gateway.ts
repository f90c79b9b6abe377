import { deleteMessageBatch } from "../core/delete.ts";
import { APIError, APITimeoutError, BatchsweepError, NotFoundError } from "../core/errors.ts";
import { authenticate } from "./authenticate.ts";
import { clientOf, tokensOf } from "./configuration.ts";
import type { ServiceOptions } from "./options.ts";
import { Problem } from "./problem.ts";
import { report } from "./report.ts";
import { isHeld, policyOf } from "./retention-settings.ts";

/** An answer of the gateway that is an error, in the API's shape. */
interface Refusal {
  readonly status: number;
  readonly type: string;
  readonly message: string;
  readonly requestId?: string | undefined;
  readonly retryAfter?: number | undefined;
}

/**
 * `DELETE /v1/messages/batches/{id}`: the API's own route, for official SDKs with another base URL.
 * The caller has a token; the key stays here. Everything else is 404 and reaches nothing.
 *
 * The route is held against the path as the runtime normalised it, letter by letter: a path that
 * only decodes to the route is not the route.
 *
 * @param request The request.
 * @param options Options of the service.
 * @returns The API's receipt, or an error in the API's shape.
 */
export async function answerGateway(
  request: Request,
  options: ServiceOptions,
): Promise<Response> {
  try {
    const { pathname, search } = new URL(request.url);
    const id = /^\/v1\/messages\/batches\/([\w.~-]+)$/.exec(pathname)?.[1];
    if (request.method !== "DELETE" || id === undefined || !["", "?beta=true"].includes(search)) {
      return refuse({ status: 404, type: "not_found_error", message: "Not found" });
    }
    const token = await authenticate(request.headers, tokensOf(options));
    if (token === undefined) {
      return refuse({ status: 401, type: "authentication_error", message: "Invalid token" });
    }
    const betas = (request.headers.get("anthropic-beta") ?? "").split(",")
      .map((beta) => beta.trim()).filter((beta) => beta !== "");
    if (betas.some((beta) => !/^[\w.-]{1,128}$/.test(beta))) {
      const message = "anthropic-beta: not a list of names";
      return refuse({ status: 400, type: "invalid_request_error", message });
    }
    if (isHeld(policyOf(options), id)) {
      const message = "Cannot delete the message batch: it is held";
      return refuse({ status: 403, type: "permission_error", message });
    }
    // Not with the signal of the request: a caller that hangs up does not stop what was begun.
    const client = { ...clientOf(options), actor: token.name };
    const { type, requestId, auditError } = await deleteMessageBatch(client, id, { betas });
    report(options, auditError);
    return Response.json({ id, type }, { headers: requestId ? { "request-id": requestId } : {} });
  } catch (error) {
    if (error instanceof BatchsweepError) report(options, error.auditError);
    if (error instanceof Problem || error instanceof BatchsweepError) {
      return refuse(refusalOf(error));
    }
    report(options, error);
    return refuse({ status: 500, type: "api_error", message: "An unexpected error occurred" });
  }
}

function refusalOf(error: Problem | BatchsweepError): Refusal {
  const { message } = error;
  if (error instanceof Problem) return { status: error.status, type: "api_error", message };
  if (error instanceof APITimeoutError) return { status: 504, type: "timeout_error", message };
  if (!(error instanceof APIError)) return { status: 502, type: "api_error", message };
  const { type = "api_error", requestId, retryAfter } = error;
  const status = error.status > 599 ? 502 : error.status;
  // What the API says of our key is not about the caller's token, nor is what did not come from it.
  const own = [401, 402, 403].includes(status) ||
    (status === 404 && !(error instanceof NotFoundError));
  return own
    ? { status: 502, type: "api_error", message, requestId }
    : { status, type, message, requestId, retryAfter };
}

function refuse({ status, type, message, requestId, retryAfter }: Refusal): Response {
  const headers = new Headers();
  if (requestId !== undefined) headers.set("request-id", requestId);
  if (retryAfter !== undefined) headers.set("retry-after", String(Math.ceil(retryAfter / 1000)));
  // The service has retried already. Only what certainly did nothing is worth another round.
  if (status !== 429 && status !== 529) headers.set("x-should-retry", "false");
  const body = { type: "error", error: { type, message }, request_id: requestId ?? null };
  return Response.json(body, { status, headers });
}
