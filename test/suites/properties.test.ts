import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BatchsweepError, deleteMessageBatch } from "../../mod.ts";
import { apiKey, receipt, refusal, stub } from "../fixtures/stub.ts";

const id = "msgbatch_1";
const prefix = "https://api.anthropic.com/v1/messages/batches/";

/** Texts of every kind: of ids, of paths, of bytes that mean something to somebody. */
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.string({
    unit: fc.constantFrom(".", "/", "\\", "%", "2", "e", "f", ";", "?", "#", "@", ":", "a"),
  }),
  fc.string({ unit: fc.constantFrom("\r", "\n", "\0", " ", "\u2028", "\ud800", "é", "x") }),
);

/** Whatever JSON can hold, and often something like a receipt. */
const json = fc.oneof(
  fc.jsonValue(),
  fc.record({
    id: fc.oneof(fc.constant(id), fc.constant(`${id} `), fc.jsonValue()),
    type: fc.oneof(fc.constant("message_batch_deleted"), fc.jsonValue()),
    more: fc.jsonValue(),
  }, { requiredKeys: [] }),
);

describe("deleteMessageBatch()", () => {
  test("refuses an id before any request, or asks for exactly that one", async () => {
    await fc.assert(
      fc.asyncProperty(text, async (any) => {
        const { client, seen } = stub([receipt(any)]);
        const result: unknown = await deleteMessageBatch(client, any).catch((error: unknown) =>
          error
        );
        if (result instanceof TypeError) {
          expect(seen).toHaveLength(0);
          return;
        }
        expect(result).toMatchObject({ id: any, evidence: "receipt" });
        const { href, pathname, search, hash } = new URL(seen[0]?.url ?? "");
        expect([href.startsWith(prefix), search, hash]).toEqual([true, "", ""]);
        expect(pathname.split("/").slice(4).map(decodeURIComponent)).toEqual([any]);
      }),
      { numRuns: 500 },
    );
  });

  test("takes nothing for a receipt but a receipt", async () => {
    await fc.assert(
      fc.asyncProperty(json, async (body) => {
        const right = typeof body === "object" && body !== null && !Array.isArray(body) &&
          Object.hasOwn(body, "id") && body["id"] === id &&
          body["type"] === "message_batch_deleted";
        const answers = [() => Response.json(body), refusal(401, "authentication_error")];
        const { client, seen } = stub(answers);
        const result: unknown = await deleteMessageBatch(client, id).catch((error: unknown) =>
          error
        );
        expect(seen).toHaveLength(right ? 1 : 2);
        if (right) expect(result).toMatchObject({ id, evidence: "receipt" });
        else expect(result).toMatchObject({ code: "ERR_INVALID_RESPONSE" });
      }),
      { numRuns: 500 },
    );
  });

  test("ends every status and body in a receipt, an absence or an error of its own", async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      json.map((value) => new TextEncoder().encode(JSON.stringify(value))),
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 200, max: 599 }), bytes, async (status, body) => {
        const empty = [204, 205, 304].includes(status);
        const answer = () => new Response(empty ? null : new Uint8Array(body), { status });
        const { client, seen } = stub([answer], { maxRetries: 1 });
        const result: unknown = await deleteMessageBatch(client, id).catch((error: unknown) =>
          error
        );
        if (result instanceof BatchsweepError) {
          expect(result).toMatchObject({ status, attempts: expect.any(Number) });
          return;
        }
        expect(result).toMatchObject({ evidence: "receipt" });
        expect(status).toBe(200);
        expect(seen).toHaveLength(1);
      }),
      { numRuns: 500 },
    );
  });
});

describe("a client", () => {
  test("sends a key that a header can carry, or is refused without quoting it", async () => {
    await fc.assert(
      fc.asyncProperty(text, fc.boolean(), async (any, asHeader) => {
        const value = `SENTINEL${any}`;
        const client = asHeader ? { apiKey, headers: { "x-gateway": value } } : { apiKey: value };
        try {
          await deleteMessageBatch({ ...stub([receipt(id)]).client, ...client }, id);
          expect(new Headers({ a: value.trim() }).get("a")).toBe(value.trim());
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
          expect(String(error)).not.toContain("SENTINEL");
        }
      }),
      { numRuns: 500 },
    );
  });

  test("keeps a key away from a host that is not asked for by HTTPS or on loopback", async () => {
    const scheme = fc.constantFrom("http:", "https:", "ftp:", "ws:", "file:", "javascript:", "");
    const host = fc.constantFrom(
      "example.com",
      "127.0.0.1",
      "localhost",
      "[::1]",
      "127.1",
      "10.0.0.1",
    );
    await fc.assert(
      fc.asyncProperty(scheme, host, text, async (one, other, rest) => {
        const { client, seen } = stub([receipt(id)], { baseUrl: `${one}//${other}${rest}` });
        const result: unknown = await deleteMessageBatch(client, id).catch((error: unknown) =>
          error
        );
        if (result instanceof TypeError) {
          expect(seen).toHaveLength(0);
          return;
        }
        const { protocol, hostname, username, password } = new URL(seen[0]?.url ?? "");
        expect(username + password).toBe("");
        if (protocol !== "https:") {
          expect(protocol).toBe("http:");
          expect(hostname).toMatch(/^(localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("deleteMessageBatch(), asked to wait,", () => {
  const headerText = fc.oneof(
    fc.string({ unit: fc.constantFrom(..."0123456789.-+eE xGMT,:") }),
    fc.double().map(String),
    fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
  ).filter((value) => /^[\x20-\x7e]*$/.test(value));

  test("waits no less than nothing and no more than is allowed", async () => {
    await fc.assert(
      fc.asyncProperty(headerText, headerText, fc.nat(100_000), async (ms, seconds, most) => {
        const headers = { "retry-after-ms": ms, "retry-after": seconds };
        const answers = [refusal(429, "rate_limit_error", headers), receipt(id)];
        const { client, waits } = stub(answers, { maxRetryDelay: most });
        const error = await deleteMessageBatch(client, id).catch((thrown) => thrown);
        for (const wait of waits) expect(wait >= 0 && wait <= most).toBe(true);
        if (waits.length > 0) return;
        expect(error.retryAfter > most && error.retryAfter <= 86_400_000).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("does not fail for a clock far away", async () => {
    const headers = { "retry-after": "Sun, 22 Nov 2026 00:00:07 GMT" };
    for (const now of [-8.64e15, 0, 8.64e15, NaN]) {
      const { client, clock, waits } = stub([refusal(500, "api_error", headers), receipt(id)]);
      const far = { ...client, clock: { ...clock, now: () => now }, maxRetryDelay: 10 };
      expect(await deleteMessageBatch(far, id)).toMatchObject({ evidence: "receipt" });
      expect(waits).toEqual([10]);
    }
  });
});
