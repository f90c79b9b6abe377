import { execFile } from "node:child_process";
import { promisify } from "node:util";
import Anthropic from "@anthropic-ai/sdk";
import AnthropicOfOld from "anthropic-sdk-0";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { serve, type Server } from "../../src/adapters/serve.ts";
import { createSandbox, type Sandbox } from "../../src/sandbox/mod.ts";
import { createService } from "../../src/service/mod.ts";
import { deletionsAsked } from "../fixtures/deletions-asked.ts";
import { gatewayTokens, token } from "../fixtures/gateway.ts";
import { createMemoryStorage } from "../fixtures/memory-storage.ts";
import { apiKey } from "../fixtures/stub.ts";

let sandbox: Sandbox;
let gateway: Server;
/** How many answers of the gateway are lost from now on. */
let lost: number;

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
    environment: { GATEWAY_TOKENS: await gatewayTokens() },
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
