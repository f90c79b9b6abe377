import ky from "ky";
import { literal, object, parse, string } from "valibot";
import type { Remove, Target } from "./subject.ts";

const receipt = object({ id: string(), type: literal("message_batch_deleted") });

/** ky and valibot by hand, as their documentation shows: retries and a timeout, as ky does them. */
export function createRemove({ baseUrl, apiKey, fetch }: Target): Remove {
  const api = ky.create({
    prefixUrl: baseUrl,
    headers: { "x-api-key": apiKey, "anthropic-version": "2023-06-01" },
    timeout: 60_000,
    retry: 2,
    ...(fetch && { fetch }),
  });
  return async (id) => parse(receipt, await api.delete(`v1/messages/batches/${id}`).json()).id;
}
