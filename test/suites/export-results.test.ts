import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Client,
  type Clock,
  exportMessageBatchResults,
  InvalidResponseError,
  type MessageBatch,
  type RequestEvent,
  type ResultsExport,
} from "../../mod.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { everythingIn } from "../fixtures/everything-in.ts";
import {
  createMemorySink,
  type MemorySink,
  type MemorySinkHooks,
} from "../fixtures/memory-sink.ts";
import { linesOf } from "../fixtures/result-lines.ts";
import {
  answer,
  batchWith,
  impossibleCounts,
  pieces,
  resultsUrl,
  sha256Of,
} from "../fixtures/results.ts";
import {
  apiKey,
  lost,
  refusal,
  rejection,
  type Stub,
  stub,
  type StubAnswer,
} from "../fixtures/stub.ts";
import { timersOf } from "../fixtures/timers.ts";

/** What came of an export. */
interface Outcome extends Stub, Pick<MemorySink, "text" | "state"> {
  readonly result?: ResultsExport;
  readonly error?: unknown;
  readonly events: readonly RequestEvent[];
}

/** Exports what is answered. */
async function run(
  answers: readonly StubAnswer[],
  given: {
    readonly batch?: MessageBatch;
    readonly client?: Partial<Client>;
    readonly sink?: MemorySinkHooks;
    readonly signal?: AbortSignal;
  } = {},
): Promise<Outcome> {
  const events: RequestEvent[] = [];
  const onRequest = (event: RequestEvent) => void events.push(event);
  const stubbed: Stub = stub(answers, { onRequest, ...given.client });
  const { sink, text, state } = createMemorySink(given.sink);
  const { batch = batchWith(3), signal } = given;
  const end = await exportMessageBatchResults(stubbed.client, batch, sink, { signal }).then(
    (result) => ({ result }),
    (error: unknown) => ({ error }),
  );
  return { ...stubbed, events, text, state, ...end };
}

const three = linesOf(3);
const silent = (text: string): StubAnswer => () => {
  const bytes = new TextEncoder().encode(text);
  return new Response(
    new ReadableStream({
      start: (controller) => bytes.length > 0 ? controller.enqueue(bytes) : undefined,
    }),
  );
};

describe("exportMessageBatchResults()", () => {
  test("writes every byte, counts and hashes, closes the sink and says so", async () => {
    const { result, text, state, seen, events } = await run([answer(three, [7, 30])]);
    expect(result).toEqual({
      id: "msgbatch_1",
      lines: 3,
      bytes: new TextEncoder().encode(three).length,
      sha256: await sha256Of(three),
      requestId: "req_9",
    });
    expect([text(), state()]).toEqual([three, "closed"]);
    expect(seen.map(({ method, url, redirect }) => [method, url, redirect])).toEqual([
      ["GET", resultsUrl, "manual"],
    ]);
    expect(seen[0]?.headers.get("x-api-key")).toBe(apiKey);
    expect(seen[0]?.headers.get("anthropic-version")).toBe("2023-06-01");
    expect(events).toEqual([{
      method: "GET",
      pathTemplate: "/v1/messages/batches/{message_batch_id}/results",
      attempt: 1,
      duration: 0,
      outcomeKnown: true,
      retryDelay: undefined,
      status: 200,
      requestId: "req_9",
    }]);
  });

  test("exports what the sandbox has, whatever its path and size", async () => {
    const sandbox = createSandbox({ basePath: "/gateway" });
    const counts = { succeeded: 4_000, errored: 300, canceled: 20, expired: 1 };
    const { id } = sandbox.seed({ request_counts: counts });
    const baseUrl = "https://api.anthropic.com/gateway";
    const results_url = `${baseUrl}/v1/messages/batches/${id}/results`;
    const batch = batchWith(0, { ...sandbox.batch(id), results_url });
    const headers = { "x-api-key": "any", "anthropic-version": "2023-06-01" };
    const expected = await (await sandbox.fetch(results_url, { headers })).text();
    const { sink, text, chunks } = createMemorySink();
    const client = { apiKey, baseUrl, fetch: sandbox.fetch };
    const { lines, sha256 } = await exportMessageBatchResults(client, batch, sink);
    expect([lines, sha256]).toEqual([4_321, await sha256Of(expected)]);
    expect(text()).toBe(expected);
    expect(chunks.length).toBeGreaterThan(10);
  });

  test("takes results that are cut anywhere, into the middle of a character", async () => {
    const [one = "", ...others] = linesOf(5).split(/(?<=\n)/);
    const text = `${one}\r\n \t\n${others.join("")}\n`;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(text.length)), async (cuts) => {
        const { result, text: written } = await run([answer(text, cuts)], { batch: batchWith(5) });
        expect(result).toMatchObject({ lines: 5, sha256: await sha256Of(text) });
        expect(written()).toBe(text);
      }),
      { numRuns: 50 },
    );
  });

  const whole: [string, string, number][] = [
    ["blank lines between", three.replaceAll("\n", "\n\n"), 3],
    ["line ends of Windows", three.replaceAll("\n", "\r\n"), 3],
    ["a last line without its end", three.trimEnd(), 3],
    ["a last line without its end, and spaces", `${three.trimEnd()}  `, 3],
    ["one line without its end", `{"custom_id":"ü","result":{}}`, 1],
    ["a long id", JSON.stringify({ custom_id: "x".repeat(256), result: {} }), 1],
  ];
  test.each(whole)("counts %s", async (_, text, count) => {
    for (const cuts of [[], [...text].map((_, index) => index)]) {
      const { result, text: written } = await run([answer(text, cuts)], {
        batch: batchWith(count),
      });
      expect(result).toMatchObject({ lines: count, sha256: await sha256Of(text) });
      expect(written()).toBe(text);
    }
  });

  test("judges and hashes before the sink, which may change the bytes", async () => {
    const sink = new WritableStream<Uint8Array>({ write: (bytes) => void bytes.fill(0) });
    const { client } = stub([answer(three, [7, 30])]);
    const { sha256 } = await exportMessageBatchResults(client, batchWith(3), sink);
    expect(sha256).toBe(await sha256Of(three));
  });

  test("goes no faster than the sink", async () => {
    const text = linesOf(200);
    const most = text.length / 8;
    let given = 0;
    let taken = 0;
    const source = pieces(text, Array.from({ length: 100 }, (_, index) => index * most / 10))
      .pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform: (chunk, controller) => {
            given += chunk.length;
            expect(given - taken).toBeLessThan(most);
            controller.enqueue(chunk);
          },
        }),
      );
    const { result, state } = await run([() => new Response(source)], {
      batch: batchWith(200),
      sink: {
        write: async (chunk) => {
          await new Promise((resolve) => setTimeout(resolve, 1));
          taken += chunk.length;
        },
      },
    });
    expect(result).toMatchObject({ lines: 200, bytes: taken });
    expect(state()).toBe("closed");
  });
});

describe("exportMessageBatchResults() refuses", () => {
  const short = linesOf(2);
  const lineOf = (other: object) => `${JSON.stringify({ custom_id: "x", result: {}, ...other })}\n`;
  const invalid: [string, string, RegExp][] = [
    ["fewer lines", short, /2 lines, and the batch 3 results/],
    ["more lines", linesOf(4), /more lines than the batch has results/],
    ["nothing", "", /0 lines/],
    ["blank lines only", "\n \n\r\n", /0 lines/],
    ["a page", "<!doctype html>\n<title>Sign in</title>\n\n</html>\n", /line 1 is not a result/],
    ["XML", "<Error>\n<Code>Expired</Code>\n</Error>\n", /line 1 is not a result/],
    ["errors", `{"type":"error"}\n`.repeat(3), /line 1 is not a result/],
    ["JSON over lines", `{\n"a": 1\n}\n`, /line 1 is not a result/],
    ["numbers", "1\n2\n3\n", /line 1 is not a result/],
    ["lines of null", "null\n".repeat(3), /line 1 is not a result/],
    ["a result twice", three.replace("request-2", "request-1"), /line 3 has the custom_id of one/],
    ["a result twice, at the end", `${short}${short.split("\n")[0]}`, /line 3 has the custom_id/],
    ["an id too long to hold", lineOf({ custom_id: "x".repeat(257) }), /line 1 is not a result/],
    ["an id that is no text", lineOf({ custom_id: 1 }), /line 1 is not a result/],
    ["a line without an id", `${short}{"result":{}}\n`, /line 3 is not a result/],
    ["a line without a result", `${short}{"custom_id":"x"}\n`, /line 3 is not a result/],
    ["a result that is null", lineOf({ result: null }), /line 1 is not a result/],
    ["a result that is a list", lineOf({ result: [] }), /line 1 is not a result/],
    ["a result that is a text", lineOf({ result: "{}" }), /line 1 is not a result/],
    ["a byte order mark", `\ufeff${three}`, /line 1 is not a result/],
    ["a page of one line", "<!doctype html>", /breaks off/],
    ["a last line that is cut off", three.slice(0, -10), /breaks off/],
    ["all lines and a piece of one", `${three}{"custom_id`, /breaks off/],
    ["a last line that may be cut off", `${short}12`, /breaks off/],
    ["a last line that is no object", `${short}[{}]`, /breaks off/],
    ["JSON that is one object", JSON.stringify({ error: { type: "none" } }), /breaks off/],
  ];
  test.each(invalid)("%s", async (_, text, message) => {
    const { error, state, seen } = await run([answer(text, [5])]);
    expect(error).toBeInstanceOf(InvalidResponseError);
    expect(error).toMatchObject({
      code: "ERR_INVALID_RESPONSE",
      status: 200,
      requestId: "req_9",
      attempts: 1,
      message: expect.stringMatching(message),
    });
    expect(everythingIn(error)).not.toContain("Grüße");
    expect([state(), seen.length]).toEqual(["aborted", 1]);
  });

  test("an answer that has no body at all", async () => {
    const { error, state } = await run([() => new Response(null)]);
    expect(error).toHaveProperty("message", expect.stringMatching(/0 lines, and the batch 3/));
    expect(state()).toBe("aborted");
  });

  test("a line that is not UTF-8", async () => {
    for (const [text, message] of [[three.trimEnd(), /breaks off/], [three, /line 3 is not/]]) {
      const bytes = new TextEncoder().encode(text as string);
      bytes[bytes.lastIndexOf(0xc3)] = 0xff;
      const { error, state } = await run([() => new Response(bytes)]);
      expect(error).toHaveProperty("message", expect.stringMatching(message as RegExp));
      expect(state()).toBe("aborted");
    }
  });

  test("what is not results before the sink has any of it", async () => {
    const { text } = await run([answer(`<!doctype html>\n${three}`, [])]);
    expect(text()).toBe("");
  });

  test("lines without end, at the first that is too many", async () => {
    let pulls = 0;
    let canceled = false;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulls += 1;
        controller.enqueue(new TextEncoder().encode(lineOf({ custom_id: `${pulls}` })));
      },
      cancel: () => {
        canceled = true;
        return new Promise(() => {}); // a hostile stream never says so
      },
    });
    const { error, state } = await run([() => new Response(endless)]);
    expect(error).toHaveProperty("message", expect.stringMatching(/more lines than/));
    expect([state(), canceled]).toEqual(["aborted", true]);
    expect(pulls).toBeLessThan(10);
  });

  test.each([206, 302, 404])("a %i with results, of which it writes nothing", async (status) => {
    const { error, text, state } = await run([() => new Response(three, { status })]);
    expect(error).toMatchObject({ status, attempts: 1 });
    expect([text(), state()]).toEqual(["", "aborted"]);
  });

  const wrong: [string, unknown, RegExp][] = [
    ["no batch", null, /batch: it is not a message batch/],
    ["an id", "msgbatch_1", /batch: it is not a message batch/],
    ["a batch without an id", batchWith(3, { id: "" }), /message_batch_id/],
    ["one in progress", batchWith(3, { processing_status: "in_progress" }), /has not ended/],
    ["one that is canceling", batchWith(3, { processing_status: "canceling" }), /has not ended/],
    ["archived results", batchWith(3, { archived_at: "2026-01-01T00:00:00Z" }), /archived/],
    ["no counts", { ...batchWith(3), request_counts: undefined }, /request_counts/],
    ["counts that are none", { ...batchWith(3), request_counts: { succeeded: "x" } }, /counts/],
    ...impossibleCounts.map((counts): [string, unknown, RegExp] => [
      `counts of ${JSON.stringify(counts)}`,
      batchWith(3, { request_counts: { ...batchWith(3).request_counts, ...counts } }),
      /batch: its request_counts are not those of a batch that has ended/,
    ]),
  ];
  test.each(wrong)("%s, before any request", async (_, batch, message) => {
    const { error, seen, state } = await run([answer(three, [])], { batch: batch as MessageBatch });
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toHaveProperty("message", expect.stringMatching(message));
    expect([seen.length, state()]).toEqual([0, "aborted"]);
  });

  test("a sink that cannot be used, and a client that cannot", async () => {
    const { client, seen } = stub([answer(three, [])]);
    const { sink } = createMemorySink();
    sink.getWriter();
    for (const bad of [sink, undefined, {}, "file"] as WritableStream<Uint8Array>[]) {
      await expect(exportMessageBatchResults(client, batchWith(3), bad)).rejects.toThrow(TypeError);
    }
    const other = createMemorySink();
    const keyless = exportMessageBatchResults({}, batchWith(3), other.sink);
    await expect(keyless).rejects.toThrow(TypeError);
    expect([seen.length, other.state()]).toEqual([0, "aborted"]);
  });
});

describe("exportMessageBatchResults(), where results_url is elsewhere,", () => {
  const elsewhere = "https://results.example.com/r?signature=1";
  const client = {
    apiKey,
    authToken: "token-sentinel",
    workspaceId: "wrkspc_sentinel",
    betas: ["beta-sentinel"],
    headers: { "x-gateway": "gateway-sentinel" },
  };

  const documented = "https://api.anthropic.com/v1/messages/batches/msgbatch_1/results";
  const noPath = () => new Response("no such path", { status: 404 });

  test("asks for the documented path below the base URL first, and then for nothing else", async () => {
    const unusable = [
      "/results",
      "file:///etc/passwd",
      "http://api.anthropic.com/r",
      "http://127.0.0.1:1/r",
      "https://u:p@x.test/r",
      documented,
    ];
    for (const results_url of [null, elsewhere, ...unusable]) {
      const batch = batchWith(3, { results_url });
      const { result, seen } = await run([answer(three, [])], { batch, client });
      expect(result).toMatchObject({ lines: 3 });
      expect(seen.map(({ url }) => url)).toEqual([documented]);
      expect(seen[0]?.headers.get("x-api-key")).toBe(apiKey);
    }
    for (const results_url of unusable) {
      const batch = batchWith(3, { results_url });
      const { error, seen } = await run([noPath, answer(three, [])], { batch, client });
      expect(error).toMatchObject({ status: 404 });
      expect(everythingIn(error)).not.toMatch(/passwd|u:p/);
      expect(seen).toHaveLength(1);
    }
    for (const status of [401, 403, 429, 500]) {
      const batch = batchWith(3, { results_url: elsewhere });
      const refused = () => new Response("", { status });
      const { error, seen } = await run([refused, answer(three, [])], {
        batch,
        client: { ...client, maxRetries: 0 },
      });
      expect(error).toMatchObject({ status });
      expect(seen).toHaveLength(1);
    }
  });

  test("gives it no header of the client, and follows no redirect", async () => {
    let asked = 0;
    const secret = () => {
      asked += 1;
      return apiKey;
    };
    for (const status of [404, 405, 501]) {
      const noPath = () => new Response("", { status });
      const { result, seen } = await run([noPath, answer(three, [])], {
        batch: batchWith(3, { results_url: elsewhere }),
        client: { ...client, apiKey: secret, maxRetries: 0 },
      });
      expect(result).toMatchObject({ lines: 3 });
      expect(seen.map(({ url, redirect }) => [url, redirect])).toEqual([
        [documented, "manual"],
        [elsewhere, "manual"],
      ]);
      expect([...seen[1]?.headers ?? []]).toEqual([]);
    }
    expect(asked).toBe(3);
  });

  test("gives its own origin all of them, by whatever path", async () => {
    const results_url = "https://api.anthropic.com:443/elsewhere?x=1";
    const { seen } = await run([noPath, answer(three, [])], {
      batch: batchWith(3, { results_url }),
      client,
    });
    expect(seen[1]?.url).toBe("https://api.anthropic.com/elsewhere?x=1");
    expect(Object.fromEntries(seen[1]?.headers ?? [])).toMatchObject({
      "x-api-key": apiKey,
      "x-gateway": "gateway-sentinel",
      "anthropic-beta": "beta-sentinel",
      "anthropic-workspace-id": "wrkspc_sentinel",
    });
  });

  const others = [
    "https://api.anthropic.com:8443/r",
    "https://api.anthropic.com.example.com/r",
    "https://xn--pi-8ka.anthropic.com/r",
    "HTTPS://API2.ANTHROPIC.COM/r",
  ];
  test.each(others)("knows %s for another origin", async (results_url) => {
    const { seen } = await run([noPath, answer(three, [])], {
      batch: batchWith(3, { results_url }),
      client,
    });
    expect([...seen[1]?.headers ?? []]).toEqual([]);
  });

  test("takes another port of loopback, where the API is on loopback, and nothing else", async () => {
    const baseUrl = "http://127.0.0.1:8080";
    const export_ = (results_url: string) =>
      run([noPath, answer(three, [])], {
        batch: batchWith(3, { results_url }),
        client: { ...client, baseUrl },
      });
    for (const near of ["http://127.0.0.1:9/r", "http://localhost/r", "https://example.com/r"]) {
      const { result, seen } = await export_(near);
      expect([result?.lines, [...seen[1]?.headers ?? []]]).toEqual([3, []]);
    }
    const { error, seen } = await export_("http://example.com/r");
    expect(error).toMatchObject({ status: 404 });
    expect(seen).toHaveLength(1);
  });

  test("says whose refusal it was", async () => {
    const { error } = await run([noPath, refusal(401, "authentication_error")], {
      batch: batchWith(3, { results_url: elsewhere }),
    });
    expect(error).toMatchObject({
      code: "ERR_API",
      status: 401,
      message: expect.stringMatching(/from another origin, which is given no credential: 401/),
    });
    expect(everythingIn(error)).not.toContain("signature");
  });
});

test("exportMessageBatchResults() asks nowhere else after a 404 of the API", async () => {
  const batch = batchWith(3, { results_url: "https://upstream.example.com/r" });
  const { error, seen } = await run([refusal(404, "not_found_error")], { batch });
  expect([error, seen.length]).toEqual([expect.objectContaining({ code: "ERR_NOT_FOUND" }), 1]);
});

describe("exportMessageBatchResults() bounds how long results take:", () => {
  const drip = (seconds: number, first = seconds): StubAnswer => () => {
    const bytes = new TextEncoder().encode(three);
    let sent = 0;
    return new Response(
      new ReadableStream<Uint8Array>({
        pull: (controller) => {
          time += (sent === 0 ? first : seconds) * 1_000;
          if (sent === bytes.length) controller.close();
          else controller.enqueue(bytes.slice(sent, sent += 1));
        },
      }, { highWaterMark: 0 }),
    );
  };
  let time = 0;
  const clock: Clock = { ...stub([]).clock, now: () => time };

  test("a drip is a timeout, which is tried again", async () => {
    const { error, events, state } = await run([drip(1)], { client: { clock, maxRetries: 1 } });
    expect(error).toMatchObject({
      code: "ERR_TIMEOUT",
      message: expect.stringMatching(/more slowly than 1024 bytes a second$/),
    });
    expect(events.map(({ errorCode }) => errorCode)).toEqual(["ERR_TIMEOUT", "ERR_TIMEOUT"]);
    expect(state()).toBe("aborted");
  });

  test("the time that the sink takes does not count", async () => {
    const write = () => void (time += 3_600_000);
    const { result } = await run([answer(three, [5, 10])], { client: { clock }, sink: { write } });
    expect(result?.lines).toBe(3);
  });

  test("a clock that is set back counts for nothing", async () => {
    const { result } = await run([drip(-1)], { client: { clock } });
    expect(result?.lines).toBe(3);
    const { error } = await run([drip(1, -3_600)], { client: { clock, maxRetries: 0 } });
    expect(error).toMatchObject({ code: "ERR_TIMEOUT" });
  });
});

describe("exportMessageBatchResults(), when the connection is lost,", () => {
  const text = linesOf(20);
  const batch = batchWith(20);
  const bytes = new TextEncoder().encode(text).length;

  test("asks again from the beginning, and writes every byte once", async () => {
    const answers = [
      answer(text, [10, 50], { lostAt: 100 }),
      lost,
      refusal(529, "overloaded_error"),
      answer(text, [99], { lostAt: 40 }),
      answer(text, [33], { lostAt: 101 }),
      answer(text, [100]),
    ];
    const { result, text: written, events, waits } = await run(answers, {
      batch,
      client: { maxRetries: 5 },
    });
    expect(result).toMatchObject({ lines: 20, bytes, sha256: await sha256Of(text) });
    expect(written()).toBe(text);
    expect(events.map(({ status, errorCode }) => status ?? errorCode)).toEqual([
      "ERR_CONNECTION",
      "ERR_CONNECTION",
      529,
      "ERR_CONNECTION",
      "ERR_CONNECTION",
      200,
    ]);
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000]);
  });

  test("gives up within maxRetries, and aborts the sink", async () => {
    const { error, state, seen } = await run([answer(text, [], { lostAt: bytes })], { batch });
    expect(error).toMatchObject({ code: "ERR_CONNECTION", attempts: 3 });
    expect([state(), seen.length]).toEqual(["aborted", 3]);
  });

  const refused: [string, StubAnswer, object][] = [
    ["a 404", refusal(404, "not_found_error"), { code: "ERR_NOT_FOUND", requestId: "req_2" }],
    ["a 401", refusal(401, "authentication_error"), { code: "ERR_API", status: 401 }],
    ["a redirect", () => new Response(null, { status: 302 }), { code: "ERR_INVALID_RESPONSE" }],
    ["a 206", () => new Response("{}\n", { status: 206 }), { code: "ERR_INVALID_RESPONSE" }],
  ];
  test.each(refused)("ends at %s that comes then", async (_, then, expected) => {
    const { error, state } = await run([answer(text, [], { lostAt: 9 }), then], { batch });
    expect(error).toMatchObject({ attempts: 2, ...expected });
    expect(state()).toBe("aborted");
  });

  test("refuses other results than before, or fewer", async () => {
    const changed: [string, RegExp][] = [
      [text.replace("request-1", "request-X"), /changed while it was asked for again/],
      [text.slice(0, 90), /shorter than when it was asked for before/],
      ["", /shorter/],
    ];
    for (const [other, message] of changed) {
      const answers = [answer(text, [], { lostAt: 150 }), answer(other, [50])];
      const { error, state, text: written, seen } = await run(answers, { batch });
      expect(error).toBeInstanceOf(InvalidResponseError);
      expect(error).toMatchObject({ attempts: 2, message: expect.stringMatching(message) });
      expect([state(), seen.length]).toEqual(["aborted", 2]);
      expect(text.startsWith(written())).toBe(true);
    }
  });

  test("never has anything but the results in a closed sink, wherever it is lost", async () => {
    const cut = fc.record({
      lostAt: fc.option(fc.nat(bytes), { nil: undefined }),
      cuts: fc.array(fc.nat(bytes), { maxLength: 6 }),
      other: fc.oneof(
        { weight: 6, arbitrary: fc.constant(text) },
        fc.nat(19).map((line) => text.replace(`request-${line}"`, `request-x"`)),
        fc.nat(19).map((count) => linesOf(count)),
      ),
    });
    let exported = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(cut, { minLength: 1, maxLength: 4 }), async (all) => {
        const answers = all.map(({ lostAt, cuts, other }) => answer(other, cuts, { lostAt }));
        const { result, error, text: written, state } = await run(answers, {
          batch,
          client: { maxRetries: 3 },
        });
        if (result === undefined) {
          expect(error).toHaveProperty("code");
          expect(state()).toBe("aborted");
          return;
        }
        exported += 1;
        expect(state()).toBe("closed");
        const possible = all.map(({ other }) => other);
        expect(possible).toContain(written());
        expect(result).toMatchObject({ lines: 20, sha256: await sha256Of(written()) });
      }),
      { numRuns: 120 },
    );
    expect(exported).toBeGreaterThan(5); // some 33
  });
});

describe("exportMessageBatchResults() in time", () => {
  test("ends when the answer does not begin, or is silent, and says which", async () => {
    const never: StubAnswer = () => new Promise(() => {});
    const client = { timeout: 30, maxRetries: 0 };
    const late = await run([never], { client });
    expect(late.error).toMatchObject({ code: "ERR_TIMEOUT", timeout: 30 });
    const stalled = await run([silent(three.slice(0, 50))], { client });
    expect(stalled.error).toMatchObject({
      code: "ERR_TIMEOUT",
      message: expect.stringMatching(/nothing came for 30 ms, after \d+ bytes/),
    });
    expect([late.state(), stalled.state()]).toEqual(["aborted", "aborted"]);
    const cut = three.slice(0, three.trimEnd().lastIndexOf("\n")); // a whole line without its end
    const again = await run([silent(cut), answer(three, [])], {
      client: { timeout: 30 },
    });
    expect([again.result?.lines, again.text()]).toEqual([3, three]);
  });

  test("does not count the time that the sink takes", async () => {
    const write = () => new Promise((resolve) => setTimeout(resolve, 60));
    const { result, events } = await run([answer(three, [10])], {
      client: { timeout: 40 },
      sink: { write, close: write },
    });
    expect([result?.lines, events.length]).toEqual([3, 1]);
  });

  test("counts every silence for itself", async () => {
    const source = pieces(three, [10, 20, 30, 40, 50]).pipeThrough(
      new TransformStream({
        transform: async (chunk, controller) => {
          await new Promise((resolve) => setTimeout(resolve, 100));
          controller.enqueue(chunk);
        },
      }),
    );
    const { result } = await run([() => new Response(source)], { client: { timeout: 450 } });
    expect(result?.lines).toBe(3);
  });
});

describe("exportMessageBatchResults(), when it is aborted,", () => {
  const reason = { why: "enough" };
  const when: [string, StubAnswer, MemorySinkHooks?][] = [
    ["before the answer", () => new Promise(() => {})],
    ["in its middle", silent(three.slice(0, 60))],
    ["while the sink takes its time", answer(three, []), { write: () => new Promise(() => {}) }],
    ["while the sink closes", answer(three, []), { close: () => new Promise(() => {}) }],
    ["where the sink's abort fails", silent(""), { abort: () => Promise.reject(new Error("no")) }],
  ];
  test.each(when)("%s, rejects with the reason", async (_, first, sink = {}) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 20);
    using _abortOfSink = timersOf(1_000, () => 10);
    const { error, result, seen } = await run([first], { signal: controller.signal, sink });
    expect(result).toBeUndefined();
    expect(error).toBe(reason);
    expect(seen).toHaveLength(1);
  });

  test("before it begins, sends nothing and aborts the sink with the reason", async () => {
    const reasons: unknown[] = [];
    const { error, seen, state } = await run([answer(three, [])], {
      signal: AbortSignal.abort(reason),
      sink: { abort: (why) => void reasons.push(why) },
    });
    expect([error, seen.length, state(), reasons]).toEqual([reason, 0, "aborted", [reason]]);
  });

  test("lets the connection go, and writes nothing that comes later", async () => {
    const controller = new AbortController();
    let canceled = 0;
    let more = () => {};
    const source = new ReadableStream<Uint8Array>({
      start: (inner) => {
        inner.enqueue(new TextEncoder().encode(three.slice(0, 20)));
        more = () => inner.enqueue(new TextEncoder().encode(three));
      },
      cancel: () => {
        canceled += 1;
      },
    });
    let writes = 0;
    const { error } = await run([() => new Response(source)], {
      signal: controller.signal,
      sink: {
        write: () => {
          writes += 1;
          controller.abort(reason);
        },
      },
    });
    expect(() => more()).toThrow(TypeError); // it was canceled
    expect([error, canceled, writes]).toEqual([reason, 1, 1]);
  });
});

test("exportMessageBatchResults() lets a connection go on which nothing comes", async () => {
  for (const abort of [true, false]) {
    let canceled = 0;
    const source = new ReadableStream<Uint8Array>({
      cancel: () => {
        canceled += 1;
      },
    });
    const controller = new AbortController();
    if (abort) setTimeout(() => controller.abort(), 10);
    const { error } = await run([() => new Response(source)], {
      signal: controller.signal,
      client: { maxRetries: 0, timeout: abort ? 20_000 : 20 },
    });
    expect([(error as Error).name, canceled]).toEqual([
      abort ? "AbortError" : "APITimeoutError",
      1,
    ]);
  }
});

describe("exportMessageBatchResults(), when the sink fails,", () => {
  const reasons = [new Error("The disk is full"), "a text", undefined, null];
  const moments = ["start", "write", "close"] as const;
  for (const moment of moments) {
    test(`at its ${moment}, rejects with what it failed with`, async () => {
      for (const reason of reasons) {
        let canceled = false;
        const source = new ReadableStream<Uint8Array>({
          pull: (controller) => {
            if (moment !== "close") return controller.enqueue(new TextEncoder().encode(" "));
            controller.enqueue(new TextEncoder().encode(three));
            controller.close();
          },
          cancel: () => {
            canceled = true;
          },
        });
        const outcome = await run([() => new Response(source)], {
          sink: { [moment]: () => Promise.reject(reason) },
        });
        expect(outcome).not.toHaveProperty("result");
        expect(outcome).toHaveProperty("error", reason);
        expect(outcome.seen).toHaveLength(1);
        expect(outcome.events).toHaveLength(1);
        expect(outcome.state()).not.toBe("closed");
        if (moment !== "close") {
          expect(canceled).toBe(true);
          expect(outcome.events[0]?.errorCode).toBe("ERR_ABORTED");
        }
      }
    });
  }

  test("holds no error back when it hangs as it is aborted", async () => {
    using _abortOfSink = timersOf(1_000, () => 10);
    const error = await rejection(
      run([answer("", [])], { sink: { abort: () => new Promise(() => {}) } })
        .then((outcome) => Promise.reject(outcome.error)),
    );
    expect(error).toBeInstanceOf(InvalidResponseError);
  });
});

describe("exportMessageBatchResults() keeps secrets", () => {
  test("that a server echoes", async () => {
    const echo: StubAnswer = () =>
      Response.json({ type: "error", error: { type: "api_error", message: `No ${apiKey}` } }, {
        status: 500,
        headers: { "request-id": apiKey },
      });
    const { error, events } = await run([answer(three, [], { lostAt: 9 }), echo]);
    expect(error).toMatchObject({ code: "ERR_API", status: 500 });
    expect(everythingIn([error, events])).not.toContain("sentinel");
  });

  test("that the function of the secret fails with, for the caller", async () => {
    const reason = new Error("The vault is closed");
    const { error, state } = await run([answer(three, [])], {
      client: { apiKey: () => Promise.reject(reason) },
    });
    expect([error, state()]).toEqual([reason, "aborted"]);
  });
});

test("exportMessageBatchResults() ends at a line that is too long, blank ones included", {
  timeout: 120_000, // 64 MiB are hashed
}, async () => {
  const size = 1_048_576;
  const [blank = new Uint8Array(), unended = blank] = ["\n", "x"].map((last) =>
    new TextEncoder().encode(" ".repeat(size - 1) + last)
  );
  let sent = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue((sent += 1) < 32 ? blank : unended),
  }, { highWaterMark: 0 });
  const { client } = stub([() => new Response(endless)]);
  let written = 0;
  const sink = new WritableStream<Uint8Array>({
    write: (bytes) => void (written += bytes.length),
  });
  const error = await rejection(exportMessageBatchResults(client, batchWith(3), sink));
  expect(error).toBeInstanceOf(InvalidResponseError);
  expect(String(error)).toContain("it has a line of more than 67108864 bytes");
  expect([sent, written]).toEqual([65, 64 * size]);
});

describe("exportMessageBatchResults()", () => {
  const isResult = (line: string) => {
    try {
      const { custom_id, result } = JSON.parse(line);
      return typeof custom_id === "string" && result?.constructor === Object;
    } catch {
      return false;
    }
  };

  test("judges as splitting and parsing the whole text does, however it is cut", async () => {
    const result = fc.nat(40).map((id) => `{"custom_id":"é${id}","result":{}}`);
    const wrong = fc.constantFrom("{}", "1", "{", '"', '{"custom_id":"é","result":[]}');
    const line = fc.oneof(
      { weight: 20, arbitrary: result },
      { weight: 1, arbitrary: wrong },
      { weight: 4, arbitrary: fc.constantFrom("", " ", "\t") },
    );
    const ended = fc.tuple(line, fc.constantFrom("\n", "\r\n", " \n")).map((all) => all.join(""));
    const seen = { taken: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(ended, { maxLength: 8 }),
        fc.oneof(fc.constant(""), line),
        fc.array(fc.nat(200)),
        fc.integer({ min: -1, max: 1 }),
        async (parts, last, cuts, off) => {
          const text = parts.join("") + last;
          const lines = text.split("\n").filter((one) => /\S/.test(one));
          const expected = Math.max(1, lines.length + off);
          const { result, error, text: written } = await run([answer(text, cuts)], {
            batch: batchWith(expected),
          });
          const good = expected === lines.length && lines.every(isResult) &&
            new Set(lines.map((one) => JSON.parse(one).custom_id)).size === expected;
          expect(error === undefined).toBe(good);
          if (good) expect([result?.lines, written()]).toEqual([expected, text]);
          else expect(error).toBeInstanceOf(InvalidResponseError);
          seen[good ? "taken" : "refused"] += 1;
        },
      ),
      { numRuns: 400 },
    );
    expect(Math.min(seen.taken, seen.refused)).toBeGreaterThan(20);
  });
});
