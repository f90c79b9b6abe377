/**
 * `DELETE /v1/messages/batches/{id}`: the API's own route, for official SDKs with another base URL. The
 * caller has a token; the key stays here. It never answers 404 where the API did not.
 *
 * @module
 */
import type { Config, GatewayToken, Scope } from "../config/mod.ts";
import { hex } from "../core/bytes.ts";
import { systemClock } from "../core/client.ts";
import { APIError, APITimeoutError, BatchsweepError, NotFoundError } from "../core/errors.ts";
import { parseTimestamp } from "../purge/time.ts";
import { checkId, type Context, deleteOnDemand } from "./deletion.ts";
import { timingSafeEqual } from "./deps.ts";
import type { Line } from "./log.ts";
import { Problem, toProblem } from "./problem.ts";

/** An answer of the gateway that is an error, in the API's shape. */
interface Refusal {
  readonly status: number;
  readonly type: string;
  readonly message: string;
  readonly requestId?: string | undefined;
  readonly retryAfter?: number | undefined;
}

/**
 * Answers a request to the gateway. It checks the token (401), the path and the id (400), and what the
 * token may do (403), in this order.
 *
 * @returns The API's receipt, or an error in the API's shape.
 */
export async function answerGateway(request: Request, context: Context): Promise<Response> {
  try {
    const token = await authenticate(request.headers, context.state.config);
    const id = readId(request, token);
    const betas = (request.headers.get("anthropic-beta") ?? "").split(",")
      .map((beta) => beta.trim()).filter((beta) => beta !== "");
    if (betas.some((beta) => !/^[\w.-]{1,128}$/.test(beta))) {
      throw new Problem(400, "anthropic-beta: not a list of names");
    }
    const count = request.headers.get("x-stainless-retry-count"); // all official SDKs send it
    const repeats = count === null ? undefined : Number(count) || 0;
    const wanted = { id, actor: token.name, betas, repeats };
    const { type, requestId } = await deleteOnDemand(context, wanted);
    return Response.json({ id, type }, { headers: requestId ? { "request-id": requestId } : {} });
  } catch (error) {
    return refuse(error instanceof BatchsweepError ? upstream(error) : own(error, context.line));
  }
}

/**
 * The id of the batch that a request deletes. The path must be the route letter by letter, as the
 * runtime normalised it: a path that only decodes to the route is not the route.
 *
 * @throws {Problem} 400: the path cannot be used. 403: the token may not do this.
 */
function readId({ url, method }: Request, token: GatewayToken): string {
  const { pathname, search } = new URL(url);
  if (!/^\/v1(\/[\w.~-]+)+$/.test(pathname)) {
    throw new Problem(400, "Cannot use the path: it is not a path of the Claude API");
  }
  const id = /^\/v1\/messages\/batches\/([^/]+)$/.exec(pathname)?.[1];
  if (id !== undefined) checkId(id);
  permit(token, method === "DELETE" && id !== undefined ? "batches:delete" : undefined);
  if (!["", "?beta=true"].includes(search)) {
    throw new Problem(400, "Cannot use the query: only ?beta=true is known");
  }
  return id ?? "";
}

/** The longest token that is looked at, in characters. */
const maxTokenLength = 512;

/**
 * Finds the token that a request carries, and checks that it may do something.
 *
 * @throws {Problem} 401: there is no valid token. 403 (`ERR_FORBIDDEN`): it lacks the scope.
 */
export async function authorize(
  request: Request,
  context: Context,
  scope: Scope,
): Promise<GatewayToken> {
  const token = await authenticate(request.headers, context.state.config);
  permit(token, scope);
  return token;
}

/**
 * Finds the token that a request carries, in `x-api-key` or as `Authorization: Bearer`. It takes the
 * same time for every token, known or not.
 */
async function authenticate(headers: Headers, config: Config): Promise<GatewayToken> {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
  let known: GatewayToken | undefined;
  for (const presented of [bearer, headers.get("x-api-key")]) {
    if (!presented || presented.length > maxTokenLength) continue;
    const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(presented));
    const hash = hex(new Uint8Array(bytes));
    for (const token of config.gatewayTokens()) {
      if (await timingSafeEqual(hash, token.sha256.toLowerCase())) known = token;
    }
  }
  const expiresAt = parseTimestamp(known?.expiresAt ?? null);
  if (known === undefined || (expiresAt !== undefined && nowOf(config) >= expiresAt)) {
    throw new Problem(401, "Invalid token", {}, { "www-authenticate": "Bearer" });
  }
  return known;
}

const nowOf = (config: Config) => (config.client().clock ?? systemClock).now();

/** @throws {Problem} 403: the token lacks a scope; `undefined` is one that no token has. */
function permit({ name, allow }: GatewayToken, scope: Scope | undefined): void {
  if (scope !== undefined && allow.includes(scope)) return;
  const all = `it permits ${allow.join(", ")} and nothing else`;
  const detail = `The token ${JSON.stringify(name)} does not permit ${scope ?? "this"}: ${all}`;
  throw new Problem(403, detail, { code: "ERR_FORBIDDEN" });
}

const types: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  504: "timeout_error",
};

/** What the service itself refuses, or cannot do. */
function own(error: unknown, line: Line): Refusal {
  const problem = toProblem(error, line);
  const status = problem.members["code"] === "ERR_HELD" ? 403 : problem.status;
  return { status, type: types[status] ?? "api_error", message: problem.message };
}

/** What the API refused, or did not answer. */
function upstream(error: BatchsweepError): Refusal {
  const { message } = error;
  if (error instanceof APITimeoutError) return { status: 504, type: "timeout_error", message };
  if (!(error instanceof APIError)) return { status: 502, type: "api_error", message };
  const { type = "api_error", requestId, retryAfter, outcomeKnown } = error;
  const status = error.status > 599 ? 502 : error.status;
  // What the API says of our key is not about the caller's token, nor is a 404 that is not the API's.
  const isOurs = [401, 402, 403].includes(status) ||
    (status === 404 && !(error instanceof NotFoundError));
  if (isOurs) return { status: 502, type: "api_error", message, requestId };
  if (isLimit(status) && !outcomeKnown) {
    const doubt = "an attempt before may have deleted it";
    return { status: 502, type: "api_error", message: `${message}; ${doubt}`, requestId };
  }
  return { status, type, message, requestId, retryAfter };
}

/** Whether a refusal says that nothing was done, and that it can be repeated later. */
const isLimit = (status: number) => status === 429 || status === 529;

function refuse({ status, type, message, requestId, retryAfter }: Refusal): Response {
  const headers = new Headers();
  if (requestId !== undefined) headers.set("request-id", requestId);
  if (retryAfter !== undefined) {
    headers.set("retry-after", String(Math.ceil(retryAfter / 1000)));
    headers.set("retry-after-ms", String(retryAfter));
  }
  // The service has repeated the rest already.
  if (!isLimit(status)) headers.set("x-should-retry", "false");
  const body = { type: "error", error: { type, message }, request_id: requestId ?? null };
  return Response.json(body, { status, headers });
}
