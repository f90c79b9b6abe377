/**
 * The public interface as types: `tsc -p test` is the test. Each `@ts-expect-error` must be one.
 *
 * @module
 */
import { expectTypeOf } from "vitest";
import {
  type AnthropicBeta,
  type AnyBatchsweepError,
  APIError,
  type AuditEntry,
  cancelMessageBatch,
  type Client,
  deleteMessageBatch,
  type Deletion,
  type Evidence,
  listMessageBatches,
  type MessageBatch,
  type NotEndedError,
  retrieveMessageBatch,
} from "../../mod.ts";
import { createMemoryAuditTrail } from "../fixtures/memory-audit-trail.ts";
import {
  evaluateRetention,
  type RetentionPolicy,
  type RetentionRule,
} from "../../src/retention/mod.ts";
import { planPurge, type PurgeDecision, type PurgePlan } from "../../src/purge/mod.ts";

declare const client: Client;
declare const policy: RetentionPolicy;

expectTypeOf(deleteMessageBatch(client, "id")).resolves.toEqualTypeOf<Deletion>();
expectTypeOf<Deletion["evidence"]>().toEqualTypeOf<Evidence>();
expectTypeOf<Evidence>().toEqualTypeOf<"receipt" | "absent_after_retry" | "missing">();
expectTypeOf(retrieveMessageBatch(client, "id")).resolves.toEqualTypeOf<MessageBatch>();
expectTypeOf(cancelMessageBatch(client, "id")).resolves.toEqualTypeOf<MessageBatch>();
expectTypeOf(listMessageBatches(client)).toEqualTypeOf<
  AsyncGenerator<MessageBatch, void, undefined>
>();
expectTypeOf(createMemoryAuditTrail().entries).toEqualTypeOf<readonly AuditEntry[]>();

expectTypeOf(planPurge(client, { policy })).resolves.toEqualTypeOf<PurgePlan>();
expectTypeOf<RetentionRule>().toEqualTypeOf<
  | {
    readonly type: "delete_after";
    readonly days: number;
    readonly since: "ended" | "created";
  }
  | { readonly type: "keep_last"; readonly count: number }
>();
expectTypeOf<NonNullable<PurgePlan["policy"]>>().toEqualTypeOf<RetentionPolicy>();
expectTypeOf(evaluateRetention(policy, [], 0)).toEqualTypeOf<
  ReadonlyMap<string, PurgeDecision>
>();
expectTypeOf<PurgePlan["items"][number]>().toExtend<PurgeDecision>();
// @ts-expect-error There is no such rule.
evaluateRetention({ version: 1, rules: [{ type: "keep_first", count: 1 }], holds: [] }, [], 0);
// @ts-expect-error What is held is said, also where nothing is.
evaluateRetention({ version: 1, rules: [{ type: "keep_last", count: 1 }] }, [], 0);

// A client can be written down, built step by step with undefined, or be nearly nothing.
expectTypeOf<{ apiKey: string }>().toExtend<Client>();
expectTypeOf<{ authToken: () => Promise<string> }>().toExtend<Client>();
expectTypeOf<{ apiKey: string | undefined; timeout: undefined }>().toExtend<Client>();
expectTypeOf<{ apiKey: string; fetch: typeof fetch }>().toExtend<Client>();
// @ts-expect-error A key is no number.
export const number: Client = { apiKey: 1 };
// @ts-expect-error The API's own spelling is baseUrl here, as in the design.
export const misspelt: Client = { apiKey: "", baseURL: "" };

// Any beta is allowed, and the known ones are suggested.
expectTypeOf<"made-up-2030-01-01">().toExtend<AnthropicBeta>();
expectTypeOf<string>().toExtend<AnthropicBeta>();

// @ts-expect-error An id is text.
void deleteMessageBatch(client, 1);
// @ts-expect-error An id is needed.
void deleteMessageBatch(client);
// @ts-expect-error There is no such option.
void deleteMessageBatch(client, "id", { force: true });

/** A switch over `code` is exhaustive: a code that is forgotten does not compile. */
export function advise(error: AnyBatchsweepError): string {
  switch (error.code) {
    case "ERR_API":
      return `${error.status} ${error.type}`;
    case "ERR_NOT_FOUND":
      return error.requestId ?? "";
    case "ERR_NOT_ENDED":
      expectTypeOf(error).toExtend<NotEndedError>();
      return error.processingStatus;
    case "ERR_CONNECTION":
      return String(error.outcomeKnown);
    case "ERR_TIMEOUT":
      return String(error.timeout);
    case "ERR_INVALID_RESPONSE":
      return error.issues.map(({ path }) => path).join();
    case "ERR_WAIT_TIMEOUT":
      return error.lastStatus ?? "";
    case "ERR_PURGE_REFUSED":
      return error.message;
    case "ERR_INVALID_POLICY":
      return error.issues.map(({ message }) => message).join();
    default:
      expectTypeOf(error).toBeNever();
      return error;
  }
}

/** What is caught can be narrowed by its class. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof APIError ? error.status : undefined;
}
