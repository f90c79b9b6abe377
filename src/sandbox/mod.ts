/**
 * The Message Batches API played locally, and the API's other deletions: the same URLs, shapes and
 * errors, in memory, as a fetch handler. It shares no code with the client, so that it does not
 * share its mistakes.
 *
 * @module
 */
import { createIds, toResponse } from "./answer.ts";
import { betaNames, createApi, credentialHeader } from "./api.ts";
import {
  type BatchRecord,
  type BatchSeed,
  BatchStore,
  createRecord,
  type RequestCounts,
  type SandboxMessageBatch,
  seedChecks,
  showBatch,
  spread,
} from "./batches.ts";
import { createFaults, type Fault, performWithFault } from "./faults.ts";
import {
  check,
  type RateLimit,
  type SandboxOptions,
  type SeedRow,
  settingsFrom,
} from "./options.ts";
import {
  createResources,
  type ResourceObject,
  type ResourceParams,
  type ResourceSeed,
  type ResourceTraits,
  type ResourceType,
} from "./resources.ts";
import { batchRoutes } from "./routes.ts";

export type { BatchSeed, Fault, RateLimit, RequestCounts, SandboxMessageBatch, SandboxOptions };
export type { ResourceObject, ResourceParams, ResourceSeed, ResourceTraits, ResourceType, SeedRow };

/** One request as the sandbox saw it: no body, no credential. */
export interface SeenRequest {
  readonly method: string;
  /** Path without the base path. */
  readonly path: string;
  /** Query with its `?`, or nothing. */
  readonly search: string;
  /** The sandbox's time of its arrival, ms since the epoch. */
  readonly time: number;
  readonly apiVersion: string | undefined;
  readonly betas: readonly string[];
  /** The header that carried the credential. */
  readonly credential: "x-api-key" | "authorization" | undefined;
  readonly requestId: string;
  /** Status of the answer; undefined while there is none, and for a lost connection. */
  readonly status: number | undefined;
}

/** The API, and the functions that control it. Every function works without its object. */
export interface Sandbox {
  /**
   * Answers a request. It rejects where a real fetch would: with a TypeError when a fault loses the
   * connection, and with the signal's reason when the caller aborts.
   */
  fetch(input: Request | URL | string, init?: RequestInit): Promise<Response>;
  /**
   * The same as a server's handler: `Bun.serve({ fetch: sandbox.fetch })`,
   * `Deno.serve(sandbox.fetch)`. What a server passes after the request is ignored.
   */
  fetch(request: Request, ...rest: readonly unknown[]): Promise<Response>;
  /** Puts a batch in any state in place, and returns what the API shows of it. */
  seed(batch?: BatchSeed): SandboxMessageBatch;
  /** What the API shows of a batch, without a request; undefined when it is not there. */
  batch(id: string): SandboxMessageBatch | undefined;
  /** Puts an object of another kind in place, and returns the parameters that name it. */
  seedResource<Type extends ResourceType>(seed: ResourceSeed<Type>): ResourceParams<Type>;
  /** Whether an object of another kind is there. */
  hasResource(object: ResourceObject): boolean;
  /** What the API shows of all batches, the newest first. */
  batches(): readonly SandboxMessageBatch[];
  /**
   * Lets something go wrong. Faults are used up in order, one a request. Some have a name:
   * `"lost-answer 5%"` strikes with this chance, and `"lost-answer"` once.
   */
  fail(fault: Fault | string): void;
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
  const settings = settingsFrom(options);
  const { basePath, latency, random, workspaceId } = settings;
  const newId = createIds(random);
  const store = new BatchStore();
  const resources = createResources(newId);
  const routes = { ...batchRoutes(store, settings, newId), ...resources.routes };
  const api = createApi(routes, settings);
  const faults = createFaults(random);
  const requests: SeenRequest[] = [];
  let offset = 0;
  const now = (): number => settings.now() + offset;
  // Without a request, `results_url` begins with the API's own origin.
  const show = (record: BatchRecord) =>
    showBatch(record, now(), `https://api.anthropic.com${basePath}`);

  async function handle(
    input: Request | URL | string,
    ...rest: readonly unknown[]
  ): Promise<Response> {
    const request = toRequest(input, rest);
    const { method, headers, signal } = request;
    signal.throwIfAborted();
    const url = new URL(request.url);
    const inside = url.pathname.startsWith(`${basePath}/`);
    const path = inside ? url.pathname.slice(basePath.length) : url.pathname;
    const routed = inside ? path : ""; // a path outside the base path fits no route
    const requestId = newId("req");
    const seen: SeenRequest & { status: number | undefined } = {
      method,
      path,
      search: url.search,
      time: now(),
      apiVersion: headers.get("anthropic-version") ?? undefined,
      betas: betaNames(headers),
      credential: credentialHeader(headers),
      requestId,
      status: undefined,
    };
    requests.push(seen);
    if (requests.length > settings.requestLogSize) requests.shift();

    const wait = async (ms: number) => {
      const aborted = Promise.withResolvers<never>();
      signal.addEventListener("abort", () => aborted.reject(signal.reason), { once: true });
      signal.throwIfAborted();
      await Promise.race([settings.sleep(ms), aborted.promise]);
    };
    if (latency > 0) await wait(latency);
    const fault = faults.take(method, path, api.templateOf(routed));
    const baseUrl = url.origin + basePath;
    const perform = () => api.perform(routed, requestId, { request, url, now: now(), baseUrl });
    const answer = await performWithFault(fault, requestId, perform, wait);
    signal.throwIfAborted();
    seen.status = answer.status;
    const responseHeaders = new Headers({
      date: new Date(now()).toUTCString(),
      "request-id": requestId,
      "anthropic-workspace-id": workspaceId,
      ...answer.headers,
    });
    for (const [name, value] of Object.entries(fault.headers ?? {})) {
      responseHeaders.set(name, value);
    }
    return toResponse(answer, responseHeaders, fault.truncate);
  }

  function seed(batch: BatchSeed = {}): SandboxMessageBatch {
    check(batch, seedChecks, "the batch");
    const record = createRecord({ ...batch, id: batch.id ?? newId("msgbatch") }, now(), settings);
    store.put(record);
    return show(record);
  }

  const rows: Iterable<SeedRow> = typeof settings.seed === "number"
    ? spread(settings.seed)
    : settings.seed;
  let number = 0;
  for (const row of rows) {
    check(row, { ...seedChecks, count: ["number"] }, `batch ${number += 1} of the seed`);
    const { count = 1, ...batch } = row;
    for (let i = 0; i < count; i++) seed(batch);
  }
  for (const fault of settings.faults) faults.add(fault);

  return {
    fetch: handle,
    seed,
    batch(id) {
      const record = store.find(id);
      return record && show(record);
    },
    batches: () => store.page(Infinity)[0].map(show),
    seedResource: ({ type, ...members }) =>
      resources.seed(type, members) as ResourceParams<typeof type>,
    hasResource: ({ type, ...params }) => resources.has(type, params),
    fail: faults.add,
    clearFaults: faults.clear,
    advance(ms) {
      if (!(ms >= 0)) throw new RangeError(`Cannot advance the clock: ${ms} is not 0 or more`);
      offset += ms;
    },
    now,
    requests,
    clearRequests() {
      requests.length = 0;
    },
    get size() {
      return store.size;
    },
  };
}

/**
 * The request that `fetch` was called for. A server passes more after it: Bun its server, Deno the
 * connection, Cloudflare the Worker's variables and, as a third argument, its context.
 */
function toRequest(input: Request | URL | string, [init, context]: readonly unknown[]): Request {
  if (typeof init === "object" && init !== null && context === undefined) {
    // A RequestInit that has none of these makes no difference.
    const isInit = ["method", "headers", "body", "signal"].some((name) => name in init);
    if (isInit) return new Request(input, init);
  }
  return input instanceof Request ? input : new Request(input);
}
