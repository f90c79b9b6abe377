import { deleteMessageBatch, type Deletion } from "../core/delete.ts";
import { batchPath } from "../core/batches.ts";
import { readBytes } from "../core/bytes.ts";
import { fillPath } from "../core/check.ts";
import { literal, looseObject, safeParse, strictObject, string } from "../deps.ts";
import { clientOf, verifiersOf } from "./configuration.ts";
import { type Webhook, WebhookVerificationError } from "./deps.ts";
import type { ServiceOptions } from "./options.ts";
import { notRecorded, Problem } from "./problem.ts";
import { report } from "./report.ts";
import { isHeld, policyOf } from "./retention-settings.ts";

/** The most that a webhook may send, in bytes. */
const mostBytes = 65_536;

/** Strict where an instruction could be overlooked; the envelope may grow. */
const eventSchema = looseObject({
  type: literal("message_batch.delete"),
  data: strictObject({ id: string() }),
});

/**
 * `POST /webhook`: deletes the batch that a signed event names.
 *
 * The checks come in the order in which they cost least and say least: size, headers, signature,
 * schema, then the deed.
 *
 * @param request The request; its method and path are checked already.
 * @param options Options of the service.
 * @returns The deletion.
 * @throws {Problem} What is wrong with the request, or with the configuration of the service.
 * @throws {BatchsweepError} What is wrong upstream.
 * @see [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md)
 */
export async function receiveWebhook(
  request: Request,
  options: ServiceOptions,
): Promise<Deletion> {
  const verifiers = verifiersOf(options);
  const client = clientOf(options);
  const policy = policyOf(options);

  if (Number(request.headers.get("content-length") ?? 0) > mostBytes) throw tooLarge();
  const mediaType = request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (mediaType !== "application/json") {
    throw new Problem(415, "Cannot read the body: its media type is not application/json", {}, {
      "accept-post": "application/json",
    });
  }
  const bytes = await readBytes(request.body, mostBytes);
  if (bytes === undefined) throw tooLarge();
  const body = verify(verifiers, request.headers, bytes);
  const id = readEvent(body);
  if (isHeld(policy, id)) {
    throw new Problem(409, "Cannot delete the message batch: it is held", { code: "ERR_HELD" });
  }
  // Not with the signal of the request: a sender that hangs up does not stop what was begun.
  const deletion = await deleteMessageBatch(client, id);
  if (deletion.auditError === undefined) return deletion;
  report(options, deletion.auditError);
  return { ...deletion, auditError: notRecorded };
}

function verify(verifiers: readonly Webhook[], headers: Headers, bytes: Uint8Array): string {
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
  for (const verifier of verifiers) {
    try {
      verifier.verify(body, signed, { jsonParse: false });
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

const tooLarge = () =>
  new Problem(413, `Cannot read the body: it is longer than ${mostBytes} bytes`);
