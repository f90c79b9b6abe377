/**
 * The Message Batches API played locally, and the API's other deletions: the same URLs, shapes and
 * errors, in memory, as a fetch handler. It shares no code with the client, so that it does not
 * share its mistakes.
 *
 * @module
 */
import { createApi } from "./api.ts";
import { showBatch } from "./batch-life.ts";
import { createBatchStore } from "./batch-store.ts";
import { betaNames, credentialHeader } from "./check-headers.ts";
import { faultAnswer } from "./fault-answer.ts";
import { createFaultQueue, type Fault } from "./fault-queue.ts";
import { createIds } from "./ids.ts";
import type { SandboxMessageBatch } from "./message-batch.ts";
import { messageBatchRoutes } from "./message-batch-routes.ts";
import { createRequestLog, type SeenRequest } from "./request-log.ts";
import { createResourceApi } from "./resource-api.ts";
import type {
  ResourceObject,
  ResourceParams,
  ResourceSeed,
  ResourceType,
} from "./resource-seed.ts";
import type { SandboxOptions } from "./sandbox-options.ts";
import { type BatchSeed, seedRecord } from "./seed-record.ts";
import { toResponse } from "./to-response.ts";
import { createTokenBucket } from "./token-bucket.ts";
import { untilAborted } from "./until-aborted.ts";

export type { RequestCounts, SandboxMessageBatch } from "./message-batch.ts";
export type { RateLimit } from "./token-bucket.ts";
export type { BatchSeed, Fault, SandboxOptions, SeenRequest };
export type { ResourceObject, ResourceParams, ResourceSeed, ResourceType };

/** The API, and hands to move it with. Every function works without its object. */
export interface Sandbox {
  /**
   * Answers a request. It rejects where a real fetch would: with a TypeError when the connection is
   * lost on demand, and with the signal's reason when the caller aborts.
   */
  fetch(input: Request | URL | string, init?: RequestInit): Promise<Response>;
  /** Puts a batch in any state in place, and returns what the API shows of it. */
  seed(batch?: BatchSeed): SandboxMessageBatch;
  /** What the API shows of a batch, without a request; undefined when it is not there. */
  batch(id: string): SandboxMessageBatch | undefined;
  /** Puts an object of another kind in place, and returns the parameters that name it. */
  seedResource<Type extends ResourceType>(seed: ResourceSeed<Type>): ResourceParams<Type>;
  /** Whether an object of another kind is there. */
  hasResource(object: ResourceObject): boolean;
  /** Lets something go wrong. Faults are used up in order, one a request. */
  fail(fault: Fault): void;
  /** Forgets the faults that are left. */
  clearFaults(): void;
  /** Moves the clock forward, by milliseconds. */
  advance(ms: number): void;
  /** The sandbox's time, ms since the epoch. */
  now(): number;
  /** The latest requests, in order; without credentials and bodies. */
  readonly requests: readonly SeenRequest[];
  /** Forgets the requests. */
  clearRequests(): void;
  /** How many batches there are. */
  readonly size: number;
}

/** What `results_url` begins with where no request says otherwise. */
const API_ORIGIN = "https://api.anthropic.com";

/**
 * Creates a sandbox: an API of its own, empty, with a clock that can be moved.
 *
 * @param options How it behaves. The defaults behave as the API does for a key without a limit.
 * @returns The sandbox; its `fetch` takes the place of the network.
 *
 * @example Delete a batch that is not real
 * ```ts
 * import { createSandbox } from "batchsweep/sandbox";
 *
 * const sandbox = createSandbox();
 * const { id } = sandbox.seed();
 * const response = await sandbox.fetch(`https://api.anthropic.com/v1/messages/batches/${id}`, {
 *   method: "DELETE",
 *   headers: { "x-api-key": "any", "anthropic-version": "2023-06-01" },
 * });
 * console.log(await response.json()); // { id: "msgbatch_01…", type: "message_batch_deleted" }
 * ```
 *
 * @see [Message Batches](https://platform.claude.com/docs/en/api/messages/batches)
 */
export function createSandbox(options: SandboxOptions = {}): Sandbox {
  const {
    sleep = (ms) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
    random = Math.random,
    workspaceId = "wrkspc_011CZkZaBF1tNoB5wlCeusgy",
    basePath = "",
  } = options;
  const clock = options.now ?? Date.now;
  const times = {
    processingTime: options.processingTime ?? 60_000,
    cancelingTime: options.cancelingTime ?? 10_000,
  };
  const ids = createIds(random);
  const store = createBatchStore();
  const resources = createResourceApi(ids);
  const betas = [...resources.betas, ...options.betas ?? []];
  const faults = createFaultQueue(random);
  const log = createRequestLog(options.requestLogSize ?? 10_000);
  const api = createApi({
    routes: [
      ...messageBatchRoutes({
        ...times,
        store,
        ids,
        unendedStatus: options.unendedStatus ?? 400,
        sizeLimit: options.requestSizeLimit ?? 256 * 1024 * 1024,
      }),
      ...resources.routes,
    ],
    rules: { apiKeys: options.apiKeys, betas, workspaceId },
    takeToken: options.rateLimit && createTokenBucket(options.rateLimit),
  });
  let offset = 0;
  const now = (): number => clock() + offset;

  return {
    async fetch(input, init) {
      const request = input instanceof Request && !init ? input : new Request(input, init);
      request.signal.throwIfAborted();
      const { method, headers } = request;
      const url = new URL(request.url);
      const inside = url.pathname.startsWith(`${basePath}/`);
      const path = inside ? url.pathname.slice(basePath.length) : url.pathname;
      const route = inside ? path : ""; // what is elsewhere fits no route
      const requestId = ids.next("req");
      const setStatus = log.add({
        method,
        path,
        search: url.search,
        time: now(),
        apiVersion: headers.get("anthropic-version") ?? undefined,
        betas: betaNames(headers),
        credential: credentialHeader(headers),
        requestId,
      });
      const fault = faults.take({ method, path, template: api.templateOf(method, route) }) ?? {};
      const wait = async () => {
        if (fault.delay !== undefined) await untilAborted(sleep(fault.delay), request.signal);
      };
      const baseUrl = url.origin + basePath;
      const act = () => api.perform(route, requestId, { request, url, now: now(), baseUrl });
      const replacement = faultAnswer(fault, requestId);

      if (!fault.after) await wait();
      if (fault.connection === "lost_before") throw new TypeError("The connection was lost");
      let answer = replacement && !fault.after && !fault.connection ? replacement : await act();
      if (fault.after) await wait();
      if (fault.connection === "lost_after") throw new TypeError("The connection was lost");
      request.signal.throwIfAborted();

      answer = replacement ?? answer;
      setStatus(answer.status);
      const common = { "request-id": requestId, "anthropic-workspace-id": workspaceId };
      const merged = { ...answer, headers: { ...answer.headers, ...lowerCase(fault.headers) } };
      return toResponse(merged, common, fault.truncate);
    },
    seed(batch = {}) {
      const record = seedRecord({ ...batch, id: batch.id ?? ids.next("msgbatch") }, now(), times);
      store.put(record);
      return showBatch(record, now(), API_ORIGIN + basePath);
    },
    batch(id) {
      const record = store.find(id);
      return record && showBatch(record, now(), API_ORIGIN + basePath);
    },
    seedResource: (seed) => resources.seed(seed) as ResourceParams<typeof seed.type>,
    hasResource: (object) => resources.find(object.type, object) !== undefined,
    fail: faults.add,
    clearFaults: faults.clear,
    advance(ms) {
      if (!(ms >= 0)) throw new RangeError(`Cannot advance the clock: ${ms} is not 0 or more`);
      offset += ms;
    },
    now,
    requests: log.entries,
    clearRequests: log.clear,
    get size() {
      return store.size;
    },
  };
}

function lowerCase(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}
