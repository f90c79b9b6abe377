import Anthropic from "@anthropic-ai/sdk";
import type { Remove, Target } from "./subject.ts";

/** The official SDK, as it comes. */
export function createRemove({ baseUrl, apiKey, fetch }: Target): Remove {
  const client = new Anthropic({ apiKey, baseURL: baseUrl, ...(fetch && { fetch }) });
  return async (id) => (await client.messages.batches.delete(id)).id;
}
