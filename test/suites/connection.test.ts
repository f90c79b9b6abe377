import { describe, expect, test } from "vitest";
import { type APIConnectionError, deleteMessageBatch } from "../../mod.ts";
import { lost, receipt, refusal, rejection, stub } from "../fixtures/stub.ts";

const id = "msgbatch_1";
const sending = "error sending request for url (https://api.anthropic.com/v1/messages/batches/x)";
const node = (code: string, more: { message?: string; syscall?: string; errors?: [] } = {}) =>
  Object.assign(new TypeError("fetch failed"), {
    cause: Object.assign(new Error("secret"), { code, ...more }),
  });
const bun = (code: string) => Object.assign(new TypeError("secret"), { code });
const deno = (message: string) =>
  Object.assign(new TypeError("fetch failed"), { cause: new Error(message) });
const named = (name: string, message: string) => Object.assign(new Error(message), { name });

/** What runtimes threw in experiments, by what it means. */
const seen: Readonly<Record<APIConnectionError["reason"], readonly unknown[]>> = {
  refused: [
    node("ECONNREFUSED"),
    bun("ECONNREFUSED"),
    deno(
      `${sending}: client error (Connect): tcp connect error: Connection refused (os error 111)`,
    ),
    deno(
      `${sending}: client error (Connect): tcp connect error: No connection could be made because the target machine actively refused it. (os error 10061)`,
    ),
    Object.assign(new TypeError("fetch failed"), { cause: new Error("bad port") }),
    new TypeError("Fetch failed: Requests to port 1 are blocked"),
  ],
  host_not_found: [
    node("ENOTFOUND"),
    node("EAI_AGAIN"),
    bun("ENOTFOUND"),
    deno(
      `${sending}: client error (Connect): dns error: failed to lookup address information: Name or service not known`,
    ),
    deno(`${sending}: client error (Connect): invalid dns name`),
  ],
  unreachable: [
    node("EHOSTUNREACH", { syscall: "connect" }),
    node("ENETUNREACH", { errors: [] }), // the host has several addresses
    node("ETIMEDOUT", { syscall: "connect" }),
    node("ECONNRESET", { syscall: "connect" }),
    node("UND_ERR_CONNECT_TIMEOUT"),
    Object.assign(new TypeError("fetch failed"), {
      cause: Object.assign(new DOMException("Request was cancelled."), {
        cause: new Error("Proxy response (407) !== 200 when HTTP Tunneling"),
      }),
    }),
    bun("ERR_PROXY_TUNNEL"),
    bun("EHOSTUNREACH"),
    bun("ENETUNREACH"),
    deno(`${sending}: client error (Connect): tcp connect error: No route to host (os error 113)`),
    deno(`${sending}: client error (Connect): proxy authentication required`),
  ],
  certificate: [
    ...[
      "DEPTH_ZERO_SELF_SIGNED_CERT",
      "SELF_SIGNED_CERT_IN_CHAIN",
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
      "CERT_HAS_EXPIRED",
      "ERR_TLS_CERT_ALTNAME_INVALID",
      "INVALID_PURPOSE",
      "UNSPECIFIED",
    ].flatMap((code) => [node(code), bun(code)]),
    deno(`${sending}: client error (Connect): invalid peer certificate: UnknownIssuer`),
  ],
  reset: [
    node("ECONNRESET", { syscall: "read" }),
    node("UND_ERR_SOCKET", { message: "other side closed" }),
    bun("ECONNRESET"),
    deno("Connection reset by peer (os error 104)"),
    deno(`${sending}: client error (SendRequest): connection closed before message completed`),
  ],
  permission: [named("NotCapable", `Requires net access to "secret"`)],
  request_limit: [
    new Error("Too many subrequests."),
    new Error("Too many subrequests by single Worker invocation."),
  ],
  not_a_fetch: [],
  unknown: [
    new TypeError("fetch failed"),
    new Error("Network connection lost."), // workerd, for refused and for reset alike
    node("ERR_SSL_WRONG_VERSION_NUMBER"),
    node("EHOSTUNREACH", { syscall: "read" }),
    deno("error sending request for url (https://x/ECONNREFUSED(Connect)Tunneling-dns-CERT)"),
    named("AbortError", "ECONNREFUSED"),
    { code: Symbol("ECONNREFUSED"), cause: 7, name: {}, message: null },
    { message: Object.create(null) }, // no text
    "ECONNREFUSED",
    undefined,
  ],
};

const unsent = [
  ...["refused", "host_not_found", "unreachable", "certificate", "permission", "request_limit"],
];
const final = ["certificate", "permission", "request_limit", "not_a_fetch"];

let hosts = 0;
/** A host that nothing has asked yet. */
const freshUrl = () => `https://host-${hosts += 1}.example`;

const throwing = (error: unknown) => () => {
  throw error;
};

describe("an APIConnectionError says why there was no answer:", () => {
  for (const [reason, errors] of Object.entries(seen)) {
    test.each(errors.map((error, index) => [index + 1, error]))(
      `${reason}, %i`,
      async (_, error) => {
        const baseUrl = freshUrl();
        const stubbed = stub([throwing(error)], { baseUrl });
        const caught = await rejection(deleteMessageBatch(stubbed.client, id));
        const sent = !unsent.includes(reason);
        const tries = final.includes(reason) ? 1 : 3;
        expect(caught).toMatchObject({
          code: "ERR_CONNECTION",
          reason,
          sent,
          outcomeKnown: !sent,
          attempts: sent ? tries : 0,
        });
        expect(stubbed.seen).toHaveLength(tries);
        const { message, stack } = caught as Error;
        expect(JSON.stringify(caught) + stack).not.toMatch(/secret|error sending|os error/);
        if (reason !== "request_limit") expect(message).toContain(new URL(baseUrl).host);
        expect(/; it may have been done$/.test(message)).toBe(sent);
      },
    );
  }

  test("not_a_fetch, where the client's fetch returns no Response", async () => {
    for (const wrong of [undefined, null, "text", {}, { status: 200 }, Response.error(), receipt]) {
      const { client, seen } = stub([() => wrong as never]);
      expect(await rejection(deleteMessageBatch(client, id))).toMatchObject({
        message: `Cannot delete message batch "${id}": fetch returned no Response; ` +
          "it may have been done",
        reason: "not_a_fetch",
        sent: true,
        outcomeKnown: false,
      });
      expect(seen).toHaveLength(1);
    }
  });

  test("in words, with the host", async () => {
    const { client } = stub([throwing(node("ECONNREFUSED"))], {
      baseUrl: "http://127.0.0.1:8080/x",
    });
    expect(await rejection(deleteMessageBatch(client, id))).toHaveProperty(
      "message",
      `Cannot delete message batch "${id}": connection refused by 127.0.0.1:8080`,
    );
  });
});

describe("what was not sent", () => {
  const refused = throwing(bun("ECONNREFUSED"));

  test("leaves no doubt: a 404 after it is no deletion of ours", async () => {
    const { client } = stub([refused, refusal(404, "not_found_error")], { baseUrl: freshUrl() });
    expect(await rejection(deleteMessageBatch(client, id))).toMatchObject({
      code: "ERR_NOT_FOUND",
      attempts: 1,
      outcomeKnown: true,
    });
  });

  test("is repeated, and not counted as sent", async () => {
    const { client } = stub([refused, receipt(id)], { baseUrl: freshUrl() });
    expect(await deleteMessageBatch(client, id)).toMatchObject({
      evidence: "receipt",
      attempts: 1,
    });
  });

  test("does not take a doubt away", async () => {
    const { client } = stub([lost, refused], { baseUrl: freshUrl() });
    expect(await rejection(deleteMessageBatch(client, id))).toMatchObject({
      reason: "refused",
      sent: true,
      attempts: 1,
      outcomeKnown: false,
    });
  });

  test("may be an unseen repetition on a connection that was used before, but for Node", async () => {
    const baseUrl = freshUrl();
    await deleteMessageBatch(stub([receipt(id)], { baseUrl }).client, id);
    const outcome = async (error: unknown, path = "") => {
      const { client } = stub([throwing(error)], { baseUrl: baseUrl + path, maxRetries: 0 });
      const { sent, outcomeKnown } = await rejection(deleteMessageBatch(client, id)) as never;
      return [sent, outcomeKnown];
    };
    expect(await outcome(bun("ECONNREFUSED"))).toEqual([true, false]);
    expect(await outcome(bun("ENOTFOUND"), "/prefix")).toEqual([true, false]);
    expect(await outcome(node("ECONNREFUSED"))).toEqual([false, true]);
    expect(await outcome(named("NotCapable", ""))).toEqual([false, true]);
  });

  test("is known after an answer on a connection that was closed", async () => {
    const headers = { connection: "close" };
    const options = { baseUrl: freshUrl(), headers, maxRetries: 0 };
    await deleteMessageBatch(stub([receipt(id)], options).client, id);
    expect(await rejection(deleteMessageBatch(stub([refused], options).client, id)))
      .toMatchObject({ reason: "refused", sent: false, outcomeKnown: true });
  });
});

describe("what is thrown after the status came", () => {
  const breaking = (error: unknown, status = 200) => () =>
    new Response(new ReadableStream({ pull: (stream) => stream.error(error) }), { status });

  test.each([
    bun("ECONNRESET"),
    node("UND_ERR_SOCKET"),
    new TypeError("error reading a body from connection"),
    new Error("Network connection lost."),
  ])("is a lost connection, by its words: %s", async (error) => {
    const { client } = stub([breaking(error)], { baseUrl: freshUrl() });
    expect(await rejection(deleteMessageBatch(client, id))).toMatchObject({
      code: "ERR_CONNECTION",
      reason: "reset",
      sent: true,
      outcomeKnown: false,
      attempts: 3,
    });
  });

  const unreadable = [
    node("Z_DATA_ERROR"),
    bun("ZlibError"),
    new TypeError("unexpected end of file"),
    new TypeError("Gzip decompression failed."),
    new Error("Too many subrequests."),
    "refused",
  ];

  test.each(unreadable)("is no lost connection otherwise: %s", async (error) => {
    const { client, seen } = stub([breaking(error)], { baseUrl: freshUrl() });
    expect(await rejection(deleteMessageBatch(client, id))).toMatchObject({
      code: "ERR_INVALID_RESPONSE",
      message: `Cannot delete message batch "${id}": the answer (200) is not what the API ` +
        "promises: it cannot be read",
      outcomeKnown: false,
      attempts: 1,
    });
    expect(seen.map(({ method }) => method)).toEqual(["DELETE", "GET"]); // one deletion, one look
  });

  test("leaves a deletion that three looks settle", async () => {
    const { client } = stub([breaking("zip"), refusal(404, "not_found_error")]);
    expect(await deleteMessageBatch(client, id)).toMatchObject({ evidence: "absent_after_retry" });
  });

  test("leaves the status of a refusal", async () => {
    const { client } = stub([breaking("zip", 403)]);
    expect(await rejection(deleteMessageBatch(client, id))).toMatchObject({
      code: "ERR_API",
      status: 403,
      outcomeKnown: true,
    });
  });

  test("is no lost connection where a fetch gives a body that was read before", async () => {
    const { client } = stub([async () => {
      const read = await receipt(id)();
      await read.text();
      return read;
    }]);
    expect(await rejection(deleteMessageBatch(client, id))).toMatchObject({
      code: "ERR_INVALID_RESPONSE",
      attempts: 1,
    });
  });
});

test("no test reaches another machine", () => {
  expect(() => fetch("https://example.com")).toThrow("A test must not reach example.com");
});
