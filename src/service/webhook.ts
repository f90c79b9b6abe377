/**
 * `POST /webhook`: deletes the batch that a signed event names. With `cancel`, one that has not ended is
 * canceled before.
 *
 * @module
 * @see [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md)
 */
import { unlessAborted } from "../core/abort.ts";
import { batchPath } from "../core/batches.ts";
import { readBytes } from "../core/bytes.ts";
import * as v from "../deps.ts";
import { parseJsonOnce } from "../purge/strict-json.ts";
import type { Context } from "./context.ts";
import { checkIds, deleteOnDemand, recordingClient } from "./deletion.ts";
import { Webhook, WebhookVerificationError } from "./deps.ts";
import { startOperation } from "./operations.ts";
import { Problem } from "./problem.ts";

/** The longest body of a webhook, in bytes. */
const maxBodyBytes = 65_536;

/** Strict where an instruction could be overlooked; the envelope may grow. */
const eventSchema = v.looseObject({
  type: v.literal("message_batch.delete"),
  data: v.strictObject({ id: v.string(), cancel: v.optional(v.boolean()) }),
});

/**
 * Answers with the deletion, or with 202 where it goes on as an operation. It checks what costs and says
 * least first: headers, signature, schema.
 */
export async function receiveWebhook(request: Request, context: Context): Promise<Response> {
  const { headers } = request;
  const { state } = context;
  const secrets = state.config.webhookSecrets();
  recordingClient(context);
  state.config.policy();

  const mediaType = headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (mediaType !== "application/json") {
    const accept = { "accept-post": "application/json" };
    throw cannotRead(415, "its media type is not application/json", accept);
  }
  if (!/^(identity)?$/i.test(headers.get("content-encoding") ?? "")) {
    throw cannotRead(415, "it is compressed", { "accept-encoding": "identity" });
  }
  const signed = readSignature(headers);
  const body = await readBody(request, context);
  verify(secrets, signed, body);
  const { id, cancel } = readEvent(body);
  const wanted = { id, webhookId: signed["webhook-id"] };
  return cancel && await startOperation(context, wanted) ||
    Response.json(await deleteOnDemand(context, wanted));
}

function cannotRead(status: number, why: string, headers: Record<string, string> = {}): Problem {
  return new Problem(status, `Cannot read the body: ${why}`, {}, headers);
}

async function readBody({ body }: Request, { limit }: Context): Promise<string> {
  const bytes = await unlessAborted(readBytes(body, maxBodyBytes), limit).catch(() => {
    throw cannotRead(limit.aborted ? 408 : 400, "it broke off, or came too slowly");
  });
  if (bytes === undefined) throw cannotRead(413, `it is longer than ${maxBodyBytes} bytes`);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw cannotRead(400, "it is not UTF-8 text");
  }
}

/** The headers that are signed, by either of their names. */
function readSignature(headers: Headers) {
  const read = (name: string) =>
    headers.get(`webhook-${name}`) ?? headers.get(`svix-${name}`) ?? "";
  const timestamp = read("timestamp");
  return {
    "webhook-id": read("id"),
    // The package reads a number at the beginning of any text.
    "webhook-timestamp": /^\d{1,12}$/.test(timestamp) ? timestamp : "",
    "webhook-signature": read("signature"),
  };
}

type Signed = ReturnType<typeof readSignature>;

function verify(secrets: readonly string[], signed: Signed, body: string): void {
  let refusal = "";
  for (const secret of secrets) {
    try {
      return void new Webhook(secret).verify(body, signed, { jsonParse: false });
    } catch (error) {
      if (!(error instanceof WebhookVerificationError)) throw error;
      refusal = error.message;
    }
  }
  throw new Problem(401, `Cannot verify the signature: ${refusal}`, {}, {
    "www-authenticate": 'Signature realm="webhook"',
  });
}

/** What an event asks for. */
function readEvent(body: string) {
  let value: unknown;
  try {
    value = parseJsonOnce(body, (member, why) => cannotRead(400, `${member} ${why}`));
  } catch (error) {
    throw error instanceof Problem ? error : cannotRead(400, "it is not JSON");
  }
  const event = v.safeParse(eventSchema, value);
  if (!event.success) {
    throw new Problem(
      400,
      'Cannot read the event: it is not {"type":"message_batch.delete","data":{"id":"msgbatch_…"}}, with "cancel":true where wanted',
    );
  }
  const { data } = event.output;
  checkIds(batchPath, { message_batch_id: data.id });
  return data;
}
