import { expect, test } from "vitest";
import {
  type AuditEntry,
  cancelAndDeleteMessageBatch,
  type Client,
  deleteMessageBatch,
  type DeleteOptions,
} from "../../mod.ts";
import { deleteFile } from "../../src/resources.ts";
import { now, seededRandom } from "../fixtures/batches.ts";
import { createMemoryAuditTrail } from "../fixtures/memory-audit-trail.ts";
import { createOracle, type Truth } from "../fixtures/oracle.ts";
import { apiKey } from "../fixtures/stub.ts";

/** What a call came to, as far as it is judged. */
interface Result {
  readonly evidence?: string;
  readonly error?: unknown;
}

const calls = {
  deleteMessageBatch: (client: Client, options: DeleteOptions) =>
    deleteMessageBatch(client, "msgbatch_1", options),
  deleteFile: (client: Client, options: DeleteOptions) => deleteFile(client, "file_1", options),
  cancelAndDeleteMessageBatch: (client: Client, options: DeleteOptions) =>
    cancelAndDeleteMessageBatch(client, "msgbatch_1", options),
};

/** Makes a call of an API that answers what it likes, and says what is wrong about the result. */
async function play(seed: number, call: keyof typeof calls): Promise<readonly string[]> {
  const random = seededRandom(seed);
  const maybe = (probability: number) => random() < probability || undefined;
  const canBeLookedAt = call !== "deleteFile" || maybe(0.7) === true;
  const { truth, answer } = createOracle(seededRandom(seed + 1_000_000), canBeLookedAt);
  const controller = new AbortController();
  let steps = maybe(0.15) ? Math.floor(random() * 8) : Infinity;
  const step = () => {
    if (steps-- === 0) controller.abort("enough");
  };
  const auditTrail = createMemoryAuditTrail();
  const client: Client = {
    apiKey,
    auditTrail,
    maxRetries: Math.floor(random() * 3),
    clock: { now: () => now, random, sleep: () => Promise.resolve(step()) },
    async fetch(url, init) {
      if (maybe(0.5)) step();
      init.signal?.throwIfAborted();
      const answered = answer(init.method ?? "", new URL(url).pathname);
      if (maybe(0.5)) step();
      init.signal?.throwIfAborted();
      if (answered === "lost") throw new TypeError("fetch failed");
      const { status, body, headers } = answered;
      return await Promise.resolve(new Response(body, { status, headers }));
    },
  };
  const options = {
    allowMissing: maybe(0.35),
    mayBeDeletedAlready: maybe(0.35),
    lookFirst: maybe(0.35),
    signal: controller.signal,
  };
  const result: Result = await calls[call](client, options).catch((error) => ({ error }));
  return judge(result, options, truth, auditTrail.entries);
}

function judge(
  { error, evidence }: Result,
  { mayBeDeletedAlready = false, allowMissing = false, signal }: DeleteOptions,
  { isThere, isOurs, deletions, isDoubtful, wasSeen }: Truth,
  entries: readonly AuditEntry[],
): readonly string[] {
  const isDoubt = mayBeDeletedAlready || isDoubtful;
  const { code, outcomeKnown }: { code?: string; outcomeKnown?: boolean } = Object(error);
  const outcomes = entries.filter(({ phase }) => phase === "outcome");
  const last = outcomes.at(-1);
  const wrong = {
    "a success, and it is there": error === undefined && isThere,
    "missing, and it may be us": evidence === "missing" && isDoubt,
    "missing, and that was not allowed": evidence === "missing" && !allowMissing,
    "absent after retry without a reason": evidence === "absent_after_retry" && !isDoubt,
    "aborted without a reason": error === "enough" && !signal?.aborted,
    "an error that is none of the library": error !== undefined && error !== "enough" &&
      !code?.startsWith("ERR_"),
    "an outcome is known, and it was us": isOurs && outcomeKnown === true,
    "an earlier call may have done it": mayBeDeletedAlready && !wasSeen && outcomeKnown === true,
    "a doubt, and it has not ended": code === "ERR_NOT_ENDED" && !outcomeKnown,
    "not found, and it may be us": code === "ERR_NOT_FOUND" && isDoubt,
    "a doubt without a reason": outcomeKnown === false && !isDoubt,
    "an intent without an outcome": entries.length !== 2 * outcomes.length,
    "a deletion without an entry": deletions > 0 && last === undefined,
    "recorded as known, and it was us": isOurs &&
      !outcomes.some(({ outcome, error }) =>
        outcome === "deleted" || error?.outcomeKnown === false
      ),
    "the trail says otherwise": error === undefined && last?.evidence !== evidence,
    "the trail says success": error !== undefined && last !== undefined &&
      last.outcome !== "failed",
  };
  return Object.entries(wrong).filter(([, isWrong]) => isWrong).map(([what]) => what);
}

test.each(Object.keys(calls) as (keyof typeof calls)[])(
  "%s() says of an API that answers what it likes nothing but what is so",
  async (call) => {
    const problems: Record<string, number[]> = {};
    for (let seed = 1; seed <= 250; seed += 1) {
      for (const what of await play(seed, call)) (problems[what] ??= []).push(seed);
    }
    expect(problems).toEqual({});
  },
);
