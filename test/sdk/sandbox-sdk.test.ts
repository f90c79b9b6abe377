import Anthropic, {
  APIConnectionError,
  BadRequestError,
  ConflictError,
  NotFoundError,
} from "@anthropic-ai/sdk";
import * as Older from "anthropic-sdk-0";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { serve, type Server } from "../../src/adapters/serve.ts";
import { createSandbox, type Sandbox, type SandboxOptions } from "../../src/sandbox/mod.ts";
import { createBody } from "../fixtures/sandbox/call.ts";

type Options = { baseURL: string; apiKey?: string; authToken?: string; maxRetries?: number };

/** Both generations' clients have this in common, which is what is tested. */
interface Batches {
  create(body: unknown): Promise<Batch>;
  retrieve(id: string): Promise<Batch>;
  list(query?: object): AsyncIterable<Batch>;
  cancel(id: string): Promise<Batch>;
  delete(id: string, params?: object, options?: object): Promise<{ id: string; type: string }>;
  results(id: string): Promise<AsyncIterable<{ custom_id: string; result: { type: string } }>>;
}
interface Batch {
  readonly id: string;
  readonly processing_status: string;
  readonly created_at: string;
  readonly results_url: string | null;
}

/** One generation of the SDK: what it sends, and its error classes. */
interface Generation {
  readonly name: string;
  readonly apiVersion: string;
  readonly credential: "x-api-key" | "authorization";
  /** Betas that its beta resource adds by itself. */
  readonly betas: readonly string[];
  /** Query that its beta resource adds. */
  readonly search: string;
  readonly create: (options: Options) => { messages: unknown; beta: { messages: unknown } };
  readonly errors: Record<
    "APIConnectionError" | "BadRequestError" | "ConflictError" | "NotFoundError",
    new (...args: never[]) => Error
  >;
}

const GENERATIONS: readonly Generation[] = [
  {
    name: "@anthropic-ai/sdk 1",
    apiVersion: "2026-10-21",
    credential: "authorization",
    betas: [],
    search: "",
    create: (options) => new Anthropic(options),
    errors: { APIConnectionError, BadRequestError, ConflictError, NotFoundError },
  },
  {
    name: "@anthropic-ai/sdk 0",
    apiVersion: "2023-06-01",
    credential: "x-api-key",
    betas: ["message-batches-2024-09-24"],
    search: "?beta=true",
    create: (options) => new Older.Anthropic(options),
    errors: Older,
  },
];

const CASES = GENERATIONS.flatMap((generation) =>
  (["stable", "beta"] as const).map((kind) => ({
    title: `${generation.name}, ${kind}`,
    generation,
    kind,
  }))
);

describe.each(CASES)("createSandbox() serves $title:", ({ generation, kind }) => {
  let server: Server | undefined;
  let sandbox: Sandbox;
  let url: string;
  let batches: Batches;

  async function start(options: SandboxOptions = {}, maxRetries = 0): Promise<void> {
    await server?.close();
    sandbox = createSandbox({ apiKeys: ["sk-ant-test"], ...options });
    server = await serve(sandbox.fetch);
    url = server.url;
    batches = resource({ baseURL: url, apiKey: "sk-ant-test", maxRetries });
  }

  function resource(options: Options): Batches {
    const client = generation.create(options);
    const messages = kind === "beta" ? client.beta.messages : client.messages;
    return (messages as { batches: Batches }).batches;
  }

  const rejection = (promise: Promise<unknown>) =>
    promise.then(() => expect.unreachable("It resolved"), (error) => error);

  beforeEach(() => start());
  afterEach(() => server?.close());

  test("what it sends is accepted and seen", async () => {
    const { id } = sandbox.seed();
    await batches.delete(id);
    expect(sandbox.requests).toEqual([{
      method: "DELETE",
      path: `/v1/messages/batches/${id}`,
      search: kind === "beta" ? generation.search : "",
      time: expect.any(Number),
      apiVersion: generation.apiVersion,
      betas: kind === "beta" ? generation.betas : [],
      credential: generation.credential,
      requestId: expect.stringMatching(/^req_01/),
      status: 200,
    }]);
  });

  test("an authToken works as well as an apiKey", async () => {
    const { id } = sandbox.seed();
    const withToken = resource({ baseURL: url, authToken: "sk-ant-test" });
    expect((await withToken.retrieve(id)).id).toBe(id);
    expect(sandbox.requests[0]?.credential).toBe("authorization");
  });

  test("create, retrieve", async () => {
    const created = await batches.create(createBody("a", "b"));
    expect(created).toEqual({
      id: expect.stringMatching(/^msgbatch_01[0-9A-Za-z]{22}$/),
      type: "message_batch",
      processing_status: "in_progress",
      request_counts: { processing: 2, succeeded: 0, errored: 0, canceled: 0, expired: 0 },
      ended_at: null,
      created_at: expect.any(String),
      expires_at: expect.any(String),
      archived_at: null,
      cancel_initiated_at: null,
      results_url: null,
    });
    expect(await batches.retrieve(created.id)).toEqual(created);
  });

  test("list pages by itself, forwards and backwards", async () => {
    const ids = Array.from({ length: 45 }, () => sandbox.seed().id).reverse();
    const collect = async (query?: object) => {
      const found: string[] = [];
      for await (const batch of batches.list(query)) found.push(batch.id);
      return found;
    };
    expect(await collect()).toEqual(ids);
    expect(sandbox.requests.length).toBe(3);
    expect(await collect({ limit: 10, after_id: ids[4] })).toEqual(ids.slice(5));
    // Page by page away from the cursor, each page newest first.
    expect(await collect({ limit: 2, before_id: ids[5] })).toEqual(
      [3, 4, 1, 2, 0].map((i) => ids[i]),
    );
  });

  test("list of nothing ends", async () => {
    for await (const batch of batches.list()) expect.unreachable(batch.id);
    expect(sandbox.requests.length).toBe(1);
  });

  test("cancel, then delete once it has ended", async () => {
    const { id } = await batches.create(createBody("a", "b"));
    expect((await batches.cancel(id)).processing_status).toBe("canceling");
    const error = await rejection(batches.delete(id));
    expect(error).toBeInstanceOf(generation.errors.BadRequestError);
    sandbox.advance(10_000);
    expect(await batches.delete(id)).toEqual({ id, type: "message_batch_deleted" });
  });

  test("delete again is a NotFoundError with the request's id", async () => {
    const { id } = sandbox.seed();
    expect(await batches.delete(id)).toEqual({ id, type: "message_batch_deleted" });
    const error = await rejection(batches.delete(id));
    expect(error).toBeInstanceOf(generation.errors.NotFoundError);
    expect(error.requestID).toBe(sandbox.requests[1]?.requestId);
    expect(error.type).toBe("not_found_error");
    expect(error.error).toEqual({
      type: "error",
      error: { type: "not_found_error", message: "The requested resource could not be found." },
      request_id: sandbox.requests[1]?.requestId,
    });
  });

  test("an unended delete is a ConflictError with unendedStatus 409", async () => {
    await start({ unendedStatus: 409 });
    const { id } = sandbox.seed({ processing_status: "in_progress" });
    expect(await rejection(batches.delete(id))).toBeInstanceOf(generation.errors.ConflictError);
    expect(sandbox.size).toBe(1);
  });

  test("results are streamed", async () => {
    const { id } = sandbox.seed({
      requests: 3000,
      request_counts: { succeeded: 2997, errored: 1, canceled: 1, expired: 1 },
    });
    const found: string[] = [];
    const types: Record<string, number> = {};
    for await (const { custom_id, result } of await batches.results(id)) {
      found.push(custom_id);
      types[result.type] = (types[result.type] ?? 0) + 1;
    }
    expect(found).toEqual(Array.from({ length: 3000 }, (_, i) => `request-${i + 1}`));
    expect(types).toEqual({ succeeded: 2997, errored: 1, canceled: 1, expired: 1 });
  });

  test("results_url is on the server's own origin", async () => {
    const { id } = sandbox.seed();
    const { results_url } = await batches.retrieve(id);
    expect(results_url).toBe(`${url}/v1/messages/batches/${id}/results`);
  });

  test("an unknown beta is a BadRequestError", async () => {
    const { id } = sandbox.seed();
    const client = generation.create({ baseURL: url, apiKey: "sk-ant-test" });
    const beta = client.beta.messages as { batches: Batches };
    const error = await rejection(beta.batches.delete(id, { betas: ["invalid-beta-name"] }));
    expect(error).toBeInstanceOf(generation.errors.BadRequestError);
    expect(error.message).toContain("`invalid-beta-name`");
    expect(sandbox.size).toBe(1);
  });

  test("a wrong key is refused", async () => {
    const error = await rejection(resource({ baseURL: url, apiKey: "other" }).retrieve("b"));
    expect([error.status, error.type]).toEqual([401, "authentication_error"]);
  });

  test("a delete whose answer is lost is retried, and ends as a NotFoundError", async () => {
    await start({}, 1);
    const { id } = sandbox.seed();
    sandbox.fail({ connection: "lost_after" });
    expect(await rejection(batches.delete(id))).toBeInstanceOf(generation.errors.NotFoundError);
    expect(sandbox.requests.map(({ status }) => status)).toEqual([undefined, 404]);
  });

  test("a lost connection is an APIConnectionError", async () => {
    const { id } = sandbox.seed();
    sandbox.fail({ connection: "lost_before" });
    const error = await rejection(batches.delete(id));
    expect(error).toBeInstanceOf(generation.errors.APIConnectionError);
    expect(sandbox.size).toBe(1);
  });

  test("a rate limit is waited out by retry-after", async () => {
    await start({ rateLimit: { perMinute: 120, burst: 1 } }, 2);
    const { id } = sandbox.seed();
    await batches.retrieve(id);
    expect((await batches.retrieve(id)).id).toBe(id);
    expect(sandbox.requests.map(({ status }) => status)).toEqual([200, 429, 200]);
  });
});
