import type { Remove, Target } from "./subject.ts";

/** `fetch` and a look at the JSON: no retry, no timeout, no error worth a name. It sets the floor. */
export function createRemove({ baseUrl, apiKey, fetch: send = fetch }: Target): Remove {
  const headers = { "x-api-key": apiKey, "anthropic-version": "2023-06-01" };
  return async (id) => {
    const response = await send(`${baseUrl}/v1/messages/batches/${id}`, {
      method: "DELETE",
      headers,
    });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const receipt = await response.json();
    if (receipt.type !== "message_batch_deleted") throw new Error("Not a receipt");
    return receipt.id;
  };
}
