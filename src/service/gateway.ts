/**
 * The gateway: routes of the API, for official SDKs with another base URL. The caller has a token; the
 * key stays here. It never answers 404 where the API did not.
 *
 * @module
 */
import { type Config, type GatewayToken, hashToken, type Scope } from "../config/mod.ts";
import { isAbort } from "../core/abort.ts";
import { type Client, systemClock } from "../core/client.ts";
import { APIError, APITimeoutError, BatchsweepError, NotFoundError } from "../core/errors.ts";
import { headerValues } from "../core/retry.ts";
import { parseTimestamp } from "../purge/time.ts";
import { type Caller, checkIds, type Context, tookTooLong } from "./deletion.ts";
import { timingSafeEqual } from "./deps.ts";
import type { Line } from "./log.ts";
import { Problem, toProblem } from "./problem.ts";
import { idHeader, type Route, routes } from "./routes.ts";

/** An answer of the gateway that is an error, in the API's shape. */
interface Refusal {
  readonly status: number;
  readonly type: string;
  readonly message: string;
  readonly errorCode?: string | undefined;
  readonly requestId?: string | undefined;
  /** In milliseconds. */
  readonly retryAfter?: number | undefined;
  /** Whether an SDK must not repeat the call, though it is limited. */
  readonly isFinal?: boolean | undefined;
}

/** The routes, each with what its paths look like. */
const table = routes.map((route) => ({
  route,
  pattern: new RegExp(`^${route.path.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`),
}));

/**
 * Answers a request to the gateway. It checks the token (401), the path and its ids (400), and what the
 * token may do (403), in this order, then the query and the headers.
 *
 * @returns The API's answer, or an error in the API's shape.
 */
export async function answerGateway(request: Request, context: Context): Promise<Response> {
  const { line, limit, state: { config } } = context;
  try {
    const token = await authenticate(request.headers, config);
    line["actor"] = token.name;
    const { pathname, searchParams } = new URL(request.url);
    const { ids, route } = permit(token, findRoute(request.method, pathname));
    Object.assign(line, { scope: route.scope, id: Object.values(ids).join("/") || undefined });
    return await route.answer({
      ...{ context, route, token, ids, origin: originOf(request) },
      path: pathname + readQuery(searchParams, route),
      ...readCaller(request.headers, config.client()),
    });
  } catch (error) {
    const failure = isAbort(error, limit) ? tookTooLong(context, request.method === "GET") : error;
    return refuse(failure instanceof BatchsweepError ? upstream(failure) : own(failure, line));
  }
}

/**
 * Finds the route of a request, and the ids in its path. The path must be the route letter by letter, as
 * the runtime normalised it: a path that only decodes to the route is not the route.
 *
 * @returns `undefined`: there is none.
 * @throws {Problem} 400: the path cannot be used.
 */
function findRoute(method: string, path: string) {
  if (!/^\/v1(\/[\w.~-]+)+$/.test(path)) {
    throw new Problem(400, "Cannot use the path: it is not a path of the Claude API");
  }
  const fitting = table.flatMap(({ route, pattern }) => {
    const match = pattern.exec(path);
    if (match === null) return [];
    const ids = { ...match.groups };
    checkIds(route.path, ids);
    return { route, scope: route.scope, ids };
  });
  return fitting.find(({ route }) => route.method === method);
}

/**
 * The query, for the API.
 *
 * @throws {Problem} 400: it cannot be used.
 */
function readQuery(params: URLSearchParams, { query = {} }: Route): string {
  params.delete("beta", "true"); // older SDKs send it; it means nothing any more
  const known = Object.keys(query);
  for (const [name, value] of params) {
    const check = known.includes(name) ? query[name] : undefined;
    if (check === undefined) {
      const all = ["beta=true", ...known].join(", ");
      throw new Problem(400, `Cannot use the query: it may have ${all} and nothing else`);
    }
    if (params.getAll(name).length > 1 || !check(value)) {
      throw new Problem(400, `Cannot use ${name} of the query: its value is not valid`);
    }
  }
  return params.size > 0 ? `?${params}` : "";
}

/** The versions of the API that official SDKs send. Batches are the same in both. */
const versions = ["2023-06-01", "2026-10-21"];

/**
 * What a caller says of its call in headers.
 *
 * @throws {Problem} 400: it cannot be used. 403: it names another workspace than that of the service.
 */
function readCaller(headers: Headers, { workspaceId }: Client): Caller {
  const betas = headerValues(headers, "anthropic-beta").filter((beta) => beta !== "");
  if (betas.some((beta) => !/^[\w.-]{1,128}$/.test(beta))) {
    throw new Problem(400, "anthropic-beta: not a list of names");
  }
  const apiVersion = headers.get("anthropic-version") ?? undefined;
  if (apiVersion !== undefined && !versions.includes(apiVersion)) {
    throw new Problem(400, `anthropic-version: use ${versions.join(" or ")}`);
  }
  const workspace = headers.get("anthropic-workspace-id") ?? workspaceId;
  if (workspace !== workspaceId) {
    const detail = "anthropic-workspace-id: not the workspace of the gateway; leave the header out";
    throw new Problem(403, detail, { code: "ERR_FORBIDDEN" });
  }
  const count = headers.get("x-stainless-retry-count"); // all official SDKs send it
  return { betas, apiVersion, repeats: count === null ? undefined : Number(count) || 0 };
}

/** The origin at which a caller reaches the service. Behind a proxy, only the headers have it. */
function originOf({ url, headers }: Request): string {
  const { protocol, host } = new URL(url);
  const [proxied] = /^https?$/.exec(headers.get("x-forwarded-proto") ?? "") ?? [];
  return `${proxied === undefined ? protocol : `${proxied}:`}//${headers.get("host") || host}`;
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
  permit(token, { scope });
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
    const hash = await hashToken(presented);
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

/** @throws {Problem} 403: the token lacks the scope of what is wanted; `undefined` has none. */
function permit<Wanted extends { readonly scope: Scope }>(
  { name, allow }: GatewayToken,
  wanted: Wanted | undefined,
): Wanted {
  if (wanted !== undefined && allow.includes(wanted.scope)) return wanted;
  const all = `it permits ${allow.join(", ")} and nothing else`;
  const what = wanted?.scope ?? "this";
  throw new Problem(403, `The token ${JSON.stringify(name)} does not permit ${what}: ${all}`, {
    code: "ERR_FORBIDDEN",
  });
}

const types: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  429: "rate_limit_error",
  504: "timeout_error",
};

/** What the service itself refuses, or cannot do. */
function own(error: unknown, line: Line): Refusal {
  const problem = toProblem(error, line);
  const status = problem.members["code"] === "ERR_HELD" ? 403 : problem.status;
  const { message, headers } = problem;
  const retryAfter = Number(headers["retry-after"]) * 1_000 || undefined;
  return { status, type: types[status] ?? "api_error", message, retryAfter, isFinal: true };
}

/** What the API refused, or did not answer. */
function upstream(error: BatchsweepError): Refusal {
  const { message } = error;
  if (error instanceof APITimeoutError) return { status: 504, type: "timeout_error", message };
  if (!(error instanceof APIError)) return { status: 502, type: "api_error", message };
  const { type = "api_error", errorCode, requestId, retryAfter, operation } = error;
  const status = error.status > 599 ? 502 : error.status;
  // What the API says of our key is not about the caller's token, nor is a 404 that is not the API's.
  const isOurs = [401, 402, 403].includes(status) ||
    (status === 404 && !(error instanceof NotFoundError));
  if (isOurs) return { status: 502, type: "api_error", message, requestId };
  if (isLimit(status) && operation === "delete" && !error.outcomeKnown) {
    const doubt = "an attempt before may have deleted it";
    return { status: 502, type: "api_error", message: `${message}; ${doubt}`, requestId };
  }
  return { status, type, message, errorCode, requestId, retryAfter };
}

/** Whether a refusal says that nothing was done, and that it can be repeated later. */
const isLimit = (status: number) => status === 429 || status === 529;

function refuse({ status, requestId, retryAfter, isFinal, errorCode, ...said }: Refusal): Response {
  const headers = new Headers(idHeader(requestId));
  if (retryAfter !== undefined) {
    headers.set("retry-after", String(Math.ceil(retryAfter / 1000)));
    headers.set("retry-after-ms", String(retryAfter));
  }
  // The service has repeated the rest already.
  if (isFinal || !isLimit(status)) headers.set("x-should-retry", "false");
  const details = errorCode && { details: { error_code: errorCode } };
  const body = { type: "error", error: { ...said, ...details }, request_id: requestId ?? null };
  return Response.json(body, { status, headers });
}
