import { describe, expect, inject, test } from "vitest";
import {
  BatchsweepError,
  type Client,
  deleteMessageBatch,
  listMessageBatches,
  type RequestEvent,
  retrieveMessageBatch,
} from "../../mod.ts";
import { createMemoryAuditTrail } from "../fixtures/memory-audit-trail.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { createService } from "../../src/service/mod.ts";
import { everythingIn } from "../fixtures/everything-in.ts";
import { gatewayTokens, token } from "../fixtures/gateway.ts";
import { refusal, stub, type StubAnswer } from "../fixtures/stub.ts";
import { deletion, secret, webhook } from "../fixtures/webhook.ts";

const apiKey = "sk-ant-api03-SENTINEL-key-0123456789";
const authToken = "SENTINEL-token-0123456789";
const gatewayToken = "SENTINEL-gateway-0123456789";
const id = "msgbatch_1";

/** What a server or a runtime can do to make a client tell the secret that it sends. */
const roadsOf = (apiKey: string): Readonly<Record<string, StubAnswer>> => {
  const echo = (status: number, headers: Record<string, string> = {}): StubAnswer => () =>
    Response.json({
      type: "error",
      error: {
        type: apiKey,
        message: `Key ${apiKey} and token ${gatewayToken} are wrong`,
        details: { error_code: apiKey },
      },
      request_id: apiKey,
    }, { status, headers: { "request-id": apiKey, "anthropic-workspace-id": apiKey, ...headers } });
  return {
    "a refusal that quotes them": echo(400),
    "a refused key that is quoted": echo(401),
    "an absence that quotes them": echo(404),
    "a failure that quotes them": echo(500),
    "a limit that quotes them": echo(429, { "retry-after": "3600" }),
    "a receipt for the key": () => Response.json({ id: apiKey, type: apiKey, [apiKey]: apiKey }),
    "a receipt with the key as its request id": () =>
      Response.json({ id, type: "message_batch_deleted" }, {
        headers: { "request-id": apiKey, "anthropic-workspace-id": gatewayToken },
      }),
    "a page that is the key": () => new Response(apiKey),
    "a redirect to the key": () =>
      new Response(null, { status: 302, headers: { location: `https://example.com/${apiKey}` } }),
    "a connection error that quotes the headers": () => {
      const cause = Object.assign(new Error(`x-api-key: ${apiKey}`), { headers: { apiKey } });
      throw Object.assign(new TypeError(`fetch failed: ${apiKey}`, { cause }), { apiKey });
    },
    "an error that is a text": () => {
      throw `x-api-key: ${apiKey}`;
    },
    "a body that breaks with the key in its error": () =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.error(new Error(apiKey)),
        }),
      ),
    "no answer at all": () => new Promise(() => {}),
  };
};

/** Fails where a value has a secret in it, with the lines that do. */
function expectNoSecret(value: unknown): void {
  const stack = value instanceof Error ? `${value}\n${value.stack}` : "";
  const texts = [everythingIn(value), JSON.stringify(value) ?? "", stack].join("\n").split("\n");
  expect(texts.filter((text) => text.includes("SENTINEL"))).toEqual([]);
}

/** Makes a call, and searches everything that came out of it. */
async function search(client: Client, call: (client: Client) => Promise<unknown>) {
  const events: RequestEvent[] = [];
  const auditTrail = createMemoryAuditTrail();
  const result = await call({
    ...client,
    auditTrail,
    onRequest: (event) => events.push(event),
  }).catch((error: unknown) => error);
  for (const output of [result, events, auditTrail.entries]) expectNoSecret(output);
  return { result, events, entries: auditTrail.entries };
}

describe("everythingIn()", () => {
  test("finds what is hidden", () => {
    class Hidden extends Error {
      get secret() {
        return "in a getter";
      }
    }
    const error = new Hidden("in a message", { cause: new Error("in a cause") });
    Object.defineProperty(error, "hidden", { value: new Headers({ a: "in a header" }) });
    const found = everythingIn([new Map([["in a key", { deep: [error] }]])]);
    for (const place of ["getter", "message", "cause", "header", "key"]) {
      expect(found).toContain(`in a ${place}`);
    }
  });
});

describe("no secret comes out of", () => {
  const credentials: Record<string, [string, Partial<Client>]> = {
    "a key": [apiKey, { apiKey }],
    "a token": [authToken, { apiKey: undefined, authToken }],
    "a key from a function": [apiKey, { apiKey: () => Promise.resolve(` ${apiKey}\n`) }],
  };
  for (const [kind, [sent, credential]] of Object.entries(credentials)) {
    for (const [road, answer] of Object.entries(roadsOf(sent))) {
      test(`${road}, with ${kind}`, async () => {
        const { client } = stub([answer], {
          ...credential,
          headers: { "cf-aig-authorization": `Bearer ${gatewayToken}` },
          timeout: 20,
          maxRetries: 1,
        });
        const { events, entries } = await search(client, (c) => deleteMessageBatch(c, id));
        expect(events.length).toBeGreaterThan(0);
        expect(entries).toHaveLength(2);
        await search(client, (c) => retrieveMessageBatch(c, id));
        await search(client, (c) => listMessageBatches(c).next());
      });
    }
  }

  test("a look at the batch after a refusal", async () => {
    const batch = createSandbox().seed({ id, override: { processing_status: `wrong ${apiKey}` } });
    const { client } = stub([refusal(400, "x"), () => Response.json(batch)], { apiKey });
    await search(client, (c) => deleteMessageBatch(c, id));
  });

  /** An answer that says a text. */
  const saying = (message: string): StubAnswer => () =>
    Response.json({ type: "error", error: { type: "api_error", message } }, { status: 500 });

  test("an echo of the token of an earlier attempt", async () => {
    const tokens = [authToken, "another-token-0123456789"];
    const { client, seen } = stub([saying(`the first was ${authToken}`)], {
      apiKey: undefined,
      authToken: () => tokens[seen.length] ?? "",
      maxRetries: 1,
    });
    const { result } = await search(client, (c) => deleteMessageBatch(c, id));
    expect(String(result)).toContain("the first was [redacted]");
  });

  test("an echo in another form", async () => {
    const token = `${authToken}/+=`;
    const forms = [token.toUpperCase(), btoa(token), encodeURIComponent(token), `${apiKey}`];
    for (const form of [...forms, `${token.slice(0, 12)}\u200b${token.slice(12)}`]) {
      const { client } = stub([saying(`<${form}>`)], { apiKey: undefined, authToken: token });
      const { result } = await search(client, (c) => deleteMessageBatch(c, id));
      expect(String(result)).toMatch(/<\[redacted\]=*>/);
    }
  });

  test("a real connection that is lost", async () => {
    const baseUrl = `${inject("hostileServer")}/reset-in-body/${crypto.randomUUID()}`;
    const { clock } = stub([]);
    const { result } = await search({ apiKey, baseUrl, clock }, (c) => deleteMessageBatch(c, id));
    expect(result).toBeInstanceOf(BatchsweepError);
  });

  test("a client that cannot be used", async () => {
    const broken: Client[] = [
      { apiKey: `${apiKey}\n${apiKey}` },
      { apiKey: `${apiKey}\u2028${apiKey}` },
      { apiKey: () => `${apiKey} ${apiKey}` },
      { authToken: `${authToken}\0` },
      { apiKey, headers: { [`x-${apiKey} `]: "1" } },
      { apiKey, headers: { "x-gateway": `${gatewayToken}\r\n` + "a: b" } },
      { apiKey, baseUrl: `https://user:${apiKey}@example.com` },
      { apiKey, baseUrl: `gopher://${apiKey}` },
      { apiKey, betas: [`${apiKey},`] },
      { apiKey, workspaceId: `${apiKey}\n` + "x" },
    ];
    for (const client of broken) {
      const { result } = await search(client, (c) => deleteMessageBatch(c, id));
      expect(result).toBeInstanceOf(TypeError);
    }
  });
});

describe("no secret comes out of the service for", () => {
  for (const [road, answer] of Object.entries(roadsOf(apiKey))) {
    test(road, async () => {
      const headers = { "x-gateway": gatewayToken };
      const { client } = stub([answer], { apiKey, headers, timeout: 20, maxRetries: 0 });
      const log: unknown[] = [];
      const service = createService({
        client,
        environment: {
          WEBHOOK_SECRETS: secret,
          GATEWAY_TOKENS: await gatewayTokens(),
          AUDIT: "off",
        },
        log: (record) => log.push(record),
      });
      const gateway = new Request(`http://localhost/v1/messages/batches/${id}`, {
        method: "DELETE",
        headers: { "x-api-key": token },
      });
      for (const request of [webhook(deletion(id)), gateway]) {
        const response = await service.fetch(request);
        const text = await response.text() + JSON.stringify([...response.headers]);
        for (const hidden of ["SENTINEL", token, secret.slice(6)]) {
          expect(text + JSON.stringify(log)).not.toContain(hidden);
        }
      }
      expectNoSecret(log);
    });
  }
});
