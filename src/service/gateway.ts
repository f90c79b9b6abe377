/**
 * `DELETE /v1/messages/batches/{id}`: the API's own route, for official SDKs with another base URL. The
 * caller has a token; the key stays here. Every other route is 404, and no request is made.
 *
 * @module
 */
import type { GatewayToken } from "../config/mod.ts";
import { hex } from "../core/bytes.ts";
import { APIError, APITimeoutError, BatchsweepError, NotFoundError } from "../core/errors.ts";
import { type Context, deleteOnDemand } from "./deletion.ts";
import { timingSafeEqual } from "./deps.ts";
import { toProblem } from "./problem.ts";

/** An answer of the gateway that is an error, in the API's shape. */
interface Refusal {
  readonly status: number;
  readonly type: string;
  readonly message: string;
  readonly requestId?: string | undefined;
  readonly retryAfter?: number | undefined;
}

/**
 * Answers a request to the gateway. The path must be the route letter by letter, as the runtime
 * normalised it: a path that only decodes to the route is not the route.
 *
 * @returns The API's receipt, or an error in the API's shape.
 */
export async function answerGateway(request: Request, context: Context): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const id = /^\/v1\/messages\/batches\/([\w.~-]+)$/.exec(pathname)?.[1];
  if (request.method !== "DELETE" || id === undefined || !["", "?beta=true"].includes(search)) {
    return refuse({ status: 404, type: "not_found_error", message: "Not found" });
  }
  try {
    const token = await authenticate(request.headers, context.config.gatewayTokens());
    if (token === undefined) {
      return refuse({ status: 401, type: "authentication_error", message: "Invalid token" });
    }
    const betas = (request.headers.get("anthropic-beta") ?? "").split(",")
      .map((beta) => beta.trim()).filter((beta) => beta !== "");
    if (betas.some((beta) => !/^[\w.-]{1,128}$/.test(beta))) {
      const message = "anthropic-beta: not a list of names";
      return refuse({ status: 400, type: "invalid_request_error", message });
    }
    const { type, requestId } = await deleteOnDemand(context, id, { actor: token.name, betas });
    return Response.json({ id, type }, { headers: requestId ? { "request-id": requestId } : {} });
  } catch (error) {
    return refuse(error instanceof BatchsweepError ? upstream(error) : own(error, context));
  }
}

/** The longest token that is looked at, in characters. */
const maxTokenLength = 512;

/**
 * Finds the token that a request carries, in `x-api-key` or as `Authorization: Bearer`. It takes the
 * same time for every token, known or not.
 */
async function authenticate(
  headers: Headers,
  tokens: readonly GatewayToken[],
): Promise<GatewayToken | undefined> {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
  let known: GatewayToken | undefined;
  for (const presented of [bearer, headers.get("x-api-key")]) {
    if (!presented || presented.length > maxTokenLength) continue;
    const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(presented));
    const hash = hex(new Uint8Array(bytes));
    for (const token of tokens) {
      if (await timingSafeEqual(hash, token.sha256.toLowerCase())) known = token;
    }
  }
  return known;
}

/** What the service itself refuses, or cannot do. */
function own(error: unknown, context: Context): Refusal {
  const { status, message, members } = toProblem(error, context.report);
  return members["code"] === "ERR_HELD"
    ? { status: 403, type: "permission_error", message }
    : { status, type: "api_error", message };
}

/** What the API refused, or did not answer. */
function upstream(error: BatchsweepError): Refusal {
  const { message } = error;
  if (error instanceof APITimeoutError) return { status: 504, type: "timeout_error", message };
  if (!(error instanceof APIError)) return { status: 502, type: "api_error", message };
  const { type = "api_error", requestId, retryAfter } = error;
  const status = error.status > 599 ? 502 : error.status;
  // What the API says of our key is not about the caller's token, nor is a 404 that is not the API's.
  const isOurs = [401, 402, 403].includes(status) ||
    (status === 404 && !(error instanceof NotFoundError));
  return isOurs
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
