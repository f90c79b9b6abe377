import { describe, expect, test } from "vitest";
import {
  APIConnectionError,
  APIError,
  APITimeoutError,
  deleteMessageBatch,
  InvalidResponseError,
  NotEndedError,
  NotFoundError,
} from "../../mod.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { createRemoteSandbox } from "../fixtures/remote-sandbox.ts";
import { apiKey, lost, receipt, refusal, rejection, stub } from "../fixtures/stub.ts";

const id = "msgbatch_013Zva2CMHLNnXjNJJKqJ2EF";

describe("deleteMessageBatch() sends", () => {
  test("one DELETE with the documented headers, no body and no redirect", async () => {
    const { client, seen } = stub([receipt(id)]);
    await deleteMessageBatch(client, id);
    expect(seen).toHaveLength(1);
    expect(seen[0]?.url).toBe(`https://api.anthropic.com/v1/messages/batches/${id}`);
    expect(seen[0]?.method).toBe("DELETE");
    expect(seen[0]?.redirect).toBe("manual");
    expect(Object.fromEntries(seen[0]?.headers ?? [])).toEqual({
      accept: "application/json",
      "anthropic-version": "2023-06-01",
      "x-api-key": apiKey,
    });
  });

  test("a token as Authorization, and a key rather than a token", async () => {
    const token = stub([receipt(id)], { apiKey: undefined, authToken: "token-1" });
    await deleteMessageBatch(token.client, id);
    expect(token.seen[0]?.headers.get("authorization")).toBe("Bearer token-1");
    expect(token.seen[0]?.headers.has("x-api-key")).toBe(false);
    const both = stub([receipt(id)], { authToken: "token-1" });
    await deleteMessageBatch(both.client, id);
    expect(both.seen[0]?.headers.get("x-api-key")).toBe(apiKey);
    expect(both.seen[0]?.headers.has("authorization")).toBe(false);
  });

  test("the betas of client and call, each once", async () => {
    const { client, seen } = stub([receipt(id)], { betas: ["a-2026-01-01", "b-2026-01-01"] });
    await deleteMessageBatch(client, id, { betas: ["b-2026-01-01", "c-2026-01-01"] });
    expect(seen[0]?.headers.get("anthropic-beta")).toBe("a-2026-01-01,b-2026-01-01,c-2026-01-01");
  });

  test("workspace, version and headers of the client, below the path of its base URL", async () => {
    const { client, seen } = stub([receipt(id)], {
      baseUrl: "https://gateway.example.com/anthropic/",
      workspaceId: "wrkspc_1",
      apiVersion: "2026-10-21",
      headers: { "CF-Access-Token": "gateway-token" },
    });
    await deleteMessageBatch(client, id);
    expect(seen[0]?.url).toBe(
      `https://gateway.example.com/anthropic/v1/messages/batches/${id}`,
    );
    expect(seen[0]?.headers.get("anthropic-workspace-id")).toBe("wrkspc_1");
    expect(seen[0]?.headers.get("anthropic-version")).toBe("2026-10-21");
    expect(seen[0]?.headers.get("cf-access-token")).toBe("gateway-token");
  });

  test("the key that its function gives, asked for before every attempt", async () => {
    const keys = ["key-1", "key-2"];
    const { client, seen } = stub([lost, receipt(id)], { apiKey: () => keys.shift() ?? "" });
    await deleteMessageBatch(client, id);
    expect(seen.map(({ headers }) => headers.get("x-api-key"))).toEqual(["key-1", "key-2"]);
  });
});

describe("deleteMessageBatch() resolves", () => {
  test("with a receipt for the batch that was asked for", async () => {
    expect(await deleteMessageBatch(stub([receipt(id)]).client, id)).toEqual({
      id,
      type: "message_batch_deleted",
      evidence: "receipt",
      requestId: "req_1",
      attempts: 1,
    });
  });

  test("with a receipt that comes in pieces, its characters cut apart", async () => {
    const bytes = new TextEncoder().encode(
      `{"id":"${id}","type":"message_batch_deleted","note":"é😀"}`,
    );
    for (const size of [1, 7, bytes.length]) {
      const pieces = new ReadableStream<Uint8Array>({
        start(controller) {
          for (let at = 0; at < bytes.length; at += size) {
            controller.enqueue(bytes.slice(at, at + size));
          }
          controller.close();
        },
      });
      const { client } = stub([() => new Response(pieces)]);
      expect(await deleteMessageBatch(client, id)).toMatchObject({ id, evidence: "receipt" });
    }
  });

  test("with the request id that a gateway sent twice", async () => {
    const answer = () =>
      Response.json({ id, type: "message_batch_deleted" }, {
        headers: [["request-id", "req_1"], ["request-id", "req_1"]],
      });
    const { requestId } = await deleteMessageBatch(stub([answer]).client, id);
    expect(requestId).toBe("req_1");
  });

  test("with absent_after_retry when a lost answer is followed by a 404", async () => {
    const { client, seen, waits } = stub([lost, refusal(404, "not_found_error")]);
    expect(await deleteMessageBatch(client, id)).toEqual({
      id,
      type: "message_batch_deleted",
      evidence: "absent_after_retry",
      requestId: "req_2",
      attempts: 2,
    });
    expect(seen.map(({ method }) => method).join(" ")).toBe("DELETE DELETE GET GET GET");
    expect(waits).toEqual([500, 1_000, 1_500]);
  });

  test("with missing on a 404 at once, only where that is allowed", async () => {
    const answers = [refusal(404, "not_found_error")];
    const allowed = stub(answers);
    const deletion = await deleteMessageBatch(allowed.client, id, { allowMissing: true });
    expect(deletion.evidence).toBe("missing");
    expect(allowed.seen.map(({ method }) => method).join(" ")).toBe("DELETE GET GET GET");
    const error = await rejection(deleteMessageBatch(stub(answers).client, id));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ code: "ERR_NOT_FOUND", status: 404, requestId: "req_2" });
  });

  test("when the sandbox deletes over HTTP, and the batch is gone then", async () => {
    const sandbox = await createRemoteSandbox();
    const { batch } = await sandbox.control({ seed: { processing_status: "ended" } });
    const client = { apiKey, baseUrl: sandbox.url };
    expect(await deleteMessageBatch(client, batch.id)).toMatchObject({ evidence: "receipt" });
    await expect(deleteMessageBatch(client, batch.id)).rejects.toThrow(NotFoundError);
    const { requests } = await sandbox.control();
    expect(requests.map(({ method }) => method)).toEqual(["DELETE", "DELETE"]);
  });

  test("with the runtime's own fetch given by name", async () => {
    const sandbox = await createRemoteSandbox();
    const { batch } = await sandbox.control({ seed: { processing_status: "ended" } });
    const client = { apiKey, baseUrl: sandbox.url, fetch: globalThis.fetch };
    expect(await deleteMessageBatch(client, batch.id)).toMatchObject({ evidence: "receipt" });
  });

  test("with absent_after_retry for a 404 where an earlier call is said to be unknown", async () => {
    const { client } = stub([refusal(404, "not_found_error")]);
    const deletion = await deleteMessageBatch(client, id, { mayBeDeletedAlready: true });
    expect(deletion.evidence).toBe("absent_after_retry");
  });

  test("with absent_after_retry where the answer was lost before a look at the batch", async () => {
    const sandbox = createSandbox();
    const batch = sandbox.seed({ id, processing_status: "ended" });
    const gone = refusal(404, "not_found_error");
    const look = () => Response.json(batch);
    const answers = [refusal(500, "api_error"), refusal(400, "x"), look, gone];
    expect(await deleteMessageBatch(stub(answers).client, id)).toMatchObject({
      evidence: "absent_after_retry",
    });
  });

  test("with a receipt of 1 MiB", async () => {
    const text = JSON.stringify({ id, type: "message_batch_deleted" }).padEnd(1_048_576);
    expect(await deleteMessageBatch(stub([() => new Response(text)]).client, id))
      .toMatchObject({ evidence: "receipt" });
  });

  test("whatever the observer throws or rejects with", async () => {
    for (
      const onRequest of [() => Promise.reject(new Error("x")), (): never => {
        throw new Error("x");
      }]
    ) {
      const deletion = await deleteMessageBatch(stub([receipt(id)], { onRequest }).client, id);
      expect(deletion.evidence).toBe("receipt");
    }
  });

  test("when the connection is really lost after the effect", async () => {
    const sandbox = await createRemoteSandbox();
    const { batch } = await sandbox.control({
      seed: { processing_status: "ended" },
      fail: { connection: "lost_after" },
    });
    const { clock } = stub([]);
    const deletion = await deleteMessageBatch({ apiKey, baseUrl: sandbox.url, clock }, batch.id);
    expect(deletion.evidence).toBe("absent_after_retry");
  });
});

describe("deleteMessageBatch() rejects", () => {
  const invalid: Record<string, () => Response> = {
    "an empty answer": () => new Response("", { status: 200 }),
    "204": () => new Response(null, { status: 204 }),
    "202 with a receipt": () =>
      Response.json({ id, type: "message_batch_deleted" }, { status: 202 }),
    "HTML": () => new Response("<html>", { headers: { "content-type": "text/html" } }),
    "truncated JSON": () => new Response(`{"id":"${id}","type":"message_ba`),
    "another id": () => Response.json({ id: "msgbatch_2", type: "message_batch_deleted" }),
    "another type": () => Response.json({ id, type: "message_batch" }),
    "no id": () => Response.json({ type: "message_batch_deleted" }),
    "an array": () => Response.json([{ id, type: "message_batch_deleted" }]),
    "null": () => Response.json(null),
    "bytes that are not text": () => new Response(new Uint8Array([0xff, 0xfe, 0x00])),
    "more than 1 MiB": () => new Response(" ".repeat(1_048_577) + "{}"),
    "a redirect": () => new Response(null, { status: 307, headers: { location: "https://x/" } }),
  };
  for (const [name, answer] of Object.entries(invalid)) {
    test(`${name}, with InvalidResponseError, where a look shows no more`, async () => {
      const { client, seen } = stub([answer, refusal(401, "authentication_error")]);
      const error = await rejection(deleteMessageBatch(client, id));
      expect(error).toBeInstanceOf(InvalidResponseError);
      expect(error).toMatchObject({ code: "ERR_INVALID_RESPONSE", attempts: 1 });
      expect(seen).toHaveLength(name === "a redirect" ? 1 : 2);
    });
  }

  test("a refusal with what the API says of it", async () => {
    const error = await rejection(
      deleteMessageBatch(stub([refusal(403, "permission_error")]).client, id),
    );
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({
      code: "ERR_API",
      status: 403,
      type: "permission_error",
      requestId: "req_2",
      attempts: 1,
      outcomeKnown: true,
      message: `Cannot delete message batch "${id}": 403 permission_error: As the API says`,
    });
  });

  test("a block at the edge in words of its own", async () => {
    const edge = () => Response.json({ error: { type: "forbidden" } }, { status: 403 });
    const error = await rejection(deleteMessageBatch(stub([edge]).client, id));
    expect(String(error)).toMatch(/answered by the edge/);
  });

  for (const unendedStatus of [400, 409] as const) {
    for (const status of ["in_progress", "canceling"] as const) {
      test(`a batch that is ${status}, refused with ${unendedStatus}`, async () => {
        const sandbox = createSandbox({ unendedStatus });
        const batch = sandbox.seed({ processing_status: status });
        const { client } = stub([], { fetch: sandbox.fetch });
        const error = await rejection(deleteMessageBatch(client, batch.id));
        expect(error).toBeInstanceOf(NotEndedError);
        expect(error).toMatchObject({
          code: "ERR_NOT_ENDED",
          processingStatus: status,
          status: unendedStatus,
        });
        expect(sandbox.batch(batch.id)).toBeDefined();
      });
    }
  }

  test("a refusal as it is when the look at the batch fails", async () => {
    const { client } = stub([refusal(400, "invalid_request_error"), refusal(403, "x")]);
    const error = await rejection(deleteMessageBatch(client, id));
    expect(error).toMatchObject({ code: "ERR_API", status: 400 });
  });

  test("a 404 after a refusal whose body was cut as not found: its status was known", async () => {
    for (const status of [401, 404, 429, 529]) {
      const body = () =>
        new ReadableStream({
          start: (controller) => controller.error(new TypeError("terminated")),
        });
      const cut = () => new Response(body(), { status });
      const { client, seen } = stub([cut, refusal(404, "not_found_error")]);
      expect(await rejection(deleteMessageBatch(client, id))).toBeInstanceOf(NotFoundError);
      expect(seen).toHaveLength(2);
    }
  });

  test("a refusal as it is when the look shows another batch or an unknown status", async () => {
    const sandbox = createSandbox();
    const batch = sandbox.seed({ id, processing_status: "in_progress" });
    for (const look of [{ ...batch, id: "msgbatch_2" }, { ...batch, processing_status: "x" }]) {
      const answers = [refusal(400, "invalid_request_error"), () => Response.json(look)];
      const error = await rejection(deleteMessageBatch(stub(answers).client, id));
      expect(error).toMatchObject({ code: "ERR_API", status: 400 });
    }
  });

  test("a key function that never answers, at the timeout and at an abort", async () => {
    const apiKey = () => new Promise<string>(() => {});
    const late = stub([receipt(id)], { apiKey, timeout: 5, maxRetries: 0 });
    const error = await rejection(deleteMessageBatch(late.client, id));
    expect(String(error)).toBe(
      "TypeError: Cannot use apiKey: its function gave no answer within 5 ms",
    );
    expect(late.seen).toHaveLength(0);
    const controller = new AbortController();
    const call = deleteMessageBatch(stub([], { apiKey }).client, id, { signal: controller.signal });
    controller.abort("enough");
    expect(await rejection(call)).toBe("enough");
  });

  test("a connection that fails every time, after two retries", async () => {
    const { client, seen, waits } = stub([lost]);
    const error = await rejection(deleteMessageBatch(client, id));
    expect(error).toBeInstanceOf(APIConnectionError);
    expect(error).toMatchObject({ attempts: 3, outcomeKnown: false });
    expect(seen).toHaveLength(3);
    expect(waits).toEqual([500, 1000]);
  });

  test("an answer that never comes, at the timeout", async () => {
    const { client, seen } = stub([() => new Promise(() => {})], { timeout: 5, maxRetries: 1 });
    const error = await rejection(deleteMessageBatch(client, id));
    expect(error).toBeInstanceOf(APITimeoutError);
    expect(error).toMatchObject({ timeout: 5, attempts: 2, outcomeKnown: false });
    expect(seen).toHaveLength(2);
  });

  test("with the caller's reason, untouched, when the call is aborted", async () => {
    const reason = { because: "enough" };
    const before = stub([receipt(id)]);
    const early = deleteMessageBatch(before.client, id, { signal: AbortSignal.abort(reason) });
    expect(await rejection(early)).toBe(reason);
    expect(before.seen).toHaveLength(0);

    const controller = new AbortController();
    const during = stub([() => {
      controller.abort(reason);
      return new Promise(() => {});
    }]);
    const call = deleteMessageBatch(during.client, id, { signal: controller.signal });
    expect(await rejection(call)).toBe(reason);
    expect(during.seen).toHaveLength(1);
  });

  test("with an event for the attempt that was aborted", async () => {
    const controller = new AbortController();
    const events: unknown[] = [];
    const { client } = stub([() => {
      controller.abort("enough");
      return new Promise(() => {});
    }], { onRequest: (event) => void events.push(event) });
    await rejection(deleteMessageBatch(client, id, { signal: controller.signal }));
    expect(events).toMatchObject([{ attempt: 1, errorCode: "ERR_ABORTED", outcomeKnown: false }]);
  });

  test("what the function of the key throws, without a request or a retry", async () => {
    const mistake = new TypeError("fetch failed");
    const { client, seen } = stub([receipt(id)], { apiKey: () => Promise.reject(mistake) });
    expect(await rejection(deleteMessageBatch(client, id))).toBe(mistake);
    expect(seen).toHaveLength(0);
  });

  for (
    const bad of [
      "",
      ".",
      "..",
      "a/b",
      "a\\b",
      "a?b",
      "a#b",
      ";x",
      "%2e%2e",
      " ",
      "a\n",
      "\ud800",
      apiKey,
      "x".repeat(1_025),
    ]
  ) {
    test(`${JSON.stringify(bad.slice(0, 40))} as an id before any request`, async () => {
      const { client, seen } = stub([receipt(bad)]);
      expect(await rejection(deleteMessageBatch(client, bad))).toBeInstanceOf(TypeError);
      expect(seen).toHaveLength(0);
    });
  }

  for (const bad of [undefined, null, 1, {}, [id]]) {
    test(`${JSON.stringify(bad)} as an id before any request`, async () => {
      const { client, seen } = stub([receipt(id)]);
      const call = deleteMessageBatch(client, bad as unknown as string);
      expect(await rejection(call)).toBeInstanceOf(TypeError);
      expect(seen).toHaveLength(0);
    });
  }
});
