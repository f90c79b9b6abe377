import { execFile } from "node:child_process";
import { promisify } from "node:util";
import Anthropic from "@anthropic-ai/sdk";
import AnthropicOfOld from "anthropic-sdk-0";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { serve, type Server } from "../../src/adapters/serve.ts";
import { createSandbox, type Sandbox } from "../../src/sandbox/mod.ts";
import { createService } from "../../src/service/mod.ts";
import { deletionsAsked } from "../fixtures/deletions-asked.ts";
import { gatewayTokens, hash, token } from "../fixtures/gateway.ts";
import { createMemoryStorage } from "../fixtures/memory-storage.ts";
import { apiKey } from "../fixtures/stub.ts";

let sandbox: Sandbox;
let gateway: Server;
/** How many answers of the gateway are lost from now on. */
let lost: number;

/** Tokens by what they may do. */
const tokens = {
  all: { allow: ["batches:read", "batches:cancel", "batches:results", "files:delete"] },
  expired: { expiresAt: "2026-01-01T00:00:00Z" },
  careful: { minDaysSinceEnded: 1 },
  once: { maxDeletesPerDay: 1 },
};

const scopedTokens = () =>
  Promise.all(
    Object.entries(tokens).map(async ([name, members]) => ({
      ...{ name, sha256: await hash(`token-${name}`) },
      ...members,
    })),
  );

beforeEach(async () => {
  sandbox = createSandbox({ apiKeys: [apiKey] });
  lost = 0;
  const sleep = () => Promise.resolve();
  const service = createService({
    client: {
      apiKey,
      fetch: sandbox.fetch,
      clock: { now: () => Date.now(), random: () => 0, sleep },
    },
    storage: createMemoryStorage(),
    environment: {
      GATEWAY_TOKENS: [...JSON.parse(await gatewayTokens()), ...await scopedTokens()],
    },
  });
  gateway = await serve(async (request) => {
    const response = await service.fetch(request);
    if ((lost -= 1) >= 0) throw new Error("The connection is cut");
    return response;
  });
});
afterEach(() => gateway.close());

/** What a client said of a deletion: the receipt, or the status of its error. */
type Said = { readonly id: string; readonly type: string } | number | undefined;

const callers: Readonly<Record<string, (id: string) => Promise<Said>>> = {
  "SDK 1.14": (id) => new Anthropic(options()).messages.batches.delete(id),
  "SDK 1.14, beta": (id) => new Anthropic(options()).beta.messages.batches.delete(id),
  "SDK 0.120": (id) => new AnthropicOfOld(options()).messages.batches.delete(id),
  "SDK 0.120, beta": (id) => new AnthropicOfOld(options()).beta.messages.batches.delete(id),
  curl: async (id) => {
    const url = `${gateway.url}/v1/messages/batches/${id}`;
    const args = ["-sS", "-X", "DELETE", url, "-w", "\n%{http_code}"];
    args.push("--header", `x-api-key: ${token}`, "--header", "anthropic-version: 2023-06-01");
    const { stdout } = await promisify(execFile)("curl", args);
    const [body = "", status] = stdout.split("\n");
    return status === "200" ? JSON.parse(body) : Number(status);
  },
};

const options = () => ({ baseURL: gateway.url, apiKey: token });

/** Asks a caller for a deletion. No answer is no status. */
async function ask(caller: string, id: string): Promise<Said> {
  const call = callers[caller] ?? expect.unreachable();
  return await call(id).catch(({ status }: { readonly status?: number }) => status);
}

describe.each(Object.keys(callers))("%s", (caller) => {
  const repeats = caller !== "curl";

  test("deletes, and a deletion again is the API's 404", async () => {
    const { id } = sandbox.seed({ processing_status: "ended" });
    expect(await ask(caller, id)).toMatchObject({ id, type: "message_batch_deleted" });
    expect(await ask(caller, id)).toBe(404);
    expect(await ask(caller, "msgbatch_never")).toBe(404);
  });

  test("gets the receipt if the API's answer is lost", async () => {
    const { id } = sandbox.seed({ processing_status: "ended" });
    sandbox.fail({ method: "DELETE", connection: "lost_after" });
    expect(await ask(caller, id)).toMatchObject({ id, type: "message_batch_deleted" });
    expect(sandbox.batch(id)).toBeUndefined();
  });

  test("has one deletion made if the gateway's answer is lost", async () => {
    const { id } = sandbox.seed({ processing_status: "ended" });
    lost = repeats ? 2 : 1;
    const said = await ask(caller, id);
    if (repeats) expect(said).toMatchObject({ id, type: "message_batch_deleted" });
    else {
      expect(said).toBeUndefined(); // curl does not say that it repeats a call
      expect(await ask(caller, id)).toBe(404);
    }
    expect(deletionsAsked(sandbox)[0]).toBe(id);
    expect(deletionsAsked(sandbox)).toHaveLength(repeats ? 1 : 2);
  });

  test("gets the receipt if answers are lost on both sides", async () => {
    const { id } = sandbox.seed({ processing_status: "ended" });
    sandbox.fail({ method: "DELETE", connection: "lost_after" });
    lost = 1;
    const said = await ask(caller, id);
    if (repeats) expect(said).toMatchObject({ id, type: "message_batch_deleted" });
    expect(sandbox.batch(id)).toBeUndefined();
  });

  test.each([429, 529])("gets a steady %i after three requests", async (status) => {
    const { id } = sandbox.seed({ processing_status: "ended" });
    sandbox.fail({ status, times: 100, headers: { "retry-after-ms": "1" } });
    expect(await ask(caller, id)).toBe(status);
    expect(sandbox.requests).toHaveLength(3);
    expect(sandbox.batch(id)).toBeDefined();
  });
});

/** What the SDKs have in common, as far as it is used here. */
type Sdk = Pick<Anthropic, "messages"> & { files: Pick<Anthropic["files"], "delete"> };

const sdks: Readonly<Record<string, (apiKey: string) => Sdk>> = {
  "SDK 1.14": (apiKey) => new Anthropic({ baseURL: gateway.url, apiKey }),
  "SDK 1.14, beta": (apiKey) => new Anthropic({ baseURL: gateway.url, apiKey }).beta as never,
  "SDK 0.120": (apiKey) => {
    const { messages, beta } = new AnthropicOfOld({ baseURL: gateway.url, apiKey });
    return { messages, files: beta.files } as never;
  },
  "SDK 0.120, beta": (apiKey) => new AnthropicOfOld({ baseURL: gateway.url, apiKey }).beta as never,
};

describe.each(Object.keys(sdks))("%s, with a token for more", (name) => {
  const sdk = (apiKey = "token-all") => (sdks[name] ?? expect.unreachable())(apiKey);

  test("lists page by page, retrieves, cancels, streams results, and deletes a file", async () => {
    const { messages: { batches }, files } = sdk();
    const ids = Array.from({ length: 5 }, () => sandbox.seed({ requests: 3 }).id).toReversed();
    const listed: string[] = [];
    for await (const { id } of batches.list({ limit: 2 })) listed.push(id);
    expect(listed).toEqual(ids);
    expect(sandbox.requests.map(({ search }) => search))
      .toEqual(["?limit=2", `?limit=2&after_id=${ids[1]}`, `?limit=2&after_id=${ids[3]}`]);

    const [ended = ""] = ids;
    const { results_url } = await batches.retrieve(ended);
    expect(results_url).toBe(`${gateway.url}/v1/messages/batches/${ended}/results`);
    const results: string[] = [];
    for await (const { custom_id } of await batches.results(ended)) results.push(custom_id);
    expect(results).toEqual(["request-1", "request-2", "request-3"]);

    const { id } = sandbox.seed({ processing_status: "in_progress" });
    expect((await batches.cancel(id)).processing_status).toBe("canceling");

    const { file_id } = sandbox.seedResource({ type: "file" });
    expect(await files.delete(file_id)).toMatchObject({ id: file_id, type: "file_deleted" });
  });

  const ended = () => sandbox.seed({ processing_status: "ended" }).id;
  test.each<[what: string, kind: keyof typeof Anthropic, act: () => Promise<unknown>]>([
    ["an unknown token", "AuthenticationError", () => sdk("none").messages.batches.list()],
    ["an expired one", "AuthenticationError", () => sdk("token-expired").messages.batches.list()],
    ["another scope", "PermissionDeniedError", () => sdk().messages.batches.delete(ended())],
    ["a new batch", "PermissionDeniedError", () => sdk().messages.batches.create({ requests: [] })],
    [
      "a batch that ended just now",
      "PermissionDeniedError",
      () => sdk("token-careful").messages.batches.delete(ended()),
    ],
    ["no such batch", "NotFoundError", () => sdk().messages.batches.retrieve("msgbatch_none")],
    ["no such results", "NotFoundError", () => sdk().messages.batches.results("msgbatch_none")],
    ["no such page", "BadRequestError", () => sdk().messages.batches.list({ limit: 1_001 })],
    ["an ended batch to cancel", "BadRequestError", () => sdk().messages.batches.cancel(ended())],
    [
      "a second deletion a day",
      "RateLimitError",
      async () => {
        const { messages: { batches } } = sdk("token-once");
        await batches.delete(ended());
        await batches.delete(ended());
      },
    ],
    [
      "a key that the API refuses",
      "InternalServerError",
      () => {
        sandbox.fail({ status: 401, times: 9 });
        return sdk().messages.batches.list();
      },
    ],
  ])("sees the refusal of %s as its %s", async (_, kind, act) => {
    const error = await act().then(() => undefined, (reason: unknown) => reason);
    const classes = name.startsWith("SDK 1") ? Anthropic : AnthropicOfOld;
    expect(error).toBeInstanceOf(classes[kind as "APIError"]);
    expect(Object(error).error.error.message).toEqual(expect.any(String));
  });
});
