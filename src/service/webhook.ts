/**
 * `POST /webhook`: deletes the batch that a signed event names.
 *
 * @module
 * @see [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md)
 */
import { batchPath } from "../core/batches.ts";
import { fillPath } from "../core/check.ts";
import type { Deletion } from "../core/delete.ts";
import { literal, looseObject, safeParse, strictObject, string } from "../deps.ts";
import { type Context, deleteOnDemand, recordingClient } from "./deletion.ts";
import { Webhook, WebhookVerificationError } from "./deps.ts";
import { Problem } from "./problem.ts";

/** The longest body of a webhook, in bytes. */
export const maxBodyBytes = 65_536;

/** The answer to a longer one. */
export function bodyTooLarge(): Response {
  const detail = `Cannot read the body: it is longer than ${maxBodyBytes} bytes`;
  return new Problem(413, detail).toResponse();
}

/** Strict where an instruction could be overlooked; the envelope may grow. */
const eventSchema = looseObject({
  type: literal("message_batch.delete"),
  data: strictObject({ id: string() }),
});

/**
 * Deletes the batch that a signed event names. It checks what costs and says least first: headers,
 * signature, schema, then the deletion.
 *
 * @param request The request; its method, path and size are checked already.
 * @throws {Problem} What is wrong with the request.
 * @throws {ArgumentError} A variable is invalid.
 * @throws {BatchsweepError} The deletion failed.
 */
export async function receiveWebhook(request: Request, context: Context): Promise<Deletion> {
  const secrets = context.config.webhookSecrets();
  recordingClient(context);
  context.config.policy();

  const mediaType = request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (mediaType !== "application/json") {
    throw new Problem(415, "Cannot read the body: its media type is not application/json", {}, {
      "accept-post": "application/json",
    });
  }
  const body = verify(secrets, request.headers, await request.arrayBuffer());
  return await deleteOnDemand(context, readEvent(body));
}

function verify(secrets: readonly string[], headers: Headers, bytes: ArrayBuffer): string {
  let body: string;
  try {
    body = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Problem(400, "Cannot read the body: it is not UTF-8 text");
  }
  const names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
  const signed = Object.fromEntries(names.map((name) => [name, headers.get(name) ?? ""]));
  // The package reads a number at the beginning of any text.
  if (!/^\d{1,12}$/.test(signed["webhook-timestamp"] ?? "")) signed["webhook-timestamp"] = "";
  let refusal = "";
  for (const secret of secrets) {
    try {
      new Webhook(secret).verify(body, signed, { jsonParse: false });
      return body;
    } catch (error) {
      if (!(error instanceof WebhookVerificationError)) throw error;
      refusal = error.message;
    }
  }
  throw new Problem(401, `Cannot verify the signature: ${refusal}`, {}, {
    "www-authenticate": 'Signature realm="webhook"',
  });
}

/** The id of the batch that an event names. */
function readEvent(body: string): string {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new Problem(400, "Cannot read the body: it is not JSON");
  }
  const event = safeParse(eventSchema, value);
  if (!event.success) {
    throw new Problem(
      400,
      'Cannot read the event: it is not {"type":"message_batch.delete","data":{"id":"msgbatch_…"}}',
    );
  }
  const { id } = event.output.data;
  try {
    fillPath(batchPath, { message_batch_id: id });
  } catch (error) {
    throw new Problem(400, error instanceof Error ? error.message : "Cannot use the id");
  }
  return id;
}
