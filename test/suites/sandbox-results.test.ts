import { describe, expect, test } from "vitest";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { BATCHES, call, createBody, toRequest } from "../fixtures/sandbox/call.ts";

describe("results", () => {
  test("are one line a request, of the type that the counts say", async () => {
    const sandbox = createSandbox({ random: () => 0 });
    sandbox.seed({
      id: "b",
      requests: ["one", "two", "three", "four"],
      request_counts: { succeeded: 1, errored: 1, canceled: 1, expired: 1 },
      text: "Hi",
    });
    const { text } = await call(sandbox, "GET", `${BATCHES}/b/results`);
    const lines = text.trimEnd().split("\n").map((line) => JSON.parse(line));
    expect(lines).toEqual([
      {
        custom_id: "one",
        result: {
          type: "succeeded",
          message: {
            id: "msg_010000000000000000000001",
            type: "message",
            role: "assistant",
            model: "claude-sonnet-4-5-20250929",
            content: [{ type: "text", text: "Hi" }],
            stop_reason: "end_turn",
            stop_sequence: null,
            usage: { input_tokens: 10, output_tokens: 34 },
          },
        },
      },
      {
        custom_id: "two",
        result: {
          type: "errored",
          error: {
            type: "error",
            error: { type: "invalid_request_error", message: "The request is invalid." },
            request_id: null,
          },
        },
      },
      { custom_id: "three", result: { type: "canceled" } },
      { custom_id: "four", result: { type: "expired" } },
    ]);
  });

  test("have the custom ids that were sent", async () => {
    const sandbox = createSandbox();
    const body = createBody("my-first-request", "my-second-request");
    const { id } = (await call(sandbox, "POST", BATCHES, { body })).json;
    sandbox.advance(60_000);
    const { text } = await call(sandbox, "GET", `${BATCHES}/${id}/results`);
    const lines = text.trimEnd().split("\n").map((line) => JSON.parse(line));
    expect(lines.map(({ custom_id }) => custom_id)).toEqual([
      "my-first-request",
      "my-second-request",
    ]);
  });

  test("are the same when they are read again", async () => {
    const sandbox = createSandbox();
    const { id } = sandbox.seed({ requests: 50 });
    const path = `${BATCHES}/${id}/results`;
    const first = (await call(sandbox, "GET", path)).text;
    expect((await call(sandbox, "GET", path)).text).toBe(first);
    expect(new Set(first.trimEnd().split("\n")).size).toBe(50);
  });

  test("are made while they are read", async () => {
    const sandbox = createSandbox();
    // A thousand times what a test may wait for, if it were made before it is asked for.
    const { id } = sandbox.seed({ requests: 1_000_000_000 });
    const response = await sandbox.fetch(toRequest("GET", `${BATCHES}/${id}/results`));
    const reader = response.body?.getReader();
    const chunk = await reader?.read();
    expect(chunk?.value?.byteLength).toBeGreaterThan(0);
    expect(chunk?.value?.byteLength).toBeLessThan(1_000_000);
    await reader?.cancel();
  });
});
