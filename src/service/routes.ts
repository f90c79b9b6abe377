/**
 * The routes of the API that the gateway has, as one table. None creates anything.
 *
 * @module
 */
import { deleteScope, type GatewayToken, type Scope } from "../config/mod.ts";
import { withAuditTrail } from "../core/audit.ts";
import { batchPath, isBatchId, messageBatchSchema, subjectOf } from "../core/batches.ts";
import { type DeletableResource, messageBatch, receiptOf } from "../core/delete.ts";
import { parseResponse, readAnswer, readSuccess, type Reply } from "../core/response.ts";
import { type ApiRequest, type Call, send } from "../core/send.ts";
import { array, check, looseObject, pipe, string } from "../deps.ts";
import { resourceKinds } from "../resources.ts";
import { type Context, whileServed } from "./context.ts";
import {
  type Caller,
  callFor,
  checkHold,
  countingClient,
  deleteOnDemand,
  recordingClient,
} from "./deletion.ts";
import { noteError } from "./problem.ts";

/** A request to a route, after all checks. */
export interface Asked extends Caller {
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
export interface Route {
  readonly method: ApiRequest["method"];
  readonly path: string;
  readonly scope: Scope;
  /** A verb for messages. */
  readonly operation: string;
  /** The parameters of its query, each with its check. */
  readonly query?: Readonly<Record<string, (value: string) => boolean>>;
  readonly answer: (asked: Asked) => Promise<Response>;
}

const isLimit = (text: string) => /^[1-9]\d{0,3}$/.test(text) && Number(text) <= 1_000;

export const routes: readonly Route[] = [
  {
    ...{ method: "GET", path: "/v1/messages/batches", scope: "batches:read", operation: "list" },
    query: { limit: isLimit, before_id: isBatchId, after_id: isBatchId },
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

/** Sends a request on to the API. */
function sendOn(call: Call, asked: Asked, read?: ApiRequest["read"]): Promise<Reply> {
  const { route: { method, path: pathTemplate, operation }, path } = asked;
  const id = idOf(asked);
  const subject = id === "" ? "message batches" : subjectOf(id);
  const maxBytes = 16_777_216; // a page of 1000 batches has some 600 kB today
  return send(call, { operation, subject, method, path, pathTemplate, maxBytes, read });
}

const idOf = ({ ids }: Asked) => ids["message_batch_id"] ?? "";

const pageSchema = looseObject({
  data: array(looseObject({ id: pipe(string(), check(isBatchId)) })),
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
export function idHeader(requestId = ""): Record<string, string> {
  return /^[\x20-\x7e]+$/.test(requestId) ? { "request-id": requestId } : {};
}
