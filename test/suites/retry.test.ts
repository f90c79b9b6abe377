import { describe, expect, test } from "vitest";
import { type Client, deleteMessageBatch } from "../../mod.ts";
import { lost, receipt, refusal, stub, type StubAnswer } from "../fixtures/stub.ts";

const id = "msgbatch_1";

/** Deletes a batch with these answers, and says how often it asked, how long it waited, and the error. */
async function remove(answers: readonly StubAnswer[], overrides: Partial<Client> = {}) {
  const { client, seen, waits } = stub(answers, overrides);
  const error = await deleteMessageBatch(client, id).then(() => undefined, (thrown) => thrown);
  return { attempts: seen.filter(({ method }) => method === "DELETE").length, waits, error };
}

const answered = (status: number, headers: Record<string, string> = {}): StubAnswer =>
  status === 204
    ? () => new Response(null, { status })
    : status < 400
    ? () => Response.json({}, { status, headers })
    : refusal(status, "made_up_error", headers);

describe("deleteMessageBatch() repeats a request", () => {
  test.each([408, 409, 429, 500, 502, 503, 504, 529])("after a %i", async (status) => {
    expect(await remove([answered(status), receipt(id)])).toMatchObject({ attempts: 2 });
  });

  test("after a lost connection", async () => {
    expect(await remove([lost, receipt(id)])).toMatchObject({ attempts: 2, error: undefined });
  });

  test("30 times more, at most, where its pace excuses every 429", async () => {
    const pace = { permit: () => Promise.resolve(() => true) };
    const { attempts, error } = await remove([answered(429)], { pace, maxRetries: 1 });
    expect(attempts).toBe(1 + 1 + 30);
    expect(error).toMatchObject({ status: 429, attempts: 32 });
  });

  test("and keeps what an answer said of the workspace, though the last does not", async () => {
    const first = answered(500, { "anthropic-workspace-id": "wrkspc_1" });
    for (const [last, code] of [[lost, "ERR_CONNECTION"], [answered(500), "ERR_API"]] as const) {
      const { error } = await remove([first, last]);
      expect(error).toMatchObject({ code, workspaceId: "wrkspc_1" });
    }
  });

  test("until the function of the key fails: what it throws comes back untouched", async () => {
    let asked = 0;
    const mistake = new TypeError("fetch failed"); // as a runtime says that a connection was lost
    const apiKey = () => (asked += 1) === 1 ? "sk-ant-api03-example" : Promise.reject(mistake);
    const { attempts, error } = await remove([lost], { apiKey });
    expect(attempts).toBe(1);
    expect(error).toBe(mistake);
  });

  test.each([204, 302, 401, 402, 403, 404, 413])("not after a %i", async (status) => {
    const { attempts, waits, error } = await remove([answered(status)]);
    expect([attempts, waits]).toEqual([1, []]);
    expect(error).toBeInstanceOf(Error);
  });

  test("as x-should-retry says, if it is a refusal", async () => {
    const asks = (status: number, answer: string) =>
      remove([answered(status, { "x-should-retry": answer }), receipt(id)]);
    expect(await asks(413, "true")).toMatchObject({ attempts: 2 });
    expect(await asks(500, "false")).toMatchObject({ attempts: 1 });
    expect(await asks(500, "perhaps")).toMatchObject({ attempts: 2 });
    expect(await asks(302, "true")).toMatchObject({ attempts: 1 });
  });

  test("as a repeated x-should-retry says, if it says the same", async () => {
    const answer = answered(500, { "x-should-retry": "false, false" });
    expect(await remove([answer, receipt(id)])).toMatchObject({ attempts: 1 });
  });

  test("not after a spend limit is reached", async () => {
    const error = { type: "rate_limit_error", details: { error_code: limitReached } };
    const answer = () => Response.json({ type: "error", error }, { status: 429 });
    expect(await remove([answer, receipt(id)])).toMatchObject({
      attempts: 1,
      error: { errorCode: limitReached },
    });
  });
});

const limitReached = "enforced_spend_limit_reached";

describe("an error says that its outcome is", () => {
  test.each([408, 500, 502, 503, 504])("unknown after a %i", async (status) => {
    const { error } = await remove([answered(status)]);
    expect(error).toMatchObject({ attempts: 3, outcomeKnown: false });
  });

  test.each([401, 403, 404, 409, 429, 529])("known after a %i", async (status) => {
    expect((await remove([answered(status)])).error).toMatchObject({ outcomeKnown: true });
  });
});

describe("the wait before a repetition is", () => {
  const cases: [Record<string, string>, number | undefined][] = [
    [{}, undefined],
    [{ "retry-after": "3" }, 3_000],
    [{ "retry-after": "0.5" }, 500],
    [{ "retry-after-ms": "250", "retry-after": "3" }, 250],
    [{ "retry-after-ms": "0", "retry-after": "3" }, 3_000],
    [{ "retry-after": "Sun, 22 Nov 2026 00:00:07 GMT" }, 7_000],
    [{ "retry-after": "Sat, 21 Nov 2026 00:00:07 GMT" }, undefined],
    [{ "retry-after": "0" }, undefined],
    [{ "retry-after": "-1" }, undefined],
    [{ "retry-after": "soon" }, undefined],
    [{ "retry-after": "1e3" }, undefined],
    [{ "retry-after": "0x10" }, undefined],
    [{ "retry-after": "NaN" }, undefined],
    [{ "retry-after": "Infinity" }, undefined],
    [{ "retry-after": "99999999999" }, undefined],
    [{ "retry-after": "2026-11-22T00:00:07Z" }, 7_000],
    [{ "retry-after": "2026-11-22T02:00:07+02:00" }, 7_000],
    [{ "retry-after": "2026-11-22T00:00:07" }, 7_000],
    [{ "retry-after": "Sunday, 22-Nov-26 00:00:07 GMT" }, 7_000],
    [{ "retry-after": "Sun Nov 22 00:00:07 2026" }, 7_000],
    [{ "retry-after": "7, 7" }, 7_000],
    [{ "retry-after": "7, 30, 5" }, 30_000],
    [{ "retry-after": "soon, 7" }, 7_000],
    [{ "retry-after-ms": "250, 700", "retry-after": "3" }, 700],
    [{ "retry-after": "Sun, 22 Nov 2026 00:00:07 GMT, Sun, 22 Nov 2026 00:00:09 GMT" }, 9_000],
    [{ "retry-after": "Sun, 22 Nov 2026 00:00:07 GMT, 8" }, 8_000],
    [
      { "retry-after": "Sun, 22 Nov 2026 00:00:07 GMT", date: "Sun, 22 Nov 2026 00:00:05 GMT" },
      2_000,
    ],
    [
      {
        "retry-after": "Sun, 22 Nov 2026 00:00:07 GMT",
        date: "Sun, 22 Nov 2026 00:00:05 GMT, Sun, 22 Nov 2026 00:00:03 GMT, soon",
      },
      4_000,
    ],
    [{ "retry-after": "sun, 22 nov 2026 00:00:07 gmt" }, 7_000],
    [{ "retry-after": "Sun, 22 Nov 2026 00:00:07" }, 7_000],
    [{ "retry-after": "2026-11-22t00:00:07" }, 7_000],
    [{ "retry-after": "2026-11-22 00:00:07" }, 7_000],
    [{ "retry-after": "Sun Nov 22 10:00:07 2026", date: "Sun, 22 Nov 2026 10:00:05 GMT" }, 2_000],
  ];
  test.each(cases)("what the API asks for: %j, %s ms", async (headers, asked) => {
    const { waits } = await remove([answered(429, headers), receipt(id)]);
    expect(waits).toEqual([asked ?? 500]);
    const { error } = await remove([answered(429, headers)], { maxRetries: 0 });
    expect(error).toMatchObject({ retryAfter: asked });
  });

  test("a backoff that doubles from half a second to eight", async () => {
    const { waits } = await remove([lost], { maxRetries: 7 });
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
  });

  test("less by up to a quarter", async () => {
    const { clock, waits } = stub([]);
    await remove([lost, receipt(id)], { clock: { ...clock, random: () => 0.999 } });
    expect(waits[0]).toBeGreaterThanOrEqual(375);
    expect(waits[0]).toBeLessThan(376);
  });

  test("no longer than is allowed: the call ends where the API asks for more", async () => {
    const asks = (seconds: string) => remove([answered(429, { "retry-after": seconds })]);
    expect((await asks("60")).waits).toEqual([60_000, 60_000]);
    expect(await asks("61")).toMatchObject({ attempts: 1, error: { retryAfter: 61_000 } });
    const { waits } = await remove([lost], { maxRetries: 5, maxRetryDelay: 700 });
    expect(waits).toEqual([500, 700, 700, 700, 700]);
  });
});
