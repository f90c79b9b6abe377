import Anthropic from "@anthropic-ai/sdk";
import pLimit from "p-limit";
import { applyPurge, type PurgePlan } from "../../src/purge/mod.ts";

const apiKey = "sk-ant-api03-bench";

/** Deletes batches, and gives how many it lost: those that it did not delete in the end. */
export type DeleteAll = (baseUrl: string, ids: readonly string[]) => Promise<number>;

/** This library, as it comes. */
const batchsweep: DeleteAll = async (baseUrl, ids) => {
  const time = "2026-01-01T00:00:00Z";
  const item = {
    createdAt: time,
    endedAt: time,
    status: "ended",
    action: "delete",
    code: "matches",
  };
  const plan = {
    version: 1,
    createdAt: time,
    baseUrl,
    filter: "*",
    items: ids.map((id) => ({ ...item, id })),
  } as PurgePlan;
  let deleted = 0;
  for await (const { outcome } of applyPurge({ baseUrl, apiKey }, plan)) {
    if (outcome === "deleted") deleted += 1;
  }
  return ids.length - deleted;
};

/** The official SDK, as it comes, so many calls at a time. */
const sdk = (concurrency: number): DeleteAll => async (baseURL, ids) => {
  const client = new Anthropic({ apiKey, baseURL });
  const limit = pLimit(concurrency);
  const calls = ids.map((id) => limit(() => client.messages.batches.delete(id)));
  const results = await Promise.allSettled(calls);
  return results.filter(({ status }) => status === "rejected").length;
};

/** Who deletes many batches, by name. */
export const paceContenders = {
  "batchsweep": batchsweep,
  "SDK, p-limit 4": sdk(4),
  "SDK, p-limit 16": sdk(16),
  "SDK, p-limit 64": sdk(64),
} as const satisfies Readonly<Record<string, DeleteAll>>;

export type PaceContender = keyof typeof paceContenders;
