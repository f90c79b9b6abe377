import type { BatchRequest } from "./message-batch.ts";
import { Refusal } from "./refusal.ts";
import { DEFAULT_MODEL } from "./seed-record.ts";

const MAX_REQUESTS = 100_000;
const CUSTOM_ID = /^[a-zA-Z0-9_-]{1,64}$/;

/**
 * Reads the body of a request to create a batch, and refuses what the API refuses.
 *
 * @param request The request.
 * @param sizeLimit Bytes from which on it is too large.
 * @returns What is kept of each request in it.
 */
export async function readCreateBody(
  request: Request,
  sizeLimit: number,
): Promise<readonly BatchRequest[]> {
  const requests = member(parse(await readText(request, sizeLimit)), "requests");
  if (!Array.isArray(requests)) throw new Refusal(400, "requests: Field required");
  if (requests.length === 0) {
    throw new Refusal(400, "requests: List should have at least 1 item after validation, not 0");
  }
  if (requests.length > MAX_REQUESTS) {
    throw new Refusal(
      400,
      `requests: List should have at most ${MAX_REQUESTS} items after validation, not ${requests.length}`,
    );
  }
  const seen = new Set<string>();
  return requests.map((entry: unknown, i) => {
    const customId = member(entry, "custom_id");
    if (typeof customId !== "string" || !CUSTOM_ID.test(customId)) {
      throw new Refusal(
        400,
        `requests.${i}.custom_id: String should match pattern '${CUSTOM_ID.source}'`,
      );
    }
    if (seen.has(customId)) {
      throw new Refusal(400, `requests.${i}.custom_id: custom_id must be unique within the batch`);
    }
    seen.add(customId);
    const params = member(entry, "params");
    if (typeof params !== "object" || params === null || Array.isArray(params)) {
      throw new Refusal(400, `requests.${i}.params: Input should be an object`);
    }
    const model = member(params, "model");
    return { customId, model: typeof model === "string" ? model : DEFAULT_MODEL };
  });
}

async function readText(request: Request, sizeLimit: number): Promise<string> {
  if (Number(request.headers.get("content-length")) > sizeLimit) throw tooLarge();
  const reader = request.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > sizeLimit) {
      await reader.cancel();
      throw tooLarge();
    }
    text += decoder.decode(value, { stream: true });
  }
  return text + decoder.decode();
}

function tooLarge(): Refusal {
  return new Refusal(413, "Request exceeds the maximum allowed number of bytes.");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, "The request body is not valid JSON.");
  }
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}
