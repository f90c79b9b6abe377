/**
 * The public types, used as a user would. It is compiled, not run; a mistake that compiles, because
 * a type has become `any`, is an error too.
 *
 * @module
 */
import {
  type AnyBatchsweepError,
  type Client,
  deleteMessageBatch,
  type Deletion,
  type Evidence,
  NotEndedError,
  retrieveMessageBatch,
} from "../../../mod.ts";
import { openAppendFile, type Server } from "../../../src/adapters/mod.ts";
import { createSandbox, type Sandbox } from "../../../src/sandbox/mod.ts";
import { createService, type Service } from "../../../src/service/mod.ts";

const sandbox: Sandbox = createSandbox({ apiKeys: ["key"] });
const client: Client = {
  apiKey: () => Promise.resolve("key"),
  fetch: sandbox.fetch,
  timeout: 1_000,
};

export const service: Service = createService({ client, environment: { AUDIT: "off" } });

export async function stop(server: Server): Promise<void> {
  const file = await openAppendFile("audit.jsonl");
  await Promise.all([file.close(), server.close()]);
}

export async function sweep(id: string): Promise<Evidence> {
  const batch = await retrieveMessageBatch(client, id, { signal: AbortSignal.timeout(1_000) });
  const endedAt: string | null = batch.ended_at;
  if (endedAt === null) throw new Error("It has not ended");
  const deletion: Deletion = await deleteMessageBatch(client, id, { allowMissing: true });
  return deletion.evidence;
}

export function explain(error: AnyBatchsweepError): string | undefined {
  if (error instanceof NotEndedError) return error.processingStatus;
  return error.code === "ERR_NOT_FOUND" ? error.requestId : error.message;
}

/** What must not compile. */
export async function mistakes(): Promise<unknown> {
  // @ts-expect-error A client has no such member.
  const wrongClient: Client = { key: "key" };
  // @ts-expect-error There is no such evidence.
  const wrongEvidence: Evidence = "hope";
  // @ts-expect-error An id is a text.
  await deleteMessageBatch(client, 1);
  // @ts-expect-error A sandbox has no such option.
  createSandbox({ keys: [] });
  // @ts-expect-error A service has no such option.
  createService({ secrets: [] });
  // @ts-expect-error A path is a text.
  await openAppendFile(1);
  return [wrongClient, wrongEvidence];
}
