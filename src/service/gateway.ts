/**
 * The gateway: routes of the API, for official SDKs with another base URL. The caller has a token; the
 * key stays here. It never answers 404 where the API did not.
 *
 * @module
 */
import { deleteScope, type GatewayToken, hashToken, type Scope } from "../config/mod.ts";
import { isAbort } from "../core/abort.ts";
import { withAuditTrail } from "../core/audit.ts";
import { batchPath, isBatchId, messageBatchSchema, subjectOf } from "../core/batches.ts";
import type { Client } from "../core/client.ts";
import { type DeletableResource, messageBatch, receiptOf } from "../core/delete.ts";
import { APIError, NotFoundError } from "../core/errors.ts";
import { parseResponse, readAnswer, readSuccess, type Reply } from "../core/response.ts";
import { headerValues } from "../core/retry.ts";
import { type ApiRequest, type Call, send } from "../core/send.ts";
import * as v from "../deps.ts";
import { parseTimestamp } from "../purge/time.ts";
import { resourceKinds } from "../resources.ts";
import { type Context, type Line, nowOf, type State, whileServed } from "./context.ts";
import {
  type Caller,
  callFor,
  checkHold,
  checkIds,
  countingClient,
  deleteOnDemand,
  recordingClient,
  tookTooLong,
} from "./deletion.ts";
import { timingSafeEqual } from "./deps.ts";
import { forbidden, isLimit, noteError, Problem, statuses, toProblem } from "./problem.ts";

/** A request to a route, after all checks. */
interface Asked extends Caller {
  readonly context: Context;
  readonly route: Route;
  readonly token: GatewayToken;
  /** The ids in its path, by their names there. */
  readonly ids: Readonly<Record<string, string>>;
  /** Its path and query, for the API. */
  readonly path: string;
  /** The origin at which the caller reaches the gateway. */
  readonly origin: string;
}

/** A route, as the API's documentation has it. */
interface Route {
  readonly method: ApiRequest["method"];
  readonly path: string;
  readonly scope: Scope;
  /** A verb for messages. */
  readonly operation: string;
  /** The parameters of its query, each with its check. */
  readonly query?: Readonly<Record<string, (value: string) => boolean>>;
  readonly answer: (asked: Asked) => Promise<Response>;
}

const isPageSize = (text: string) => /^[1-9]\d{0,3}$/.test(text) && Number(text) <= 1_000;

/** The routes of the API that the gateway has. None creates anything. */
const routes: readonly Route[] = [
  {
    ...{ method: "GET", path: "/v1/messages/batches", scope: "batches:read", operation: "list" },
    query: { limit: isPageSize, before_id: isBatchId, after_id: isBatchId },
    answer: read,
  },
  {
    ...{ method: "GET", path: batchPath, scope: "batches:read", operation: "retrieve" },
    answer: read,
  },
  {
    ...{ method: "POST", path: `${batchPath}/cancel`, scope: "batches:cancel" },
    operation: "cancel",
    answer: cancel,
  },
  {
    ...{ method: "GET", path: `${batchPath}/results`, scope: "batches:results" },
    operation: "retrieve the results of",
    answer: streamResults,
  },
  deletes(messageBatch, "batches:delete"),
  ...resourceKinds.map((kind) => deletes(kind, deleteScope(kind))),
];

/**
 * Gives the API's answer, or an error in the API's shape. It checks the token (401), the path and its
 * ids (400), and what the token may do (403), in this order, then the query and the headers.
 */
export async function answerGateway(request: Request, context: Context): Promise<Response> {
  const { line, limit, state } = context;
  try {
    const token = await authenticate(request.headers, state);
    line["actor"] = token.name;
    const { pathname, searchParams } = new URL(request.url);
    const { ids, route } = permit(token, findRoute(request.method, pathname));
    Object.assign(line, { scope: route.scope, id: Object.values(ids).join("/") || undefined });
    return await route.answer({
      ...{ context, route, token, ids, origin: originOf(request) },
      path: pathname + readQuery(searchParams, route),
      ...readCaller(request.headers, state.config.client()),
    });
  } catch (error) {
    const failure = isAbort(error, limit) ? tookTooLong(context, request.method === "GET") : error;
    return refuse(failure, line);
  }
}

/**
 * Finds the route of a request, and the ids in its path. The path must be the route letter by letter, as
 * the runtime normalised it: a path that only decodes to the route is not the route.
 */
function findRoute(method: string, path: string) {
  if (!/^\/v1(\/[\w.~-]+)+$/.test(path)) {
    throw new Problem(400, "Cannot use the path: it is not a path of the Claude API");
  }
  const fitting = routes.flatMap((route) => {
    const pattern = route.path.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)");
    const match = new RegExp(`^${pattern}$`).exec(path);
    if (match === null) return [];
    const ids = { ...match.groups };
    checkIds(route.path, ids);
    return { route, scope: route.scope, ids };
  });
  return fitting.find(({ route }) => route.method === method);
}

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

/** What a caller says of its call in headers. */
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
    throw forbidden(
      "anthropic-workspace-id: not the workspace of the gateway; leave the header out",
    );
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

function deletes(resource: DeletableResource, scope: Scope): Route {
  return {
    ...{ method: "DELETE", path: resource.path, scope, operation: "delete" },
    async answer({ context, ids, ...asked }) {
      const id = Object.values(ids).join("/");
      const { requestId } = await deleteOnDemand(context, { ...asked, id, resource });
      return answerOf(receiptOf(resource, ids), requestId);
    },
  };
}

async function read(asked: Asked): Promise<Response> {
  const call = callFor(asked.context, countingClient(asked.context), asked);
  return passOn(await sendOn(call, asked), asked);
}

async function cancel(asked: Asked): Promise<Response> {
  const { context, token } = asked;
  const id = idOf(asked);
  const client = recordingClient(context, token.name);
  await checkHold(context.state, id);
  const call = callFor(context, client, asked);
  const { answer, auditError } = await withAuditTrail(call, messageBatch.name, id, async () => {
    const reply = await sendOn(call, asked);
    return { ...reply.exchange, answer: passOn(reply, asked) };
  }, "cancel");
  noteError(context.line, auditError);
  return answer;
}

async function streamResults(asked: Asked): Promise<Response> {
  const call = callFor(asked.context, countingClient(asked.context), asked);
  let results = null as ReadableStream<Uint8Array> | null;
  const reply = await sendOn(call, asked, async (response) => {
    const { status, headers, body } = response;
    const isPage = headers.get("content-type")?.includes("html");
    if (status !== 200 || isPage) return await readAnswer(response);
    results = body;
    return { status, headers, body: { value: undefined } };
  });
  readSuccess(reply);
  return new Response(results && whileServed(results.getReader(), asked.context), {
    headers: { "content-type": "application/x-jsonl", ...idHeader(reply.exchange.requestId) },
  });
}

function sendOn(call: Call, asked: Asked, read?: ApiRequest["read"]): Promise<Reply> {
  const { route: { method, path: pathTemplate, operation }, path } = asked;
  const id = idOf(asked);
  const subject = id === "" ? "message batches" : subjectOf(id);
  const maxBytes = 16_777_216; // a page of 1000 batches has some 600 kB today
  return send(call, { operation, subject, method, path, pathTemplate, maxBytes, read });
}

const idOf = ({ ids }: Asked) => ids["message_batch_id"] ?? "";

const pageSchema = v.looseObject({
  data: v.array(v.looseObject({ id: v.pipe(v.string(), v.check(isBatchId)) })),
});

/** The answer of the API: a batch or a page of them, whose results are at the gateway. */
function passOn(reply: Reply, { origin, ids: { message_batch_id: id } }: Asked): Response {
  const here = (batch: { readonly id: string; readonly results_url?: unknown }) => ({
    ...batch,
    results_url: batch.results_url && `${origin}/v1/messages/batches/${batch.id}/results`,
  });
  const { requestId } = reply.exchange;
  if (id !== undefined) {
    return answerOf(here(parseResponse(reply, messageBatchSchema(id))), requestId);
  }
  const page = parseResponse(reply, pageSchema);
  return answerOf({ ...page, data: page.data.map(here) }, requestId);
}

function answerOf(value: unknown, requestId: string | undefined): Response {
  return Response.json(value, { headers: idHeader(requestId) });
}

/** The header of a request id. The body of an answer may have one that no header can have. */
function idHeader(requestId = ""): Record<string, string> {
  return /^[\x20-\x7e]+$/.test(requestId) ? { "request-id": requestId } : {};
}

/** Finds the token that a request carries (else 401), and checks that it may do something (else 403). */
export async function authorize(
  request: Request,
  context: Context,
  scope: Scope,
): Promise<GatewayToken> {
  const token = await authenticate(request.headers, context.state);
  permit(token, { scope });
  return token;
}

/** Finds the token of a request. It takes the same time for every token, known or not. */
async function authenticate(headers: Headers, state: State): Promise<GatewayToken> {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
  let known: GatewayToken | undefined;
  for (const presented of [bearer, headers.get("x-api-key")]) {
    if (!presented || presented.length > 512) continue;
    const hash = await hashToken(presented);
    for (const token of state.config.gatewayTokens()) {
      if (await timingSafeEqual(hash, token.sha256.toLowerCase())) known = token;
    }
  }
  const expiresAt = parseTimestamp(known?.expiresAt ?? null);
  if (known === undefined || (expiresAt !== undefined && nowOf(state) >= expiresAt)) {
    throw new Problem(401, "Invalid token", {}, { "www-authenticate": "Bearer" });
  }
  return known;
}

/** Checks that a token has the scope of what is wanted; `undefined` has none. */
function permit<Wanted extends { readonly scope: Scope }>(
  { name, allow }: GatewayToken,
  wanted: Wanted | undefined,
): Wanted {
  if (wanted !== undefined && allow.includes(wanted.scope)) return wanted;
  const all = `it permits ${allow.join(", ")} and nothing else`;
  const what = wanted?.scope ?? "this";
  throw forbidden(`The token ${JSON.stringify(name)} does not permit ${what}: ${all}`);
}

/** An error, in the API's shape. The service has repeated what is not limited already. */
function refuse(error: unknown, line: Line): Response {
  const isPassedOn = error instanceof APIError && isAboutCaller(error);
  const { status, type, message, errorCode, requestId, retryAfter } = isPassedOn
    ? error
    : own(error, line);
  const headers = new Headers(idHeader(requestId));
  if (retryAfter !== undefined) {
    headers.set("retry-after", String(Math.ceil(retryAfter / 1000)));
    headers.set("retry-after-ms", String(retryAfter));
  }
  if (!isPassedOn || !isLimit(status)) headers.set("x-should-retry", "false");
  const details = errorCode && { details: { error_code: errorCode } };
  const said = { type: type ?? "api_error", message, ...details };
  const body = { type: "error", error: said, request_id: requestId ?? null };
  return Response.json(body, { status, headers });
}

/**
 * Whether a refusal of the API is one of what the caller asks. What it says of our key is not, nor is a
 * 404 that is not the API's, nor a limit after an attempt that may have deleted the object.
 */
function isAboutCaller(error: APIError): boolean {
  const { status } = error;
  if ([401, 402, 403].includes(status) || status > 599) return false;
  if (status === 404) return error instanceof NotFoundError;
  return !isInDoubt(error);
}

const isInDoubt = ({ status, operation, outcomeKnown }: APIError) =>
  isLimit(status) && operation === "delete" && !outcomeKnown;

/** What the service itself refuses, or cannot do. */
function own(error: unknown, line: Line): Pick<APIError, "status" | "message"> & Partial<APIError> {
  if (error instanceof APIError) {
    const { message, requestId } = error;
    const doubt = isInDoubt(error) ? "; an attempt before may have deleted it" : "";
    return { status: 502, message: message + doubt, requestId };
  }
  const { requestId } = error as Partial<APIError>;
  const { message, headers, members, ...problem } = toProblem(error, line);
  const status = members["code"] === "ERR_HELD" ? 403 : problem.status;
  const retryAfter = Number(headers["retry-after"]) * 1_000 || undefined;
  return { status, type: statuses[status]?.[1], message, requestId, retryAfter };
}
